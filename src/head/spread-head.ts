import type { Head } from './head.ts';

/**
 * Splits a head's outputs into what they share and how they differ, and weighs the two apart:
 * level * mean + deviation * (output - mean). The mean says how hard the prompt is for anybody; the deviations say
 * who should take it, which is far harder to learn and wants a weight of its own.
 */
export class SpreadHead implements Head {
  readonly inputs: number;
  readonly outputs: number;
  readonly #head: Head;
  readonly #level: number;
  readonly #deviation: number;

  constructor(head: Head, level: number, deviation: number) {
    this.inputs = head.inputs;
    this.outputs = head.outputs;
    this.#head = head;
    this.#level = level;
    this.#deviation = deviation;
  }

  predictInto(features: Float32Array, out: Float32Array): void {
    this.#head.predictInto(features, out);
    let mean = 0;
    for (let j = 0; j < this.outputs; j++) mean += out[j] / this.outputs;
    for (let j = 0; j < this.outputs; j++) out[j] = this.#level * mean + this.#deviation * (out[j] - mean);
  }
}
