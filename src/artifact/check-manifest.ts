import * as v from 'valibot';
import { CALIBRATORS } from '../calibrator.ts';
import { EMBEDDERS, type EmbedderKind, embedderSource } from '../embedder/embedders.ts';
import { ArtifactError } from '../errors.ts';
import type { HeadSpec } from '../head/head.ts';
import { MODALITIES } from '../request.ts';
import { amount, count, finiteNumber, object, record, share, wholeNumber } from '../validate.ts';
import {
  blocksLength,
  type FeatureBlock,
  MANIFEST_SCHEMA_VERSION,
  type Manifest,
  type ManifestAnswer,
  neighbourFiles,
  type ToldTask,
} from './manifest.ts';

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

/** Heads inside one another, at most: each takes its time at every decision. */
const MOST_HEADS = 1000;

/** Bytes of the one file that is JSON, which takes many times its size in memory. */
const MAX_TOPOLOGY_BYTES = 16 * 2 ** 20;

/**
 * What the parts of a manifest must agree on: a candidate that may be chosen, one calibrator and scale a candidate,
 * lengths that add up, every file named with its digest.
 *
 * @throws ArtifactError naming the field.
 */
export function checkManifest(manifest: Manifest): void {
  const { candidates, embedder, features, heads } = manifest;
  const n = candidates.length;
  if (new Set(candidates.map((candidate) => candidate.name)).size !== n) {
    refuse('candidates', 'a list of different names', 'the same name twice');
  }
  if (candidates.every((candidate) => candidate.retired === true)) {
    refuse('candidates', 'a list with one at least that is not retired', `${n} that all are`);
  }
  equal('heads.success.calibrators', heads.success.calibrators.length, n);
  for (const name of ['cost', 'latency', 'outputTokens', 'costBesideInput'] as const) {
    const part = heads[name];
    if (part == null) continue;
    equal(`heads.${name}.scales`, part.scales.length, n);
    if (part.bounds !== undefined) equal(`heads.${name}.bounds`, part.bounds.length, n);
  }
  const rates = heads.costBesideInput?.perInputToken;
  if (rates !== undefined) equal('heads.costBesideInput.perInputToken', rates.length, n);
  if (manifest.task?.told !== undefined) checkTold(manifest, manifest.task.told);
  if (manifest.uncertainty !== undefined) {
    equal('uncertainty.advantage.outcomes', manifest.uncertainty.advantage.outcomes.length, n);
  }
  const sum = blocksLength(features.blocks);
  if (sum !== features.length) refuse('features.length', `${sum}, the sum of its blocks`, features.length);
  for (const block of features.blocks) {
    if (block.kind !== 'embedding') continue;
    if (block.embedder !== embedder.id)
      refuse('features.blocks', `of embedder ${embedder.id}`, block.embedder);
    if (block.dimensions !== embedder.dimensions) {
      refuse('features.blocks', `of ${embedder.dimensions} dimensions, like the embedder`, block.dimensions);
    }
  }
  const isCarried = embedderSource(embedder.kind).read !== undefined;
  if (isCarried !== (embedder.table !== undefined)) {
    const kinds = Object.keys(EMBEDDERS).filter((kind) => embedderSource(kind as EmbedderKind).read);
    const which = kinds.map((kind) => `"${kind}"`).join(', ');
    refuse('embedder.table', `given for the kind ${which} and for no other`, `kind "${embedder.kind}"`);
  }
  checkPaths(manifest);
  let count = 0;
  for (const [name, part] of Object.entries(heads)) {
    if (part === null) continue;
    count += countHeads(part.head);
    checkHead(`heads.${name}.head`, part.head, features.length, n);
  }
  if (count > MOST_HEADS) refuse('heads', `at most ${MOST_HEADS} heads`, count);
}

function checkTold({ candidates, heads, task }: Manifest, { calibrators, offsets }: ToldTask): void {
  const field = 'task.told';
  const { kind } = heads.success.head;
  if (kind !== 'logit')
    refuse(field, 'given where `heads.success.head` is of kind "logit" alone', `"${kind}"`);
  equal(`${field}.calibrators`, calibrators.length, candidates.length);
  equal(`${field}.offsets`, offsets.length, task!.names.length, 'one a name of the task');
  for (const row of offsets) equal(`${field}.offsets`, row.length, candidates.length);
}

function checkPaths(manifest: Manifest): void {
  const seen = new Set<string>(['manifest.json']);
  for (const { path } of [...manifest.files, ...manifest.reports]) {
    // Some file systems do not tell upper from lower case.
    const key = path.toLowerCase();
    if (seen.has(key)) refuse('files', 'a list of different paths', `"${path}" twice`);
    seen.add(key);
  }
  const topology = manifest.files.find(({ path }) => path === manifest.model.topology);
  if (topology !== undefined && topology.bytes > MAX_TOPOLOGY_BYTES) {
    refuse('model.topology', `a file of at most ${MAX_TOPOLOGY_BYTES} bytes`, topology.bytes);
  }
  const listed = new Set(manifest.files.map((file) => file.path));
  for (const path of namedFiles(manifest)) {
    if (!listed.has(path))
      refuse('files', `a list that has "${path}", which the manifest names`, 'no such entry');
  }
}

/** Every file that the manifest needs in order to decide. */
function namedFiles(manifest: Manifest): string[] {
  const paths = [manifest.features.standardisation, manifest.model.topology, manifest.model.weights];
  if (manifest.embedder.table !== undefined) paths.push(manifest.embedder.table);
  if (manifest.model.router !== undefined) paths.push(manifest.model.router);
  if (manifest.novelty !== undefined) paths.push(manifest.novelty.file);
  if (manifest.uncertainty !== undefined) paths.push(manifest.uncertainty.file);
  for (const block of manifest.features.blocks) if (block.kind === 'ngrams') paths.push(block.file);
  return [...paths, ...neighbourFiles(manifest.heads)];
}

function countHeads(spec: HeadSpec): number {
  if (spec.kind === 'stack') return spec.members.reduce((sum, { head }) => sum + countHeads(head), 1);
  return 'head' in spec ? 1 + countHeads(spec.head) : 1;
}

function checkHead(field: string, spec: HeadSpec, inputs: number, outputs: number): void {
  switch (spec.kind) {
    case 'knn':
      if (spec.to > inputs) refuse(`${field}.to`, `at most ${inputs}, the length of the features`, spec.to);
      return;
    case 'stack':
      for (const member of spec.members) checkHead(`${field}.members`, member.head, inputs, outputs);
      return;
    case 'spread':
      checkHead(`${field}.head`, spec.head, inputs, outputs);
      return;
    case 'logit':
      equal(`${field}.prior`, spec.prior.length, outputs);
      checkHead(`${field}.head`, spec.head, inputs, outputs);
      return;
    case 'extend':
      equal(`${field}.weights`, spec.weights.length, outputs - 1, 'one a candidate before the last');
      checkHead(`${field}.head`, spec.head, inputs, outputs - 1);
      return;
    case 'layers':
      return; // its sizes are in model.json, which the head itself checks
  }
}

function equal(field: string, length: number, wanted: number, each = 'one a candidate'): void {
  if (length !== wanted) refuse(field, `a list of ${wanted}, ${each}`, `a list of ${length}`);
}

function refuse(field: string, expected: string, got: unknown): never {
  throw new ArtifactError(
    `\`${field}\` of manifest.json must be ${expected}. Got ${String(got)}. Export the artifact again.`,
  );
}
