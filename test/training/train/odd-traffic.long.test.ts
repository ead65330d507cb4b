import { describe, expect, test } from 'vitest';
import { oddSets, trainOdd } from '../../../bench/simulations/odd-columns.ts';
import { parseTrainConfig } from '../../../training/config.ts';
import { fitStandardisation } from '../../../training/features/fit-features.ts';
import { checkTraffic, type IngestReport } from '../../../training/ingest/report.ts';
import type { OutcomeMatrix } from '../../../training/outcomes/matrix.ts';
import { nameSplits } from '../../../training/split/split.ts';
import { trafficWarnings } from '../../../training/train/prepare-traffic.ts';
import { MOST_KINDS, taskKinds } from '../../../training/train/training-run.ts';
import { plantedTraffic } from '../../fixtures/planted-traffic.ts';

const sets = oddSets(120);

/** Trained, so that the whole of it is seen; the simulation has all of them. */
const TRAINED = ['a task for each prompt', 'embeddings all the same'] as const;

test.each(TRAINED)('%s: a router comes of it, and its artifact loads', async (name) => {
  const { artifact, evaluation } = await trainOdd(sets[name]);
  expect(evaluation.strategies.find(({ id }) => id === 'router')?.quality.estimate).toBeGreaterThan(0.3);
  if (name === 'a task for each prompt') expect(artifact.manifest.task).toBeUndefined();
  if (name === 'embeddings all the same') expect(artifact.manifest.novelty).toBeUndefined();
});

describe('kinds among tasks', () => {
  const of = (tasks: readonly (string | null)[], groups = tasks.map((_, row) => row)) =>
    taskKinds(
      { prompts: tasks.map((task) => ({ ...sets['one task'].prompts[0], task })) },
      Int32Array.from(tasks.keys()),
      Int32Array.from(groups),
    );

  test('identifiers are none, and are counted', () => {
    const ids = Array.from({ length: 40 }, (_, row) => `id-${row % 20}`);
    expect(of(ids)).toEqual({ names: [], leftOut: { tasks: 20, prompts: 40 } });
  });

  test('those that are seen on five different prompts are learned, whatever copies say', () => {
    const tasks = [...'aaaaa', ...'bbbbb', null, null];
    expect(of(tasks).names).toEqual(['a', 'b']);
    const copies = of(tasks, [0, 1, 2, 3, 4, 5, 5, 5, 5, 5, 6, 7]);
    expect(copies).toEqual({ names: ['a'], leftOut: { tasks: 1, prompts: 5 } });
  });

  test('of very many the commonest are learned', () => {
    const tasks = Array.from({ length: 300 }, (_, k) =>
      new Array<string>(k < 50 ? 5 : 6).fill(`t${k}`),
    ).flat();
    const { leftOut, names } = of(tasks);
    expect(names).toHaveLength(MOST_KINDS);
    expect(names.every((name) => Number(name.slice(1)) >= 50)).toBe(true);
    expect(leftOut.tasks).toBe(300 - MOST_KINDS);
  });
});

describe('warnings', () => {
  const warn = (matrix: OutcomeMatrix) => {
    const rows = Int32Array.from(matrix.prompts.keys());
    const none = new Int32Array();
    const ingest = {
      rejected: [],
      rowsRead: 1,
      passedOver: [],
      joined: { prompts: 0, outcomes: 0, scores: 0 },
      pricesOfNobody: [],
      costsWithout: { tokens: 0, prices: 0 },
      aliases: {},
      scoreScale: { by: 'default', forms: [], range: [0, 1] },
    } as unknown as IngestReport;
    return trafficWarnings(
      { matrix, ingest, splits: nameSplits(rows, none, none), groups: rows },
      parseTrainConfig({}),
      0,
    );
  };

  test('a column of identifiers is named, with what is asked of a task', () => {
    expect(warn(sets['a task for each prompt'])).toEqual([
      expect.stringContaining(
        '`task` has 120 values among the prompts to fit, of which none is learned: at most 200 are',
      ),
    ]);
    expect(warn(sets['tasks with names of 300 characters'])[0]).toContain('of which none is learned');
  });

  test('kinds, and a few odd ones beside them, are nothing to warn of', () => {
    const plain = plantedTraffic({ prompts: 150, seed: 1 });
    const prompts = plain.prompts.map((prompt, row) =>
      row < 7 ? { ...prompt, task: `odd-${row}` } : prompt,
    );
    expect(warn({ ...plain, prompts })).toEqual([]);
    expect(warn(plantedTraffic({ prompts: 150, seed: 1, tasks: false }))).toEqual([]);
  });

  test('embeddings that are all alike are named, others not', () => {
    expect(warn(sets['embeddings all the same'])).toEqual([
      expect.stringContaining('nothing can tell prompts apart'),
    ]);
    expect(warn(sets['embeddings all the same but one'])).toEqual([]);
  });
});

describe('names of candidates', () => {
  const named = (candidates: readonly string[]) => () =>
    checkTraffic({ ...plantedTraffic({ prompts: 60, seed: 1 }), candidates });

  test('that no manifest takes are refused before anything is fitted, with what to do', () => {
    expect(named(['a', 'b', 'x'.repeat(201)])).toThrow('must have 1 to 200 characters. Got 201: xxx');
    expect(named(['', 'b', 'c'])).toThrow('must have 1 to 200 characters. Got none');
    expect(named(['a', 'b', 'x'.repeat(200)])).not.toThrow();
  });

  test('that are identifiers are refused as too many', () => {
    const ids = Array.from({ length: 1001 }, (_, i) => `request-${i}`);
    const { prompts } = plantedTraffic({ prompts: 60, seed: 1 });
    const cells = new Float32Array(60 * ids.length);
    const unknown = cells.slice().fill(Number.NaN);
    const matrix = {
      candidates: ids,
      prompts,
      quality: cells,
      costUsd: unknown,
      latencyMs: unknown,
      propensity: unknown,
    };
    expect(() => checkTraffic(matrix)).toThrow('at most 1,000 candidates. Got 1,001, such as request-0');
  });
});

test('features of one block are constant where they vary less than rounding, at any scale', () => {
  const rows = 50;
  const values = Float32Array.from({ length: rows * 3 }, (_, i) => [1e-7 * Math.sin(i), 0.1, 1e-7][i % 3]);
  const group = { from: 0, to: 3, variance: 1, each: false };
  const { scale } = fitStandardisation(values, 3, [group]) as unknown as { scale: Float32Array };
  expect(scale[0]).toBeGreaterThan(1e6);
  expect([scale[1], scale[2]]).toEqual([0, 0]);
});
