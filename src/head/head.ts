/** Features to one number per output: logits, or log-dollars, or log-milliseconds. Fitted and immutable. */
export interface Head {
  /** Length of the feature vector it reads. */
  readonly inputs: number;
  /** How many numbers it gives; for most heads, one a candidate. */
  readonly outputs: number;
  /** Reads `features` (`[inputs]`), writes `out` (`[outputs]`). */
  predictInto(features: Float32Array, out: Float32Array): void;
}

/**
 * How the manifest describes a head. Heads compose: a stack adds up members, an extension adds a candidate. Everything
 * reads the one standardised feature vector.
 */
export type HeadSpec =
  /** A chain of Dense layers in the artifact's TF.js LayersModel, found by the name of its output. */
  | { readonly kind: 'layers'; readonly output: string }
  /** Weighted neighbours in part of the feature vector; see `KnnHead`. */
  | {
      readonly kind: 'knn';
      /** Binary file in the artifact: the stored rows and their outcomes. */
      readonly file: string;
      readonly rows: number;
      readonly neighbours: number;
      /** Half-open range of the feature vector that is compared (cosine). */
      readonly from: number;
      readonly to: number;
    }
  /** Sum of weight times member, on the scale of the members' outputs (logits, logs). */
  | {
      readonly kind: 'stack';
      readonly members: readonly { readonly weight: number; readonly head: HeadSpec }[];
    }
  /** level * mean + deviation * (output - mean), the mean being over the head's outputs; see `SpreadHead`. */
  | { readonly kind: 'spread'; readonly head: HeadSpec; readonly level: number; readonly deviation: number }
  /** logit(prior + output), per output: an expected quality to a calibrator's input; see `LogitHead`. */
  | { readonly kind: 'logit'; readonly head: HeadSpec; readonly prior: readonly number[] }
  /** The head's outputs, and one more, the last: constant + sum of weight * output, a weight per output of the head. */
  | {
      readonly kind: 'extend';
      readonly head: HeadSpec;
      readonly weights: readonly number[];
      readonly constant: number;
    };
