import type { Head } from './head.ts';

/** prior + strength * (head - prior): pulls a head towards the candidates' overall means. */
export class ShrunkHead implements Head {
  readonly inputs: number;
  readonly outputs: number;
  readonly #head: Head;
  readonly #prior: Float64Array; // [outputs]
  readonly #strength: number;

  /**
   * @param prior one number per output, on the head's scale
   * @param strength 0 (the prior alone: the head is not even asked) to 1 (the head as it is)
   */
  constructor(head: Head, prior: ArrayLike<number>, strength: number) {
    this.inputs = head.inputs;
    this.outputs = head.outputs;
    this.#head = head;
    this.#prior = Float64Array.from(prior);
    this.#strength = strength;
  }

  predictInto(features: Float32Array, out: Float32Array): void {
    if (this.#strength === 0) {
      out.set(this.#prior);
      return;
    }
    this.#head.predictInto(features, out);
    for (let j = 0; j < this.outputs; j++) {
      out[j] = this.#prior[j] + this.#strength * (out[j] - this.#prior[j]);
    }
  }
}
