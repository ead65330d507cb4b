import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { readPrompt } from 'pointsman';
import { argMax } from 'pointsman/internal';
import { loadRouter } from 'pointsman/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseTrainConfig } from '../../../training/config.ts';
import { requestFeatures } from '../../../training/embed/embed.ts';
import { createInProcessEngine, type Engine } from '../../../training/engine/engine.ts';
import { openQueueEngine, type RunningWorker, startWorker } from '../../../training/engine/queue.ts';
import { openStore } from '../../../training/engine/shard-store.ts';
import { fitLinear } from '../../../training/fit/linear.ts';
import { takeRows } from '../../../training/fit/rows.ts';
import { ingestOutcomes } from '../../../training/ingest/ingest.ts';
import { readOutcomeMatrix } from '../../../training/ingest/outcome-store.ts';
import { joinParts } from '../../../training/learners/linear.ts';
import { bandRecords, groupsOfPairs, pairsInBand } from '../../../training/split/near-duplicates.ts';
import { textToCompare } from '../../../training/split/split.ts';
import { TRAINING_STEPS, trainingRelease } from '../../../training/train/shard-steps.ts';
import { trainFromFiles } from '../../../training/train/train-router.ts';
import { groupsOfKeys, keyOfPrompt, splitByGroup } from '../../../training/train/whole-traffic.ts';
import { type RedisServer, startRedis } from '../../fixtures/redis-server.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { type PlantedRow, plantedRows, writeRows } from '../cli/planted-file.ts';

const { folder, path } = temporaryFolder();
const SAMPLE = 250;
const CANDIDATES = ['large', 'poet', 'reckoner'];

/** 600 prompts, of which each tenth comes again, with a word changed or as it is. */
function traffic(): PlantedRow[] {
  const rows = plantedRows({ prompts: 600, seed: 3 });
  const again = rows.filter(({ requestId }) => String(requestId).endsWith('7'));
  return [...rows, ...again.map((row) => ({ ...row, requestId: `again-${row.requestId}` }))];
}

interface TrainOptions {
  readonly rows: string;
  readonly engine: Engine;
  readonly config?: object;
  readonly fitSample?: number;
}

async function train({ config, engine, fitSample = SAMPLE, rows }: TrainOptions) {
  const own = await mkdtemp(join(folder, 'train-'));
  const trained = await trainFromFiles({
    files: [rows],
    out: join(own, 'router'),
    name: 'whole',
    workFolder: join(own, 'work'),
    config: parseTrainConfig({
      ...{ heads: ['linear'], folds: 2, resamples: 100, ngrams: { dimensions: 0 } },
      ...config,
    }),
    shards: { engine, shardBytes: 300_000, fitSample },
  });
  return { ...trained, digest: await digestOf(trained.written.path) };
}

async function digestOf(router: string): Promise<string> {
  const hash = createHash('sha256');
  for (const name of (await readdir(router, { recursive: true })).sort()) {
    const file = join(router, name);
    if ((await stat(file)).isFile()) hash.update(name).update(await readFile(file));
  }
  return hash.digest('hex');
}

async function openParts() {
  const own = await mkdtemp(join(folder, 'store-'));
  const scratch = join(own, 'scratch');
  await mkdir(scratch);
  const store = await openStore(join(own, 'store'), scratch);
  return { scratch, store, steps: TRAINING_STEPS, release: await trainingRelease() };
}

/** An embedder as OpenAI's, which remembers what it was asked. */
async function startEmbedder(dimensions: number) {
  const asked: string[] = [];
  const apiKeyVariable = 'KEY_OF_OWN_EMBEDDER';
  process.env[apiKeyVariable] = 'any';
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { input } = JSON.parse(body) as { readonly input: readonly string[] };
    asked.push(...input);
    const data = input.map((text, index) => {
      const bytes = createHash('sha512').update(text).digest();
      return { index, embedding: Array.from({ length: dimensions }, (_, i) => bytes[i] / 128 - 1) };
    });
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ data }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    asked,
    config: {
      ...{ kind: 'openai', model: 'bytes', dimensions, apiKeyVariable },
      baseUrl: `http://127.0.0.1:${port}/v1`,
    },
    close: () => {
      delete process.env[apiKeyVariable];
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

let redis: RedisServer;
let rows: string;
let engine: Engine;
let ran: string[];
let known: Awaited<ReturnType<typeof train>>;
beforeAll(async () => {
  redis = await startRedis();
  rows = await writeRows(path('traffic.jsonl'), traffic());
  ran = [];
  engine = createInProcessEngine({ ...(await openParts()), onTime: (step) => ran.push(step) });
  known = await train({ rows, engine });
});
afterAll(() => redis.stop());

/** All prompts, and their splits, in one place. */
async function wholeMatrix() {
  const table = path('all.parquet');
  await ingestOutcomes({ files: [rows], out: table });
  const matrix = await readOutcomeMatrix(table);
  const keys = Float64Array.from(matrix.prompts, keyOfPrompt);
  const bands = bandRecords(keys, matrix.prompts.map(textToCompare), 1);
  const pairs = Float64Array.from(bands.flatMap((band) => [...pairsInBand(band)]));
  const others = groupsOfPairs(pairs, matrix.prompts.length).flat();
  const groups = groupsOfKeys(keys, Float64Array.from(others));
  return { matrix, splits: splitByGroup(groups, { seed: 0, fit: 0.6, calibrate: 0.2 }) };
}

describe('a router that is fitted on a sample', () => {
  it('is measured on all test prompts: as if each was asked by itself', async () => {
    const { whole } = known.trained.evaluation;
    const { matrix, splits } = await wholeMatrix();
    const router = await loadRouter(known.written.path);
    let [routed, squares] = [0, 0];
    for (const row of splits.test.rows) {
      const { candidate, predictions } = await router.route(matrix.prompts[row].request);
      routed += matrix.quality[3 * row + CANDIDATES.indexOf(candidate)];
      const own = predictions.find((prediction) => prediction.candidate === 'poet');
      squares += (own!.successProbability - matrix.quality[3 * row + 1]) ** 2;
    }
    const { length } = splits.test.rows;
    expect(whole?.prompts).toEqual({
      fit: splits.fit.rows.length,
      calibrate: splits.calibrate.rows.length,
      test: length,
    });
    expect(whole?.test).toMatchObject({ how: 'read', rows: length });
    expect(whole?.test?.quality.estimate).toBeCloseTo(routed / length, 12);
    expect(whole?.calibration[1].brier).toBeCloseTo(squares / length, 6);
    const learned = [...splits.fit.rows, ...splits.calibrate.rows];
    const means = CANDIDATES.map((_, c) =>
      learned.reduce((sum, row) => sum + matrix.quality[3 * row + c], 0),
    );
    expect(whole?.test?.bestSingle.candidate).toBe(CANDIDATES[argMax(means)]);
  });

  it('is set beside linear heads that are fitted on all prompts', async () => {
    const { traffic, trained, written } = known;
    const { linear, prompts } = trained.evaluation.whole!;
    expect(linear).toMatchObject({ rows: prompts.fit, sampled: traffic.splits.fit.rows.length });
    const { matrix, splits } = await wholeMatrix();
    const { artifact } = await loadRouter(written.path);
    const requests = matrix.prompts.map(({ request }) => request);
    const features = await requestFeatures(artifact, requests);
    const { settings } = trained.quality.members.find(({ name }) => name === 'linear')!;
    const targets = { rows: features.rows, columns: 3, values: matrix.quality };
    const variance = features.columns - 256;
    const errorOf = async (rows: Int32Array) => {
      const data = { features: takeRows(features, rows), targets: takeRows(targets, rows) };
      const layers = [];
      for (const share of [settings.levelPenalty, settings.deviationPenalty])
        layers.push(
          (await fitLinear(data, 'squared', { l2: share * rows.length * 2 * variance, tolerance: 1e-9 }))
            .layer,
        );
      const [level, deviation] = layers.map(({ bias, kernel }) => ({
        bias: Float64Array.from(bias),
        kernel: Float64Array.from(kernel),
      }));
      const { bias, kernel } = joinParts(level, deviation);
      let squares = 0;
      for (const row of splits.test.rows)
        for (const c of [0, 1, 2]) {
          let value = bias[c];
          for (let i = 0; i < features.columns; i++)
            value += kernel[3 * i + c] * features.values[row * features.columns + i];
          squares += (matrix.quality[3 * row + c] - value) ** 2;
        }
      return squares / splits.test.rows.length / 3;
    };
    const rowOf = new Map(matrix.prompts.map(({ requestId }, row) => [requestId, row]));
    const drawn = traffic.splits.fit.rows.map((row) => rowOf.get(traffic.matrix.prompts[row].requestId)!);
    expect(linear?.errorOfAll).toBeCloseTo(await errorOf(splits.fit.rows), 4);
    expect(linear?.errorOfSample).toBeCloseTo(await errorOf(drawn), 4);
    expect(linear?.errorOfAll).not.toBeCloseTo(linear!.errorOfSample, 5);
  });

  it('has learned of about as many prompts as it was told, whole groups, and says so', () => {
    const { traffic, trained } = known;
    expect(traffic.whole?.sums.prompts).toMatchObject({ prompts: 660, complete: 660 });
    expect(traffic.matrix.prompts.length).toBe(traffic.whole?.sums.prompts.sampled);
    expect(Math.abs(traffic.matrix.prompts.length - SAMPLE)).toBeLessThan(60);
    const ids = new Set(traffic.matrix.prompts.map(({ requestId }) => requestId));
    const copies = [...ids].filter((id) => id.startsWith('again-'));
    expect(copies.length).toBeGreaterThan(5);
    for (const id of copies) expect(ids).toContain(id.slice('again-'.length));
    const roles = new Map(
      Object.entries(traffic.splits).flatMap(([role, split]) =>
        Array.from(split.rows as Int32Array, (row) => [traffic.matrix.prompts[row].requestId, role] as const),
      ),
    );
    for (const id of copies) expect(roles.get(id)).toBe(roles.get(id.slice('again-'.length)));
    expect(trained.evaluation.verdict.caveats.at(-1)).toContain(
      `It was fitted on a sample of ${ids.size} of 660 prompts`,
    );
    expect(traffic.warnings[0]).toContain(`${ids.size} of 660 prompts were drawn`);
  });

  it('is the same, byte for byte, by one worker of a queue and by two', async () => {
    for (const count of [1, 2]) {
      const parts = await openParts();
      const workers: RunningWorker[] = [];
      for (let i = 0; i < count; i++) workers.push(await startWorker({ ...parts, url: redis.url }));
      const queue = await openQueueEngine({ ...parts, url: redis.url, lookMs: 100 });
      expect((await train({ rows, engine: queue })).digest).toBe(known.digest);
      await queue.close();
      for (const worker of workers) await worker.close();
    }
  });

  it('is made again from what is in the store, of which nothing is done twice', async () => {
    const before = ran.length;
    expect(before).toBeGreaterThan(20);
    expect(new Set(ran)).toEqual(new Set(Object.keys(TRAINING_STEPS)));
    expect((await train({ rows, engine })).digest).toBe(known.digest);
    expect(ran.slice(before)).toEqual([]);
  });

  it('asks an embedder that is elsewhere once about each test prompt, of which two steps need the embedding', async () => {
    const server = await startEmbedder(16);
    try {
      const again: (readonly string[])[] = [];
      const asking: Engine = {
        ...engine,
        async run(jobs, options) {
          const made = await engine.run(jobs, options);
          if (jobs[0].step !== 'ridge') return made;
          const asked = server.asked.length;
          const none = await engine.store.put(new Uint8Array());
          const embedded = jobs.map((job) => ({ ...job, inputs: [...job.inputs.slice(0, -1), none] }));
          again.push(...made, ...(await engine.run(embedded)));
          server.asked.length = asked;
          return made;
        },
      };
      const { traffic } = await train({ rows, engine: asking, config: { embedder: server.config } });
      const [known, embedded] = [again.slice(0, again.length / 2), again.slice(again.length / 2)];
      expect(known.length).toBeGreaterThan(1);
      expect(known).toEqual(embedded);
      const { matrix, splits } = await wholeMatrix();
      const texts = matrix.prompts.map(({ request }) => readPrompt(request).text);
      const drawn = new Set(traffic.matrix.prompts.map(({ request }) => readPrompt(request).text));
      const tested = Array.from(splits.test.rows, (row) => texts[row]).filter(
        (text) => !drawn.has(text) && texts.indexOf(text) === texts.lastIndexOf(text),
      );
      expect(tested.length).toBeGreaterThan(20);
      const counts = tested.map((text) => server.asked.filter((each) => each === text).length);
      expect(new Set(counts)).toEqual(new Set([1]));
    } finally {
      await server.close();
    }
  });

  it('draws no sample where all prompts can be fitted on', async () => {
    const { traffic, trained } = await train({ rows, engine, fitSample: 660 });
    expect(traffic.whole).toBe(null);
    expect(traffic.matrix.prompts).toHaveLength(660);
    expect(trained.evaluation).not.toHaveProperty('whole');
  });

  it('is refused where the split is by time', async () => {
    await expect(train({ rows, engine, config: { split: { by: 'time' } } })).rejects.toThrow(
      'A split by time must have all prompts at hand, and more than 250 are not: the log has 660. Split by chance',
    );
  });
});

describe('of a log with one outcome a prompt', () => {
  const logged = (propensity: number | undefined) =>
    traffic().flatMap((row, i) =>
      (7 * Math.floor(i / 3) + i) % 3 === 0
        ? [{ ...row, ...(propensity === undefined ? {} : { propensity }) }]
        : [],
    );

  it('all test prompts give a doubly robust estimate where it says how likely each outcome was', async () => {
    const file = await writeRows(path('logged.jsonl'), logged(1 / 3));
    const { trained } = await train({ rows: file, engine });
    const test = trained.evaluation.whole?.test;
    const truth = known.trained.evaluation.whole!.test!;
    expect(test).toMatchObject({ how: 'estimated', costUsd: null });
    // Which is what is known where every outcome was seen, of the same test prompts.
    expect(test?.bestSingle.candidate).toBe(truth.bestSingle.candidate);
    expect(test?.bestSingle.quality.low).toBeLessThan(truth.bestSingle.quality.estimate);
    expect(test?.bestSingle.quality.high).toBeGreaterThan(truth.bestSingle.quality.estimate);
  });

  it('they give none where it does not', async () => {
    const file = await writeRows(path('unlogged.jsonl'), logged(undefined));
    const { trained } = await train({ rows: file, engine });
    expect(trained.evaluation.whole).toMatchObject({ test: null, calibration: [] });
    expect(trained.evaluation.verdict.caveats.at(-1)).toContain('On all of them nothing is measured');
  });
});
