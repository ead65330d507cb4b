import * as v from 'valibot';
import type { CalibratorParameters } from '../calibrator.ts';
import { EMBEDDERS, type EmbedderKind, type ManifestEmbedder } from '../embedder/embedders.ts';
import type { HeadSpec } from '../head/head.ts';
import type { UncertaintySpec } from '../policy/uncertainty.ts';
import { type Candidate, MODALITIES, type TokenPrices } from '../request.ts';
import { amount, count, finiteNumber, object, record, share, wholeNumber } from '../validate.ts';
import {
  answerSchema,
  block,
  blocksOf,
  calibrator,
  type FeatureBlock,
  length,
  MAX_CANDIDATES,
  MAX_LENGTH,
  type ManifestAnswer,
  name,
  path,
  perCandidate,
} from './manifest-blocks.ts';

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

/** Largest file an artifact may have: a bound on memory before anything is trusted. */
const MAX_FILE_BYTES = 2 ** 30;
const MAX_FILES = 100;

/** Each decision puts so many rows in order. */
const MAX_NEIGHBOURS = 1000;

const text = v.pipe(v.string(), v.maxLength(1000));
const number = finiteNumber;
// zod refuses NaN and the infinities
const positive = v.pipe(finiteNumber, v.gtValue(0));
const offset = v.pipe(finiteNumber, v.minValue(-1), v.maxValue(1));
const hex = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const file = object({
  path,
  bytes: v.pipe(count, v.maxValue(MAX_FILE_BYTES)),
  sha256: hex,
});

const prices = {
  inputPricePerMillionTokens: v.exactOptional(amount),
  outputPricePerMillionTokens: v.exactOptional(amount),
  cachedInputPricePerMillionTokens: v.exactOptional(amount),
  reasoningPricePerMillionTokens: v.exactOptional(amount),
};

const candidate = object({
  name,
  ...prices,
  contextWindowTokens: v.exactOptional(v.pipe(wholeNumber, v.gtValue(0))),
  modalities: v.exactOptional(v.array(v.picklist(MODALITIES))),
  supportsTools: v.exactOptional(v.boolean()),
  retired: v.exactOptional(v.boolean()),
  meanQuality: v.nullable(share),
  meanCostUsd: v.nullable(amount),
  meanLatencyMs: v.nullable(amount),
  p95LatencyMs: v.exactOptional(amount),
  tokens: v.exactOptional(
    object({
      meanInput: amount,
      meanOutput: amount,
      inputFrame: amount,
      inputRatio: amount,
    }),
  ),
  paidPrices: v.exactOptional(object(prices)),
  latencyByTokens: v.exactOptional(
    object({ fixedMs: amount, perInputTokenMs: amount, perOutputTokenMs: amount }),
  ),
});

const head: v.GenericSchema<unknown, HeadSpec> = v.variant('kind', [
  v.pipe(
    object({ kind: v.literal('shrunk') }),
    v.check(() => false, 'of another kind than `shrunk`, which is read no more: train the router again'),
  ) as never,
  object({ kind: v.literal('layers'), output: name }),
  v.pipe(
    object({
      kind: v.literal('knn'),
      file: path,
      rows: length,
      neighbours: v.pipe(wholeNumber, v.gtValue(0), v.maxValue(MAX_NEIGHBOURS)),
      from: count,
      to: length,
    }),
    v.check((knn) => knn.from < knn.to, 'a knn head with `from` below `to`'),
  ),
  object({
    kind: v.literal('stack'),
    members: v.pipe(
      v.array(object({ weight: number, head: v.lazy(() => head) })),
      v.minLength(1),
      v.maxLength(100),
    ),
  }),
  object({ kind: v.literal('spread'), head: v.lazy(() => head), level: number, deviation: number }),
  object({
    kind: v.literal('logit'),
    head: v.lazy(() => head),
    prior: v.pipe(v.array(number), v.minLength(1), v.maxLength(MAX_LENGTH)),
  }),
  object({
    kind: v.literal('extend'),
    head: v.lazy(() => head),
    weights: v.pipe(v.array(number), v.minLength(1), v.maxLength(MAX_LENGTH)),
    constant: number,
  }),
]);

/** As a tuple of valibot's is checked, in far less code. */
const pair = v.pipe(
  v.array(amount),
  v.check(({ length }) => length === 2, 'a list of 2'),
) as unknown as v.GenericSchema<[number, number]>;

const amountPart = {
  head,
  scales: perCandidate(positive),
  bounds: v.exactOptional(perCandidate(pair)),
};
const amountHead = object(amountPart);

/** The shape of `manifest.json`. What the parts must agree on is in `checkManifest`. */
export const manifestSchema = object({
  schemaVersion: v.literal(MANIFEST_SCHEMA_VERSION),
  id: name,
  name: v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)),
  candidates: perCandidate(candidate),
  embedder: object({
    id: name,
    kind: v.picklist(Object.keys(EMBEDDERS) as EmbedderKind[]),
    dimensions: length,
    table: v.exactOptional(path),
    options: record(v.union([text, number, v.boolean()])),
  }),
  features: object({
    blocks: blocksOf(block),
    length,
    standardisation: path,
  }),
  model: object({
    topology: path,
    weights: path,
    router: v.exactOptional(path),
    notLayers: v.exactOptional(v.array(text)),
  }),
  heads: object({
    choice: object({ head, temperature: positive }),
    success: object({ head, calibrators: perCandidate(calibrator) }),
    cost: v.nullable(amountHead),
    latency: v.nullable(amountHead),
    outputTokens: v.exactOptional(amountHead),
    costBesideInput: v.exactOptional(object({ ...amountPart, perInputToken: perCandidate(amount) })),
  }),
  task: v.exactOptional(
    object({
      output: name,
      names: v.pipe(v.array(name), v.minLength(2), v.maxLength(MAX_CANDIDATES)),
      told: v.exactOptional(
        object({
          scale: share,
          offsets: v.pipe(v.array(perCandidate(offset)), v.minLength(2), v.maxLength(MAX_CANDIDATES)),
          calibrators: perCandidate(calibrator),
          temperature: positive,
        }),
      ),
    }),
  ),
  novelty: v.exactOptional(
    object({
      file: path,
      components: v.pipe(count, v.maxValue(1000)),
      residualPrecision: amount,
      threshold: positive,
    }),
  ),
  answer: v.exactOptional(answerSchema),
  uncertainty: v.exactOptional(
    object({
      file: path,
      components: v.pipe(count, v.maxValue(MAX_LENGTH)),
      difficulty: object({ outcomes: positive, penalty: positive, variance: amount }),
      advantage: object({ outcomes: perCandidate(positive), penalty: positive }),
    }),
  ),
  policy: v.unknown(),
  provenance: object({
    toolVersion: text,
    seed: wholeNumber,
    dataFingerprint: text,
    prompts: object({ fit: count, calibrate: count, test: count }),
    config: v.unknown(),
  }),
  metrics: record(v.nullable(number)),
  files: v.pipe(v.array(file), v.minLength(1), v.maxLength(MAX_FILES)),
  reports: v.pipe(v.array(file), v.maxLength(MAX_FILES)),
  digest: hex,
}) satisfies v.GenericSchema<unknown, Manifest>;
