/** Features to one number per output: logits, or log-dollars, or log-milliseconds. Fitted and immutable. */
export interface Head {
  /** Length of the feature vector it reads. */
  readonly inputs: number;
  /** How many numbers it gives; for most heads, one a candidate. */
  readonly outputs: number;
  /** Reads `features` (`[inputs]`), writes `out` (`[outputs]`). */
  predictInto(features: Float32Array, out: Float32Array): void;
}
