import { logit } from '../math/logit.ts';
import type { Head } from './head.ts';

/** Qualities nearer to 0 or 1 than this are held back: a straight line knows no certainty. */
const MARGIN = 0.002;

/** logit(prior + head): turns an expected quality, given as a difference to the prior, into a calibrator's input. */
export class LogitHead implements Head {
  readonly inputs: number;
  readonly outputs: number;
  readonly #head: Head;
  readonly #prior: Float64Array; // [outputs]

  constructor(head: Head, prior: ArrayLike<number>) {
    this.inputs = head.inputs;
    this.outputs = head.outputs;
    this.#head = head;
    this.#prior = Float64Array.from(prior);
  }

  predictInto(features: Float32Array, out: Float32Array): void {
    this.#head.predictInto(features, out);
    for (let j = 0; j < this.outputs; j++)
      out[j] = logit(Math.min(1 - MARGIN, Math.max(MARGIN, this.#prior[j] + out[j])));
  }
}
