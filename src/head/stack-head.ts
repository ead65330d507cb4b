import type { Head } from './head.ts';

export interface StackMember {
  readonly weight: number;
  readonly head: Head;
}

/** Sum of weight times member. Members read the same features and give as many outputs. */
export class StackHead implements Head {
  readonly inputs: number;
  readonly outputs: number;
  readonly #members: readonly StackMember[];
  readonly #part: Float32Array;

  /** @param members at least one */
  constructor(members: readonly StackMember[]) {
    this.#members = members.filter((member) => member.weight !== 0);
    this.inputs = members[0].head.inputs;
    this.outputs = members[0].head.outputs;
    this.#part = new Float32Array(this.outputs);
  }

  predictInto(features: Float32Array, out: Float32Array): void {
    out.fill(0, 0, this.outputs);
    for (const { weight, head } of this.#members) {
      head.predictInto(features, this.#part);
      for (let j = 0; j < this.outputs; j++) out[j] += weight * this.#part[j];
    }
  }
}
