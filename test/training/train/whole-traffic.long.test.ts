import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Artifact, readPrompt } from 'pointsman';
import {
  argMax,
  createCalibrator,
  createHead,
  type HeadContext,
  mean,
  readKnnHead,
  readLayersModel,
} from 'pointsman/internal';
import { loadRouter } from 'pointsman/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chooseCalibrators } from '../../../training/calibrate/choose-calibrator.ts';
import { parseTrainConfig } from '../../../training/config.ts';
import { requestFeatures } from '../../../training/embed/embed.ts';
import { createInProcessEngine, type Engine, openStore } from '../../../training/engine/engine.ts';
import { openQueueEngine, type RunningWorker, startWorker } from '../../../training/engine/queue.ts';
import { fitLinear } from '../../../training/fit/linear.ts';
import { meanLoss, softTargets } from '../../../training/fit/loss.ts';
import { predictRows, takeRows } from '../../../training/fit/rows.ts';
import { ingestOutcomes } from '../../../training/ingest/ingest.ts';
import { readOutcomeMatrix } from '../../../training/ingest/outcome-store.ts';
import { joinParts } from '../../../training/learners/linear.ts';
import { bandRecords, groupsOfPairs, pairsInBand } from '../../../training/split/near-duplicates.ts';
import { decodeSeenPrompts, textToCompare } from '../../../training/split/split.ts';
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
function traffic(seed = 4): PlantedRow[] {
  const rows = plantedRows({ prompts: 600, seed });
  const again = rows.filter(({ requestId }) => String(requestId).endsWith('7'));
  return [...rows, ...again.map((row) => ({ ...row, requestId: `again-${row.requestId}` }))];
}

interface TrainOptions {
  readonly rows: string;
  readonly engine: Engine;
  readonly config?: object;
  readonly fitSample?: number;
  readonly shardBytes?: number;
}

async function train({ config, engine, fitSample = SAMPLE, rows, shardBytes = 300_000 }: TrainOptions) {
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
    shards: { engine, shardBytes, fitSample },
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

function contextOf({ file, manifest }: Artifact): HeadContext {
  const model = JSON.parse(new TextDecoder().decode(file(manifest.model.topology)));
  return { layers: readLayersModel(model, file(manifest.model.weights)), file, knn: readKnnHead };
}

/** What heads read of all prompts, and what came of these. */
async function wholeFeatures() {
  const { matrix, splits } = await wholeMatrix();
  const { artifact } = await loadRouter(known.written.path);
  const requests = matrix.prompts.map(({ request }) => request);
  const features = await requestFeatures(artifact, requests);
  return { features, matrix, splits, targets: { rows: features.rows, columns: 3, values: matrix.quality } };
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

  it('is set beside linear heads that are fitted on all prompts, held back as suits prompts to calibrate on', async () => {
    const { traffic, trained } = known;
    const { linear, prompts } = trained.evaluation.whole!;
    expect(linear).toMatchObject({ rows: prompts.fit, sampled: traffic.splits.fit.rows.length });
    const { features, matrix, splits, targets } = await wholeFeatures();
    const { settings } = trained.quality.members.find(({ name }) => name === 'linear')!;
    const fitAt = async (rows: Int32Array, share: number) => {
      const data = { features: takeRows(features, rows), targets: takeRows(targets, rows) };
      const l2 = share * rows.length * 2 * (features.columns - 256);
      const { layer } = await fitLinear(data, 'squared', { l2, tolerance: 1e-9 });
      return { bias: Float64Array.from(layer.bias), kernel: Float64Array.from(layer.kernel) };
    };
    const errorOn = (rows: Int32Array, { bias, kernel }: ReturnType<typeof joinParts>) => {
      let squares = 0;
      for (const row of rows)
        for (const c of [0, 1, 2]) {
          let value = bias[c];
          for (let i = 0; i < features.columns; i++)
            value += kernel[3 * i + c] * features.values[row * features.columns + i];
          squares += (matrix.quality[3 * row + c] - value) ** 2;
        }
      return squares / rows.length / 3;
    };
    const rowOf = new Map(matrix.prompts.map(({ requestId }, row) => [requestId, row]));
    const drawn = traffic.splits.fit.rows.map((row) => rowOf.get(traffic.matrix.prompts[row].requestId)!);
    const { deviationPenalty, levelPenalty } = settings;
    const ofSample = joinParts(await fitAt(drawn, levelPenalty), await fitAt(drawn, deviationPenalty));
    expect(linear?.errorOfSample).toBeCloseTo(errorOn(splits.test.rows, ofSample), 4);
    let [least, there] = [Number.POSITIVE_INFINITY, Number.NaN];
    const weaker = [1, 0.5, 0.25, 0.1, 0.05, 0.025, 0.01];
    const levels = [];
    const deviations = [];
    for (const share of weaker) {
      levels.push(await fitAt(splits.fit.rows, share * levelPenalty));
      deviations.push(await fitAt(splits.fit.rows, share * deviationPenalty));
    }
    for (const level of levels)
      for (const deviation of deviations) {
        const both = joinParts(level, deviation);
        const error = errorOn(splits.calibrate.rows, both);
        if (error < least) [least, there] = [error, errorOn(splits.test.rows, both)];
      }
    expect(linear?.errorOfAll).toBeCloseTo(there, 4);
  });

  it('has heads that were fitted and calibrated on all prompts, as if these were in one place', async () => {
    const { trained, written } = known;
    const { heads, prompts, test } = trained.evaluation.whole!;
    expect(heads).toMatchObject({ served: 'all', fit: prompts.fit, calibrate: prompts.calibrate });
    expect(heads!.lossOfAll.success).toBeLessThan(heads!.lossOfSample.success);
    expect(heads!.passes).toBeGreaterThan(1);
    expect(heads!.passes).toBeLessThanOrEqual(12);
    expect(heads!.other.test).toMatchObject({ how: 'read', rows: test!.rows });
    expect(trained.artifact.manifest.provenance.prompts).toMatchObject({
      fit: prompts.fit,
      calibrate: prompts.calibrate,
    });
    const { artifact } = await loadRouter(written.path);
    const { choice, success } = artifact.manifest.heads;
    const { features, splits, targets } = await wholeFeatures();
    const held = takeRows(features, splits.calibrate.rows);
    const quality = takeRows(targets, splits.calibrate.rows);
    const context = contextOf(artifact);
    const logits = predictRows(createHead(success.head, context), held);
    const groups = splits.calibrate.rows;
    const { calibrators } = chooseCalibrators(logits, quality, null, { groups, seed: 0 });
    const served = success.calibrators.map(createCalibrator);
    for (const c of [0, 1, 2]) {
      const off = Array.from({ length: held.rows }, (_, row) => {
        const z = logits.values[3 * row + c];
        return Math.abs(served[c].probability(z) - calibrators[c].probability(z));
      });
      expect(mean(off)).toBeLessThan(0.05);
    }
    const chosen = predictRows(createHead(choice.head, context), held);
    const loss = meanLoss('softmax', chosen, { targets: softTargets(quality, 0.1) });
    expect(loss).toBeCloseTo(heads!.lossOfAll.choice!, 3);
  });

  it('has the same heads but for rounding where all prompts are in one shard', async () => {
    const { trained } = await train({ rows, engine, shardBytes: 2 ** 26 });
    const [one, many] = [trained, known.trained].map(({ evaluation }) => evaluation.whole!);
    expect(one.heads!.passes).toBe(many.heads!.passes);
    expect(one.linear!.errorOfAll).toBeCloseTo(many.linear!.errorOfAll, 9);
    expect(one.heads!.lossOfAll.success).toBeCloseTo(many.heads!.lossOfAll.success, 6);
    expect(one.heads!.lossOfAll.choice).toBeCloseTo(many.heads!.lossOfAll.choice!, 6);
  });

  it('keeps the heads of the sample where those of all prompts have no less loss on prompts to calibrate on', async () => {
    const file = await writeRows(path('other.jsonl'), traffic(3));
    const { trained, traffic: drawn } = await train({ rows: file, engine });
    const { heads, prompts } = trained.evaluation.whole!;
    expect(heads?.served).toBe('sample');
    expect(heads!.lossOfAll.success).toBeGreaterThanOrEqual(heads!.lossOfSample.success);
    expect(heads!.other.test?.rows).toBe(prompts.test);
    expect(trained.artifact.manifest.provenance.prompts).toMatchObject({
      fit: drawn.splits.fit.rows.length,
      calibrate: drawn.splits.calibrate.rows.length,
    });
    expect(trained.evaluation.verdict.caveats.at(-1)).toContain('others their log-loss is not lower');
  });

  it('knows all prompts that its heads were fitted on', async () => {
    const { trained, written } = known;
    const { matrix, splits } = await wholeMatrix();
    const record = await readFile(join(written.path, 'seen.bin'));
    const seen = decodeSeenPrompts(record, trained.artifact.manifest.provenance.dataFingerprint);
    const roles = (rows: Int32Array) => new Set(Array.from(rows, (row) => seen.roleOf(matrix.prompts[row])));
    expect(roles(splits.fit.rows)).toEqual(new Set(['fit']));
    expect(roles(splits.calibrate.rows)).toEqual(new Set(['calibrate']));
    expect(roles(splits.test.rows)).toEqual(new Set([null]));
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
      `come of a sample of ${ids.size} of 660 prompts`,
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
          if (jobs[0].step !== 'measure') return made;
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

  it('a rare candidate has more of a sample that heads are fitted on alone than of the log, whoever draws it', async () => {
    // Of each fortieth prompt, and of prompts in turns the others.
    const file = await writeRows(
      path('rare.jsonl'),
      traffic().filter(({ candidate }, i) => {
        const prompt = Math.floor(i / 3);
        return candidate === (prompt % 40 === 11 ? 'poet' : ['large', 'reckoner'][prompt % 2]);
      }),
    );
    const config = { uncertainty: true };
    const alone = await train({ rows: file, engine, config });
    const { matrix, splits, warnings } = alone.traffic;
    const { rated } = alone.traffic.whole!.sums.candidates[CANDIDATES.indexOf('poet')];
    const drawn = [...splits.fit.rows, ...splits.calibrate.rows].filter(
      (row) => !Number.isNaN(matrix.quality[3 * row + CANDIDATES.indexOf('poet')]),
    );
    expect(rated).toBeGreaterThan(8);
    expect(drawn.length).toBeGreaterThan(0.6 * rated);
    expect(matrix.prompts.length).toBeLessThan(0.5 * 660);
    const importance = matrix.importance!;
    for (const row of splits.fit.rows) expect(importance[3 * row]).toBeLessThanOrEqual(2);
    for (const row of [...splits.calibrate.rows, ...splits.test.rows]) expect(importance[3 * row]).toBe(1);
    for (const row of drawn) if (splits.fit.rows.includes(row)) expect(importance[3 * row]).toBeLessThan(0.5);
    expect(warnings[0]).toContain('those of rarer tasks and candidates more often');
    const parts = await openParts();
    const workers = [0, 1].map(() => startWorker({ ...parts, url: redis.url }));
    const queue = await openQueueEngine({ ...parts, url: redis.url, lookMs: 100 });
    expect((await train({ rows: file, engine: queue, config })).digest).toBe(alone.digest);
    await queue.close();
    for (const worker of workers) await (await worker).close();
    // Heads that are fitted on all prompts see all there is of it.
    const { traffic: even } = await train({ rows: file, engine });
    expect(even.matrix).not.toHaveProperty('importance');
    expect(even.whole!.settings.chances.even).toBe(even.whole!.settings.share);
  });

  it('heads are fitted and calibrated on the outcomes of all, the same whichever shards they are in', async () => {
    const file = await writeRows(path('logged.jsonl'), logged(1 / 3));
    const [many, one] = [
      await train({ rows: file, engine }),
      await train({ rows: file, engine, shardBytes: 2 ** 26 }),
    ];
    const [ofMany, ofOne] = [many, one].map(({ trained }) => trained.evaluation.whole!);
    const { fit, calibrate, test } = ofMany.prompts;
    expect(ofMany.heads).toMatchObject({ fit, calibrate, passes: ofOne.heads!.passes });
    expect(ofMany.heads!.other.test).toMatchObject({ how: 'estimated', rows: test });
    expect([ofMany.linear, ofMany.heads!.lossOfAll.choice]).toEqual([null, null]);
    expect(ofMany.heads!.lossOfAll.success).toBeCloseTo(ofOne.heads!.lossOfAll.success, 6);
    expect(ofMany.heads!.lossOfSample.success).toBeCloseTo(ofOne.heads!.lossOfSample.success, 6);
  });

  it('they give none where it does not', async () => {
    const file = await writeRows(path('unlogged.jsonl'), logged(undefined));
    const { trained } = await train({ rows: file, engine });
    expect(trained.evaluation.whole).toMatchObject({ test: null, calibration: [] });
    expect(trained.evaluation.whole?.heads?.other).toEqual({ test: null, calibration: [] });
    // Test prompts of which nothing is measured are not embedded.
    const server = await startEmbedder(16);
    try {
      const { traffic: drawn } = await train({ rows: file, engine, config: { embedder: server.config } });
      const { matrix, splits } = await wholeMatrix();
      const textOf = ({ request }: (typeof matrix.prompts)[number]) => readPrompt(request).text;
      const known = new Set(drawn.matrix.prompts.map(textOf));
      const others = [...splits.fit.rows, ...splits.calibrate.rows].map((row) => textOf(matrix.prompts[row]));
      for (const text of others) known.add(text);
      expect(server.asked.length).toBeGreaterThan(300);
      expect(server.asked.filter((text) => !known.has(text))).toEqual([]);
    } finally {
      await server.close();
    }
    expect(trained.evaluation.verdict.caveats.at(-1)).toContain('test prompts together nothing is measured');
  });
});
