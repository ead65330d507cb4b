import type { CalibratorParameters } from '../calibrator.ts';
import type { ManifestEmbedder } from '../embedder/embedders.ts';
import type { HeadSpec } from '../head/head.ts';
import type { UncertaintySpec } from '../policy/uncertainty.ts';
import type { Candidate, TokenPrices } from '../request.ts';

/** The version of this file's shape. A loader refuses a newer one. */
export const MANIFEST_SCHEMA_VERSION = 1;

/** A file of the artifact: its path inside the folder (no `..`, no absolute path), size and digest. */
export interface FileEntry {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** A candidate with what training learned of it as a whole. */
export interface ManifestCandidate extends Candidate {
  /** Mean quality over the fit and calibrate splits, 0 to 1; null where nobody scored it, as where it was only compared with others. */
  readonly meanQuality: number | null;
  /** Mean cost per request in US dollars; null where the traffic does not say. */
  readonly meanCostUsd: number | null;
  /** Mean latency per request in milliseconds; null where the traffic does not say. */
  readonly meanLatencyMs: number | null;
  /** 95th percentile of the latency in milliseconds, where the traffic says. */
  readonly p95LatencyMs?: number;
  /** Where the traffic says how many tokens its answers took. */
  readonly tokens?: LearnedTokens;
  /** Prices that bills and tokens of the traffic agree on, where none are given. */
  readonly paidPrices?: TokenPrices;
  /** Where latency goes by tokens; else the latency head says it. */
  readonly latencyByTokens?: LatencyByTokens;
}

/** How many tokens a candidate reads and writes. */
export interface LearnedTokens {
  /** Means of the traffic. */
  readonly meanInput: number;
  readonly meanOutput: number;
  /**
   * What it counts for a request: `inputFrame` + `inputRatio` * the tokens that `countRequestTokens` estimates. The frame is its
   * template, and a system prompt that the traffic does not show.
   */
  readonly inputFrame: number;
  readonly inputRatio: number;
}

/** Milliseconds of an answer: a sum over what it reads and writes. */
export interface LatencyByTokens {
  readonly fixedMs: number;
  readonly perInputTokenMs: number;
  readonly perOutputTokenMs: number;
}

/** A head and what turns its outputs into probabilities or amounts. */
export interface ManifestHeads {
  /** Softmax over candidates: which to choose. `temperature` is its calibrator. */
  readonly choice: { readonly head: HeadSpec; readonly temperature: number };
  /** Per candidate: probability that the answer is good (expected quality). One calibrator a candidate. */
  readonly success: { readonly head: HeadSpec; readonly calibrators: readonly CalibratorParameters[] };
  /**
   * Per candidate: ln(US dollars); expected cost = scale * exp(output). Null where the traffic has no costs, or
   * others of these heads say all that this one would.
   */
  readonly cost: AmountPart | null;
  /** Per candidate: ln(milliseconds); expected latency = scale * exp(output). Null likewise. */
  readonly latency: AmountPart | null;
  /** Per candidate: ln(tokens); expected output = scale * exp(output). Where the traffic says how many there were. */
  readonly outputTokens?: AmountPart;
  /** In the place of `cost`: what an answer costs beside its input, which costs `perInputToken` US dollars a token. */
  readonly costBesideInput?: AmountPart & { readonly perInputToken: readonly number[] };
}

/** A head of logarithms, and what each candidate's exponential is multiplied by to be right on average. */
export interface AmountPart {
  readonly head: HeadSpec;
  readonly scales: readonly number[];
  /**
   * The least and the most that is expected, by candidate: what was expected over the traffic, so that a prompt like no
   * other does not lead to amounts like no other. @default none
   */
  readonly bounds?: readonly (readonly [least: number, most: number])[];
}

/**
 * What is expected of a candidate where the caller says the task: the prior of the success head + scale * what is inside the head
 * + the offset of the task, calibrated anew. The choice is the softmax of that, before calibration, over `temperature`.
 */
export interface ToldTask {
  /** 0 to 1: how much of what is read from the prompt still counts. */
  readonly scale: number;
  /** `[tasks, candidates]`, in the order of the names. */
  readonly offsets: readonly (readonly number[])[];
  /** One a candidate. */
  readonly calibrators: readonly CalibratorParameters[];
  readonly temperature: number;
}

/** How unlike the prompts of the fit split a request is. */
export interface NoveltySpec {
  /** Float32: 1 / variance of each direction `[components]`, then the directions `[components, length]`, orthonormal. */
  readonly file: string;
  /** Directions that are weighed apart; 0 or more. */
  readonly components: number;
  /** 1 / variance of what lies outside of them. */
  readonly residualPrecision: number;
  /** The distance that the stated share of unseen prompts of the same traffic stays under. */
  readonly threshold: number;
}

/** `manifest.json`: everything a router is, but for the big tables, which it names with their digests. */
export interface Manifest {
  readonly schemaVersion: typeof MANIFEST_SCHEMA_VERSION;
  /** `<name>-<first 12 hex digits of the content's sha256>`: see `manifestId`. The same content has the same id. */
  readonly id: string;
  readonly name: string;
  readonly candidates: readonly ManifestCandidate[];
  readonly embedder: ManifestEmbedder;
  readonly features: {
    readonly blocks: readonly FeatureBlock[];
    /** Sum of the blocks' lengths. */
    readonly length: number;
    /** Binary float32 file: mean then scale, `[2, length]`; features are (x - mean) * scale. */
    readonly standardisation: string;
  };
  /** TF.js LayersModels, loadable by `tf.loadLayersModel`. */
  readonly model: {
    /** The model that all heads are outputs of. */
    readonly topology: string;
    readonly weights: string;
    /**
     * The choice as a model of its own: `predict` of features gives its probabilities. It has the same weights, and no decision
     * needs it.
     */
    readonly router?: string;
    /** Why there is none: what the choice is made of beside layers. */
    readonly notLayers?: readonly string[];
  };
  readonly heads: ManifestHeads;
  /** What kind of request it is, where the traffic had tasks: a softmax output of the model, one number a name. */
  readonly task?: {
    readonly output: string;
    readonly names: readonly string[];
    /** What changes where the caller says the task. @default nothing does */
    readonly told?: ToldTask;
  };
  /** How to tell a request that is unlike those of the fit split. */
  readonly novelty?: NoveltySpec;
  /** What tells a good answer from a bad one, where the traffic had answers that it could be learned from. */
  readonly answer?: ManifestAnswer;
  /** How unsure success probabilities are. Its file is read only where something asks for it. */
  readonly uncertainty?: UncertaintySpec;
  /** The policy used when a request names none; validated by `policy/`. */
  readonly policy: unknown;
  readonly provenance: {
    readonly toolVersion: string;
    readonly seed: number;
    /** sha256 over the sorted outcome rows. */
    readonly dataFingerprint: string;
    readonly prompts: { readonly fit: number; readonly calibrate: number; readonly test: number };
    readonly config: unknown;
  };
  /** Headline figures on the test split; `metrics.json` has them all. */
  readonly metrics: Readonly<Record<string, number | null>>;
  /** What decisions are made of: the files that the id covers. */
  readonly files: readonly FileEntry[];
  /** What was found out about them: `metrics.json`, `CARD.md`, `report.html`. Not part of the id. */
  readonly reports: readonly FileEntry[];
  /** sha256 of everything above: see `manifestDigest`. An edited manifest does not load. */
  readonly digest: string;
}

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

/** The files of heads of neighbours, which few artifacts have. */
export function neighbourFiles(heads: ManifestHeads): string[] {
  const paths: string[] = [];
  for (const part of Object.values(heads)) if (part !== null) collectHeadFiles(part.head, paths);
  return paths;
}

function collectHeadFiles(spec: HeadSpec, paths: string[]): void {
  if (spec.kind === 'knn') paths.push(spec.file);
  else if (spec.kind === 'stack') for (const member of spec.members) collectHeadFiles(member.head, paths);
  else if ('head' in spec) collectHeadFiles(spec.head, paths);
}
