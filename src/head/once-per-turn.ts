import type { Head } from './head.ts';

/** Counts predictions: a new one means new features. */
export interface Turn {
  count: number;
}

/** A head that several others are made of: it is asked once a turn, however many of them read it. */
export class OncePerTurn implements Head {
  readonly inputs: number;
  readonly outputs: number;
  readonly #head: Head;
  readonly #turn: Turn;
  readonly #value: Float32Array;
  #seen = -1;

  constructor(head: Head, turn: Turn) {
    this.inputs = head.inputs;
    this.outputs = head.outputs;
    this.#head = head;
    this.#turn = turn;
    this.#value = new Float32Array(head.outputs);
  }

  predictInto(features: Float32Array, out: Float32Array): void {
    if (this.#seen !== this.#turn.count) {
      this.#head.predictInto(features, this.#value);
      this.#seen = this.#turn.count;
    }
    out.set(this.#value);
  }
}
