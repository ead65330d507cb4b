import { createRouter, memoryFiles, readArtifact } from 'pointsman';
import { createHead, createRandom, readLayersModel } from 'pointsman/internal';
import { beforeAll, expect, test } from 'vitest';
import { shortEmbedder } from '../../../data/month/short-embedder.ts';
import { parseTrainConfig, type TrainConfigInput } from '../../../training/config.ts';
import { openEmbedder, type RouterEmbedder } from '../../../training/embed/embedders.ts';
import { useBackend } from '../../../training/fit/tensorflow.ts';
import type { OutcomeMatrix } from '../../../training/outcomes/matrix.ts';
import { splitOutcomes } from '../../../training/split/split.ts';
import { type TrainedRouter, trainRouter } from '../../../training/train/train-router.ts';
import { plantedTraffic } from '../../fixtures/planted-traffic.ts';

/** Which columns of an embedding there are matters to the first router alone; with few, all others are trained sooner. */
const short = await shortEmbedder(32);

async function train(
  matrix: OutcomeMatrix,
  offPolicy: TrainConfigInput['offPolicy'] = {},
  embedder: RouterEmbedder = short,
): Promise<TrainedRouter> {
  const config = parseTrainConfig({
    resamples: 200,
    folds: 3,
    ngrams: { dimensions: 16 },
    offPolicy,
  });
  const { splits, groups } = splitOutcomes(matrix, { seed: 0 });
  return trainRouter({
    name: 'planted',
    matrix,
    splits,
    groups: groups.groups,
    dataFingerprint: 'planted',
    config,
    embedder,
  });
}

const matrix = plantedTraffic({ prompts: 500, seed: 1 });
let trained: TrainedRouter;

beforeAll(async () => {
  trained = await train(matrix, {}, await openEmbedder({ kind: 'static' }));
});

test('it finds who is good at what, and says that it beats no router', () => {
  const { strategies, verdict } = trained.evaluation;
  const quality = (id: string) => strategies.find((strategy) => strategy.id === id)?.quality.estimate ?? 0;
  expect(quality('router')).toBeGreaterThan(0.8);
  expect(quality('bestSingle')).toBeLessThan(0.78);
  expect(verdict.outcome).toBe('better');
  expect(trained.quality.signal).toBeGreaterThan(0.8);
});

test('the artifact loads, and decides by what it has learned', async () => {
  const router = createRouter(await readArtifact(memoryFiles(trained.artifact.files)));
  const decision = await router.route({ text: 'What is 512 + 77 when rivers are counted twice?' });
  expect(decision.candidate).toBe('reckoner');
  expect(decision.confidence).toBeGreaterThan(0.7);
  expect(Object.values(decision.probabilities).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 6);
  const cost = decision.predictions[0].expectedCostUsd ?? 0;
  expect(cost).toBeGreaterThan(0.0005);
  expect(cost).toBeLessThan(0.002);
  const poem = await router.route({ text: 'Write a poem about lanterns and ships, with rhymes' });
  expect(poem.candidate).toBe('poet');
});

test('the same traffic and seed give the same bytes, reports included', async () => {
  const again = await train(matrix, {}, await openEmbedder({ kind: 'static' }));
  expect(again.artifact.version).toBe(trained.artifact.version);
  expect([...again.artifact.files.keys()]).toEqual([...trained.artifact.files.keys()]);
  for (const [path, bytes] of trained.artifact.files)
    expect(Buffer.compare(bytes, again.artifact.files.get(path)!), path).toBe(0);
});

test('TF.js loads the model of all heads and agrees with the served ones to 1e-5', async () => {
  const { tf } = await useBackend();
  const { files, manifest } = trained.artifact;
  const json = JSON.parse(new TextDecoder().decode(files.get('heads.json')!));
  const weights = files.get('weights.bin')!;
  const model = await tf.loadLayersModel(
    tf.io.fromMemory({
      modelTopology: json.modelTopology,
      weightSpecs: json.weightsManifest[0].weights,
      weightData: weights.buffer.slice(
        weights.byteOffset,
        weights.byteOffset + weights.byteLength,
      ) as ArrayBuffer,
    }),
  );
  const layers = readLayersModel(json, weights);
  expect(model.outputNames).toEqual(['choice', 'cost', 'latency', 'quality', 'task']);
  const features = Float32Array.from({ length: manifest.features.length }, (_, i) => Math.sin(i));
  const outputs = [model.predict(tf.tensor2d(features, [1, features.length]))].flat();
  expect(outputs.length).toBe(layers.outputNames.length);
  layers.outputNames.forEach((output, i) => {
    const expected = outputs[i].dataSync();
    const got = new Float32Array(expected.length);
    createHead({ kind: 'layers', output }, { layers, file: () => weights }).predictInto(features, got);
    expected.forEach((value, c) => {
      expect(Math.abs(value - got[c]), output).toBeLessThan(1e-5 * Math.max(1, Math.abs(value)));
    });
  });
});

test('prompts that say nothing of the outcomes give the best single candidate, always', async () => {
  const noise = await train(plantedTraffic({ prompts: 400, seed: 3, signal: false }));
  const router = noise.evaluation.strategies.find((strategy) => strategy.id === 'router')!;
  expect(Math.max(...router.shares)).toBe(1);
  expect(['same', 'unclear']).toContain(noise.evaluation.verdict.outcome);
});

test('the best single candidate is the best of all rows to learn from, and not of those to fit alone', async () => {
  const noise = plantedTraffic({ prompts: 400, seed: 3, signal: false });
  const { splits } = splitOutcomes(noise, { seed: 0 });
  const quality = noise.quality.slice();
  const random = createRandom(1);
  const share = (rows: Int32Array, shares: readonly number[]) => {
    for (const [c, good] of shares.entries())
      random.shuffle(rows.slice()).forEach((row, i) => {
        quality[3 * row + c] = Number(i < good * rows.length);
      });
  };
  // By chance the first is just ahead where they are fitted, and behind where they are calibrated.
  share(splits.fit.rows, [0.6, 0.59, 0.1]);
  share(splits.calibrate.rows, [0.55, 0.62, 0.1]);
  const { evaluation } = await train({ ...noise, quality });
  const shares = (id: string) => evaluation.strategies.find((strategy) => strategy.id === id)!.shares;
  expect(shares('bestSingle')[1]).toBe(1);
  expect(shares('router')[1]).toBeGreaterThan(0.98);
});

test('traffic without tasks, costs or latencies trains as well', async () => {
  const bare = plantedTraffic({ prompts: 300, seed: 4, tasks: false });
  const nothing = new Float32Array(bare.quality.length).fill(Number.NaN);
  const result = await train({ ...bare, costUsd: nothing, latencyMs: nothing });
  expect(result.artifact.manifest.heads.cost).toBeNull();
  expect(result.artifact.manifest.heads.latency).toBeNull();
  expect(result.evaluation.verdict.outcome).toBe('better');
});

test('one outcome a prompt is enough to train on', async () => {
  const full = plantedTraffic({ prompts: 600, seed: 5 });
  const quality = full.quality.map((value, i) => (i % 3 === Math.floor(i / 3) % 3 ? value : Number.NaN));
  const { artifact, evaluation } = await train({ ...full, quality });
  const router = createRouter(await readArtifact(memoryFiles(artifact.files)));
  const { success } = await router.predict({ text: 'What is 41 + 377 when gardens are counted twice?' });
  expect(success[2]).toBeGreaterThan(success[1] + 0.3);
  expect(evaluation.coverage.kind).toBe('single');
});

test('how a log was learned from is in the manifest, propensities estimated where it has none', async () => {
  const full = plantedTraffic({ prompts: 400, seed: 6 });
  const quality = full.quality.map((value, i) => (i % 3 === Math.floor(i / 3) % 3 ? value : Number.NaN));
  const log = { ...full, quality };
  const { artifact, log: report } = await train(log);
  expect(report).toMatchObject({ method: 'none', propensities: 'fitted', clippedShare: 0 });
  expect(report!.effectiveOutcomes).toBeLessThanOrEqual(report!.outcomes);
  expect(report!.summary).toMatch(
    /^\d+ outcomes of a log that holds some candidates of each prompt, all of them alike;/,
  );
  expect(report!.outcomes).toBe(artifact.manifest.provenance.prompts.fit);
  expect(artifact.manifest.provenance.config).toMatchObject({ chosen: { log: report } });
  const html = new TextDecoder().decode(artifact.files.get('report.html'));
  expect(html).toContain('Learned from');
  await expect(train(log, { propensities: 'logged' })).rejects.toThrow(
    /`offPolicy.propensities` .* have none/,
  );
});

test.each(['ipw', 'doublyRobust'] as const)(
  'a log is learned by %s where the config asks for it',
  async (weights) => {
    const full = plantedTraffic({ prompts: 600, seed: 5 });
    const keep = (values: Float32Array) =>
      values.map((value, i) => (i % 3 === Math.floor(i / 3) % 3 ? value : Number.NaN));
    const log = { ...full, quality: keep(full.quality), propensity: full.quality.map(() => 1 / 3) };
    const { artifact, log: report } = await train(log, { weights });
    expect(report).toMatchObject({ method: weights, propensities: 'logged' });
    const router = createRouter(await readArtifact(memoryFiles(artifact.files)));
    const { success } = await router.predict({ text: 'What is 41 + 377 when gardens are counted twice?' });
    expect(success[2]).toBeGreaterThan(success[1] + 0.3);
  },
);
