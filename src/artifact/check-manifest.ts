import { EMBEDDERS, type EmbedderKind, embedderSource } from '../embedder/embedders.ts';
import { ArtifactError } from '../errors.ts';
import type { HeadSpec } from '../head/head.ts';
import type { Manifest, ManifestHeads, ToldTask } from './manifest.ts';
import { blocksLength } from './manifest-blocks.ts';

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
