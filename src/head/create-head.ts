import { ArtifactError } from '../errors.ts';
import { holdBack, logit } from '../math.ts';
import type { Head, HeadSpec } from './head.ts';
import type { KnnReader } from './knn.ts';
import type { LayersModel } from './layers.ts';

/**
 * Builds the head that a manifest describes.
 * @throws ArtifactError where parts do not fit together
 */
export function createHead(spec: HeadSpec, context: HeadContext): Head {
  switch (spec.kind) {
    case 'layers':
      return context.layers.head(spec.output);
    case 'knn':
      if (context.knn !== undefined) return context.knn(spec, context.layers.inputs, context.file(spec.file));
      throw new ArtifactError('A knn head needs what reads it. Read the artifact with `readArtifact`.');
    case 'stack': {
      const members = spec.members.map(({ weight, head }) => ({ weight, head: createHead(head, context) }));
      if (members.length === 0)
        throw new ArtifactError('`members` of a stack head must not be empty. Got [].');
      if (members.some(({ head }) => head.outputs !== members[0].head.outputs)) {
        throw new ArtifactError('`members` of a stack head must have as many outputs as each other.');
      }
      if (members.some(({ weight }) => !Number.isFinite(weight))) {
        throw new ArtifactError('`weight` of a stack member must be finite.');
      }
      return new StackHead(members);
    }
    case 'spread':
      return new SpreadHead(createHead(spec.head, context), spec.level, spec.deviation);
    case 'logit': {
      const head = createHead(spec.head, context);
      if (spec.prior.length !== head.outputs || !spec.prior.every(Number.isFinite)) {
        throw new ArtifactError(
          `\`prior\` of a logit head must be ${head.outputs} finite numbers. Got [${spec.prior}].`,
        );
      }
      return new LogitHead(head, spec.prior);
    }
    case 'extend': {
      const head = createHead(spec.head, context);
      if (spec.weights.length !== head.outputs || ![...spec.weights, spec.constant].every(Number.isFinite)) {
        throw new ArtifactError(
          `\`weights\` of an extend head must be ${head.outputs} finite numbers, and \`constant\` another one. ` +
            `Got [${spec.weights}] and ${spec.constant}.`,
        );
      }
      return new ExtendedHead(head, spec.weights, spec.constant);
    }
  }
}

/** What a head may need of the artifact it comes from. */
export interface HeadContext {
  readonly layers: LayersModel;
  /** Bytes of one of the artifact's files, whose digest has been checked. @throws ArtifactError */
  file(path: string): Uint8Array;
  /** What reads a `knn` head: few artifacts have one. */
  readonly knn?: KnnReader | undefined;
}

export interface StackMember {
  readonly weight: number;
  readonly head: Head;
}

/** Sum of weight times member. Members read the same features and give as many outputs. */
class StackHead implements Head {
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
    for (let j = 0; j < this.outputs; j++) out[j] = logit(holdBack(this.#prior[j] + out[j]));
  }
}

/** The outputs of a head, and constant + sum of weight * output after them: a candidate that is like those before it. */
class ExtendedHead implements Head {
  readonly inputs: number;
  readonly outputs: number;
  readonly #head: Head;
  readonly #weights: Float64Array; // [outputs - 1]
  readonly #constant: number;

  /** @param weights one number per output of `head` */
  constructor(head: Head, weights: ArrayLike<number>, constant: number) {
    this.inputs = head.inputs;
    this.outputs = head.outputs + 1;
    this.#head = head;
    this.#weights = Float64Array.from(weights);
    this.#constant = constant;
  }

  predictInto(features: Float32Array, out: Float32Array): void {
    this.#head.predictInto(features, out);
    const last = this.outputs - 1;
    let sum = this.#constant;
    for (let j = 0; j < last; j++) sum += this.#weights[j] * out[j];
    out[last] = sum;
  }
}
