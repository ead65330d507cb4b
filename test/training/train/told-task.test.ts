import { type Artifact, createRouter, type Manifest, memoryFiles, readArtifact } from 'pointsman';
import { createRandom, manifestDigest, webSha256 } from 'pointsman/internal';
import { beforeAll, describe, expect, test } from 'vitest';
import { addCandidate } from '../../../training/candidates/change-candidates.ts';
import { createMatrix, type Matrix } from '../../../training/fit/rows.ts';
import type { LearnerData } from '../../../training/learners/learner.ts';
import type { OutcomeMatrix } from '../../../training/outcomes/matrix.ts';
import { fitToldOffsets } from '../../../training/train/told-task.ts';
import type { TrainedRouter } from '../../../training/train/train-router.ts';
import { plantedTraffic } from '../../fixtures/planted-traffic.ts';
import { open, trainedRouter } from '../candidates/fixture.ts';

const TASKS = 4;
const CANDIDATES = 3;
const ROWS = 800;

/** Rows whose tasks make candidates better or worse by known amounts, and heads that see nothing of it. */
function taskData({ effects = 0.3, observed = 1 } = {}): {
  readonly data: LearnerData;
  readonly truth: Float32Array;
} {
  const random = createRandom(1);
  const truth = Float32Array.from({ length: TASKS * CANDIDATES }, (_, i) =>
    i % CANDIDATES === Math.floor(i / CANDIDATES) % CANDIDATES ? effects : -effects / 2,
  );
  const residuals = createMatrix(ROWS, CANDIDATES);
  const tasks = Int32Array.from({ length: ROWS }, (_, row) => (row % 10 === 9 ? -1 : random.integer(TASKS)));
  for (let i = 0; i < residuals.values.length; i++) {
    const task = tasks[Math.floor(i / CANDIDATES)];
    const mean = task === -1 ? 0 : truth[task * CANDIDATES + (i % CANDIDATES)];
    residuals.values[i] = (random.next() < 0.5 + mean ? 1 : 0) - 0.5;
    if (random.next() > observed) residuals.values[i] = Number.NaN;
  }
  const data: LearnerData = {
    features: createMatrix(ROWS, 1),
    featureVariance: 1,
    embedding: { from: 0, to: 1 },
    residuals,
    weights: null,
    logged: observed < 1,
    tasks,
    taskCount: TASKS,
    candidateMeans: [0.5, 0.5, 0.5],
    groups: Int32Array.from({ length: ROWS }, (_, row) => row),
    folds: Int32Array.from({ length: ROWS }, (_, row) => row % 5),
    seed: 0,
  };
  return { data, truth };
}

const nothing: Matrix = createMatrix(ROWS, CANDIDATES);

describe('what the task adds', () => {
  test.each([
    ['every candidate on every row', 1, 0.11],
    ['one candidate in three', 1 / 3, 0.19],
  ])('it is found where heads see nothing, from %s', async (_, observed, error) => {
    const { data, truth } = taskData({ observed });
    const told = (await fitToldOffsets(data, nothing))!;
    const total = told.offsets.values;
    truth.forEach((value, i) => {
      expect(Math.abs(total[i] - value)).toBeLessThan(error);
    });
  });

  test('tasks that make no difference are not worth being told', async () => {
    expect(await fitToldOffsets(taskData({ effects: 0 }).data, nothing)).toBeNull();
    expect(await fitToldOffsets({ ...taskData().data, tasks: null, taskCount: 0 }, nothing)).toBeNull();
  });

  test('heads that know the task as well as can be leave nothing to add', async () => {
    const { data, truth } = taskData();
    const values = nothing.values.map((_, i) => {
      const task = data.tasks![Math.floor(i / CANDIDATES)];
      return task === -1 ? 0 : truth[task * CANDIDATES + (i % CANDIDATES)];
    });
    expect(await fitToldOffsets(data, { ...nothing, values })).toBeNull();
  });
});

describe('a router that is told the task', () => {
  const matrix = hiddenTasks(600, 3);
  let trained: TrainedRouter;
  let artifact: Artifact;
  beforeAll(async () => {
    trained = await trainedRouter(matrix);
    artifact = await readArtifact(memoryFiles(trained.artifact.files));
  }, 120_000);
  const quality = (id: string) =>
    trained.evaluation.strategies.find((strategy) => strategy.id === id)!.quality.estimate!;

  test('chooses by it, as well as the best of each task, and far better than one that is not told', () => {
    expect(quality('told')).toBeGreaterThan(quality('router') + 0.08);
    expect(quality('told')).toBeGreaterThanOrEqual(quality('task') - 1e-9);
  });

  test('says so, and that a task which it has not learned makes no difference', async () => {
    const router = createRouter(artifact);
    const request = { text: 'Anything at all' };
    const plain = await router.route(request);
    const told = await router.route(request, { signals: { task: 'verse' } });
    const strange = await router.route(request, { signals: { task: 'prose' } });
    expect(told.candidate).toBe('poet');
    expect(told.confidence).toBeGreaterThan(0.75);
    expect((await router.route(request, { signals: { task: 'sum' } })).candidate).toBe('reckoner');
    expect(told.reasons).toContain('The task was given, "verse", and not read from the prompt.');
    expect(strange.reasons.at(-1)).toMatch(/"prose", is none that the router has learned/);
    expect(strange.predictions).toEqual(plain.predictions);
    expect(strange.probabilities).toEqual(plain.probabilities);
    expect(plain.reasons.join(' ')).not.toMatch(/task/);
    expect(told.probabilities.poet).toBeGreaterThan(told.probabilities.reckoner);
    // Nothing is left of it at the next request.
    expect((await router.route(request)).predictions).toEqual(plain.predictions);
  });

  test('says what its manifest says: the prior, what heads read scaled, and the offset, calibrated', async () => {
    const { heads, task } = artifact.manifest;
    const { told, names } = task as Required<NonNullable<Manifest['task']>>;
    const own = {
      ...told,
      scale: 0,
      calibrators: told.calibrators.map(() => ({ kind: 'identity' as const })),
    };
    const bare = { ...artifact, manifest: { ...artifact.manifest, task: { ...task!, told: own } } };
    const { predictions, probabilities } = await createRouter(bare).route(
      { text: 'x' },
      { signals: { task: 'verse' } },
    );
    expect(heads.success.head.kind).toBe('logit');
    if (heads.success.head.kind !== 'logit') return;
    const { prior } = heads.success.head;
    const at = names.indexOf('verse');
    for (const { candidate, successProbability } of predictions) {
      const c = artifact.manifest.candidates.findIndex(({ name }) => name === candidate);
      expect(successProbability).toBeCloseTo(prior[c] + told.offsets[at][c], 5);
      // The choice is the softmax of the same.
      const odds = Math.exp((successProbability - predictions[0].successProbability) / told.temperature);
      expect(probabilities[candidate] / probabilities[predictions[0].candidate]).toBeCloseTo(odds, 4);
    }
  });

  test('is calibrated: what it expects of each task is what comes true on the test split, to ten points', async () => {
    const router = createRouter(artifact);
    const fresh = hiddenTasks(400, 77);
    for (const name of ['sum', 'verse'])
      for (const [c, candidate] of fresh.candidates.entries()) {
        const rows = [...fresh.prompts.keys()].filter((row) => fresh.prompts[row].task === name);
        let gap = 0;
        for (const row of rows) {
          const decision = await router.route(fresh.prompts[row].request, { signals: { task: name } });
          const said = decision.predictions.find((one) => one.candidate === candidate)!.successProbability;
          gap += (said - fresh.quality[row * 3 + c]) / rows.length;
        }
        expect(Math.abs(gap), `${candidate} on ${name}`).toBeLessThan(0.1);
      }
  });

  test('keeps to what it said of the others when a candidate is added, which is like those it is like', async () => {
    const probes = withCopy(hiddenTasks(80, 9));
    const added = await addCandidate({ artifact, candidate: { name: 'copy' }, probes, open, caution: 0 });
    const [before, after] = [createRouter(artifact), await open(added.artifact)];
    for (const task of ['sum', 'verse']) {
      const [old, now] = [before, after].map((router) =>
        router.route({ text: 'Anything' }, { signals: { task } }),
      );
      for (const { candidate, successProbability } of (await old).predictions)
        expect(
          (await now).predictions.find((one) => one.candidate === candidate)!.successProbability,
        ).toBeCloseTo(successProbability, 5);
      expect((await now).predictions.some(({ candidate }) => candidate === 'copy')).toBe(true);
    }
  });

  test('a manifest whose offsets do not fit its tasks and candidates is refused', async () => {
    const { task } = artifact.manifest;
    const { told } = task!;
    for (const [wrong, message] of [
      [
        { ...told, offsets: told!.offsets.slice(1).concat(told!.offsets) },
        /task\.told\.offsets.*a list of 2/,
      ],
      [{ ...told, offsets: told!.offsets.map((row) => row.slice(1)) }, /task\.told\.offsets.*a list of 3/],
      [{ ...told, calibrators: told!.calibrators.slice(1) }, /task\.told\.calibrators.*a list of 3/],
      [{ ...told, offsets: told!.offsets.map((row) => row.map(() => 2)) }, /task\.told\.offsets/],
      [{ ...told, temperature: 0 }, /task\.told\.temperature/],
    ] as const) {
      const changed = { ...artifact.manifest, task: { ...task, told: wrong } };
      await expect(reread(changed)).rejects.toThrow(message);
    }
  });

  async function reread(manifest: object): Promise<Artifact> {
    const files = new Map(trained.artifact.files);
    const digest = await manifestDigest(manifest, webSha256);
    const text = JSON.stringify({ ...manifest, digest });
    files.set('manifest.json', new TextEncoder().encode(text));
    return readArtifact(memoryFiles(files));
  }
});

/** Which candidate is good depends on the task, and prompts show nothing of it. */
function hiddenTasks(prompts: number, seed: number): OutcomeMatrix {
  const traffic = plantedTraffic({ prompts, seed });
  const words = plantedTraffic({ prompts, seed: seed + 1 }).prompts;
  return {
    ...traffic,
    prompts: traffic.prompts.map((prompt, i) => ({ ...prompt, request: words[i].request })),
  };
}

/** Traffic with a candidate that answers as the reckoner does. */
function withCopy({
  candidates,
  prompts,
  quality,
  costUsd,
  latencyMs,
  propensity,
}: OutcomeMatrix): OutcomeMatrix {
  const add = (values: Float32Array) =>
    Float32Array.from({ length: 4 * prompts.length }, (_, i) => values[3 * (i >> 2) + Math.min(2, i % 4)]);
  return {
    candidates: [...candidates, 'copy'],
    prompts,
    quality: add(quality),
    costUsd: add(costUsd),
    latencyMs: add(latencyMs),
    propensity: add(propensity),
  };
}

test('logs without tasks have no word of it in their artifacts', async () => {
  const { artifact, evaluation } = await trainedRouter(
    plantedTraffic({ prompts: 200, seed: 4, tasks: false }),
  );
  expect(artifact.manifest.task).toBeUndefined();
  expect(evaluation.strategies.map(({ id }) => id)).not.toContain('told');
});
