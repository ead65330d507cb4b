import * as v from 'valibot';
import { CALIBRATORS, type CalibratorParameters } from '../calibrator.ts';
import { count, object, wholeNumber } from '../validate.ts';

/** One stretch of the feature vector, in order. */
export type FeatureBlock =
  | { readonly kind: 'embedding'; readonly embedder: string; readonly dimensions: number }
  | TextBlock;

/** A stretch that is read off a text. */
type TextBlock =
  /** Hashed word and character n-grams times a projection fitted on the fit split. */
  | {
      readonly kind: 'ngrams';
      readonly file: string;
      readonly buckets: number;
      readonly dimensions: number;
      /** See `NgramSpec`. */
      readonly wordOrder: number;
      readonly characterFrom: number;
      readonly characterTo: number;
    }
  /** Numeric signals, named, in the order they are computed. */
  | { readonly kind: 'numeric'; readonly names: readonly string[] };

/** One stretch of what the answer head reads. */
export type AnswerFeatureBlock =
  /** Checks of an answer, named, in the order they are computed. */
  { readonly kind: 'checks'; readonly names: readonly string[] } | TextBlock;

/** The head that reads answers: P(this answer is good | prompt, answer, who gave it). Its files are read when they are needed. */
export interface ManifestAnswer {
  /** Of what is counted and how; a loader refuses another. */
  readonly version: 1;
  /** Whose answers it has seen, in the order of the model's outputs. The last output, and the last calibrator, are for all others. */
  readonly candidates: readonly string[];
  readonly features: {
    readonly blocks: readonly AnswerFeatureBlock[];
    /** Sum of the blocks' lengths. */
    readonly length: number;
    /** As that of the prompt's features. */
    readonly standardisation: string;
  };
  /** A TF.js LayersModel: the logit of the candidate's success, then the features, to logits `[candidates + 1]`. */
  readonly model: { readonly topology: string; readonly weights: string };
  readonly calibrators: readonly CalibratorParameters[]; // [candidates + 1]
  /** What earlier answers to the same prompt say of a further one; left out where the traffic does not show it. */
  readonly earlier?: { readonly weights: readonly number[]; readonly bias: number };
  /**
   * What the answers so far say of a candidate that has not been asked: the logit that it is good where the best of them is bad. Left
   * out where the traffic does not show it: then candidates are good or bad independently of one another.
   */
  readonly unasked?: { readonly weights: readonly number[]; readonly bias: number };
  /** The numbers that `tuned` stands for: one for every step of a cascade, or one for each. @default none */
  readonly thresholds?: { readonly shared: number } | { readonly steps: readonly number[] };
}

/** How many features blocks are together. */
export function blocksLength(blocks: readonly (FeatureBlock | AnswerFeatureBlock)[]): number {
  return blocks.reduce((sum, block) => sum + ('names' in block ? block.names.length : block.dimensions), 0);
}

export const MAX_LENGTH = 1_000_000;
export const MAX_CANDIDATES = 1000;
const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

export const name = v.pipe(v.string(), v.minLength(1), v.maxLength(200));
export const length = v.pipe(wholeNumber, v.gtValue(0), v.maxValue(MAX_LENGTH));
export const path = v.pipe(
  v.string(),
  v.check(isSafePath, 'a relative path inside the artifact, such as "model.json"'),
);
export const perCandidate = <T extends v.GenericSchema>(item: T) =>
  v.pipe(v.array(item), v.minLength(1), v.maxLength(MAX_CANDIDATES));
export const calibrator = v.variant(
  'kind',
  Object.values(CALIBRATORS).map(({ schema }) => schema),
);

const order = v.pipe(count, v.maxValue(10));
export const names = v.pipe(v.array(name), v.minLength(1), v.maxLength(1000));

export const ngrams = object({
  kind: v.literal('ngrams'),
  file: path,
  buckets: v.pipe(
    length,
    v.check((n) => (n & (n - 1)) === 0, 'a power of two'),
  ),
  dimensions: length,
  wordOrder: order,
  characterFrom: order,
  characterTo: order,
});
export const numeric = object({ kind: v.literal('numeric'), names });

export const block = v.variant('kind', [
  object({ kind: v.literal('embedding'), embedder: name, dimensions: length }),
  ngrams,
  numeric,
]) satisfies v.GenericSchema<unknown, FeatureBlock>;

export const blocksOf = <T extends v.GenericSchema>(item: T) =>
  v.pipe(v.array(item), v.minLength(1), v.maxLength(100));

/** What the answer head itself is made of is checked when it is read: its schema comes with its code. */
export const answerSchema = v.custom<ManifestAnswer>(Boolean);

/**
 * Whether `path` names a file inside the artifact and nothing else: relative, forward slashes, plain ASCII names
 * that do not begin with a dot. No `..`, drive, scheme, backslash, or percent escape can be written in it.
 */
export function isSafePath(path: string): boolean {
  return path.length <= 255 && path.split('/').every((segment) => SEGMENT.test(segment));
}
