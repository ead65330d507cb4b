import {
  type Artifact,
  createRouter,
  memoryFiles,
  type PolicySpec,
  type Router,
  readArtifact,
} from 'pointsman';
import { shortEmbedder } from '../../../data/month/short-embedder.ts';
import type { BuiltArtifact } from '../../../training/artifact/build-artifact.ts';
import { parseTrainConfig, type TrainConfigInput } from '../../../training/config.ts';
import type { OutcomeMatrix } from '../../../training/outcomes/matrix.ts';
import { splitOutcomes } from '../../../training/split/split.ts';
import { type TrainedRouter, trainRouter } from '../../../training/train/train-router.ts';
import { fakeEmbedder } from '../../fixtures/fake-embedder.ts';

/** A router of an artifact that carries its embedder. */
export async function open({ files }: BuiltArtifact): Promise<Router> {
  return createRouter(await readArtifact(memoryFiles(files)));
}

/** A router that is given embeddings. */
export function routerOf(artifact: Artifact, policy?: PolicySpec): Router {
  return createRouter(artifact, { embedder: fakeEmbedder, ...(policy === undefined ? {} : { policy }) });
}

export async function trainedArtifact(
  matrix: OutcomeMatrix,
  config: TrainConfigInput = {},
): Promise<Artifact> {
  return readArtifact(memoryFiles((await trainedSealed(matrix, config)).files));
}

export async function trainedSealed(
  matrix: OutcomeMatrix,
  config: TrainConfigInput = {},
): Promise<BuiltArtifact> {
  return (await trainedRouter(matrix, config)).artifact;
}

export async function trainedRouter(
  matrix: OutcomeMatrix,
  config: TrainConfigInput = {},
): Promise<TrainedRouter> {
  const parsed = parseTrainConfig({ resamples: 100, folds: 2, ngrams: { dimensions: 8 }, ...config });
  const { splits, groups } = splitOutcomes(matrix, { seed: 0 });
  return trainRouter({
    name: 'planted',
    matrix,
    splits,
    groups: groups.groups,
    dataFingerprint: 'planted',
    config: parsed,
    embedder: await shortEmbedder(32),
  });
}

/** Some candidates and prompts of a matrix. */
export function part(
  matrix: OutcomeMatrix,
  names: readonly string[],
  rows: readonly number[],
): OutcomeMatrix {
  const width = matrix.candidates.length;
  const columns = names.map((name) => matrix.candidates.indexOf(name));
  const pick = (values: Float32Array) =>
    Float32Array.from(rows.flatMap((row) => columns.map((c) => values[row * width + c])));
  return {
    ...matrix,
    candidates: names,
    prompts: rows.map((row) => matrix.prompts[row]),
    quality: pick(matrix.quality),
    costUsd: pick(matrix.costUsd),
    latencyMs: pick(matrix.latencyMs),
    propensity: pick(matrix.propensity),
  };
}
