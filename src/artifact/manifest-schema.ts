import * as z from 'zod/mini';
import type { CalibratorParameters } from '../calibrator.ts';
import { MODALITIES } from '../candidate/candidate.ts';
import type { HeadSpec } from '../head/head-spec.ts';
import { type FeatureBlock, MANIFEST_SCHEMA_VERSION, type Manifest } from './manifest.ts';
import { isSafePath } from './safe-path.ts';

/** Largest file an artifact may have: a bound on memory before anything is trusted. */
const MAX_FILE_BYTES = 2 ** 30;
const MAX_CANDIDATES = 1000;
const MAX_LENGTH = 1_000_000;
const MAX_FILES = 100;

/** Each decision puts so many rows in order. */
const MAX_NEIGHBOURS = 1000;

const text = z.string().check(z.maxLength(1000));
const name = z.string().check(z.minLength(1), z.maxLength(200));
const number = z.number();
// zod refuses NaN and the infinities
const positive = z.number().check(z.positive());
const amount = z.number().check(z.nonnegative());
const share = z.number().check(z.minimum(0), z.maximum(1));
const length = z.int().check(z.positive(), z.maximum(MAX_LENGTH));
const count = z.int().check(z.nonnegative());
const order = z.int().check(z.minimum(0), z.maximum(10));
const path = z
  .string()
  .check(z.refine(isSafePath, { error: 'a relative path inside the artifact, such as "model.json"' }));
const hex = z.string().check(z.regex(/^[0-9a-f]{64}$/));
const perCandidate = <T extends z.core.$ZodType>(item: T) =>
  z.array(item).check(z.minLength(1), z.maxLength(MAX_CANDIDATES));

const file = z.object({
  path,
  bytes: z.int().check(z.nonnegative(), z.maximum(MAX_FILE_BYTES)),
  sha256: hex,
});

const prices = {
  inputPricePerMillionTokens: z.exactOptional(amount),
  outputPricePerMillionTokens: z.exactOptional(amount),
  cachedInputPricePerMillionTokens: z.exactOptional(amount),
  reasoningPricePerMillionTokens: z.exactOptional(amount),
};

const candidate = z.object({
  name,
  ...prices,
  contextWindowTokens: z.exactOptional(z.int().check(z.positive())),
  modalities: z.exactOptional(z.array(z.enum(MODALITIES))),
  supportsTools: z.exactOptional(z.boolean()),
  retired: z.exactOptional(z.boolean()),
  meanQuality: share,
  meanCostUsd: z.nullable(amount),
  meanLatencyMs: z.nullable(amount),
  p95LatencyMs: z.exactOptional(amount),
  tokens: z.exactOptional(
    z.object({
      meanInput: amount,
      meanOutput: amount,
      inputFrame: amount,
      inputRatio: amount,
    }),
  ),
  paidPrices: z.exactOptional(z.object(prices)),
  latencyByTokens: z.exactOptional(
    z.object({ fixedMs: amount, perInputTokenMs: amount, perOutputTokenMs: amount }),
  ),
});

const calibrator = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('identity') }),
  z.object({ kind: z.literal('temperature'), temperature: positive }),
  z.object({ kind: z.literal('platt'), slope: number, intercept: number }),
  z.object({ kind: z.literal('beta'), a: amount, b: amount, c: number }),
  z
    .object({
      kind: z.literal('isotonic'),
      logits: z.array(number).check(z.minLength(1), z.maxLength(MAX_LENGTH)),
      probabilities: z.array(share),
    })
    .check(
      z.refine((c) => c.logits.length === c.probabilities.length, {
        error: 'as many logits as probabilities',
      }),
      z.refine((c) => isNonDecreasing(c.logits) && isNonDecreasing(c.probabilities), {
        error: 'an isotonic calibrator with non-decreasing logits and probabilities',
      }),
    ),
]) satisfies z.ZodMiniType<CalibratorParameters>;

const head: z.ZodMiniType<HeadSpec> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('layers'), output: name }),
  z
    .object({
      kind: z.literal('knn'),
      file: path,
      rows: length,
      neighbours: z.int().check(z.positive(), z.maximum(MAX_NEIGHBOURS)),
      from: count,
      to: length,
    })
    .check(z.refine((knn) => knn.from < knn.to, { error: 'a knn head with `from` below `to`' })),
  z.object({
    kind: z.literal('stack'),
    members: z
      .array(z.object({ weight: number, head: z.lazy(() => head) }))
      .check(z.minLength(1), z.maxLength(100)),
  }),
  z.object({
    kind: z.literal('shrunk'),
    head: z.lazy(() => head),
    prior: z.array(number).check(z.minLength(1), z.maxLength(MAX_LENGTH)),
    strength: share,
  }),
  z.object({ kind: z.literal('spread'), head: z.lazy(() => head), level: number, deviation: number }),
  z.object({
    kind: z.literal('logit'),
    head: z.lazy(() => head),
    prior: z.array(number).check(z.minLength(1), z.maxLength(MAX_LENGTH)),
  }),
]);

const amountPart = {
  head,
  scales: perCandidate(positive),
  bounds: z.exactOptional(perCandidate(z.tuple([amount, amount]))),
};
const amountHead = z.object(amountPart);

const block = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('embedding'), embedder: name, dimensions: length }),
  z.object({
    kind: z.literal('ngrams'),
    file: path,
    buckets: length.check(z.refine((n) => (n & (n - 1)) === 0, { error: 'a power of two' })),
    dimensions: length,
    wordOrder: order,
    characterFrom: order,
    characterTo: order,
  }),
  z.object({ kind: z.literal('numeric'), names: z.array(name).check(z.minLength(1), z.maxLength(1000)) }),
]) satisfies z.ZodMiniType<FeatureBlock>;

/** The shape of `manifest.json`. What the parts must agree on is in `checkManifest`. */
export const manifestSchema = z.object({
  schemaVersion: z.literal(MANIFEST_SCHEMA_VERSION),
  id: name,
  name: z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)),
  candidates: perCandidate(candidate),
  embedder: z.object({
    id: name,
    kind: z.enum(['static', 'use', 'transformers', 'openai', 'custom']),
    dimensions: length,
    table: z.exactOptional(path),
    options: z.record(text, z.union([text, number, z.boolean()])),
  }),
  features: z.object({
    blocks: z.array(block).check(z.minLength(1), z.maxLength(100)),
    length,
    standardisation: path,
  }),
  model: z.object({
    topology: path,
    weights: path,
    router: z.exactOptional(path),
    notLayers: z.exactOptional(z.array(text)),
  }),
  heads: z.object({
    choice: z.object({ head, temperature: positive }),
    success: z.object({ head, calibrators: perCandidate(calibrator) }),
    cost: z.nullable(amountHead),
    latency: z.nullable(amountHead),
    outputTokens: z.exactOptional(amountHead),
    costBesideInput: z.exactOptional(z.object({ ...amountPart, perInputToken: perCandidate(amount) })),
  }),
  task: z.exactOptional(
    z.object({ output: name, names: z.array(name).check(z.minLength(2), z.maxLength(MAX_CANDIDATES)) }),
  ),
  novelty: z.exactOptional(
    z.object({
      file: path,
      components: z.int().check(z.nonnegative(), z.maximum(1000)),
      residualPrecision: amount,
      threshold: positive,
    }),
  ),
  policy: z.unknown(),
  provenance: z.object({
    toolVersion: text,
    seed: z.int(),
    dataFingerprint: text,
    prompts: z.object({ fit: count, calibrate: count, test: count }),
    config: z.unknown(),
  }),
  metrics: z.record(text, z.nullable(number)),
  files: z.array(file).check(z.minLength(1), z.maxLength(MAX_FILES)),
  reports: z.array(file).check(z.maxLength(MAX_FILES)),
  digest: hex,
}) satisfies z.ZodMiniType<Manifest>;

function isNonDecreasing(values: readonly number[]): boolean {
  for (let i = 1; i < values.length; i++) if (values[i] < values[i - 1]) return false;
  return true;
}
