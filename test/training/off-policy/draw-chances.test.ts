import { createRandom } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import {
  addCounts,
  chancesOf,
  countForDraw,
  type DrawChances,
  drawChances,
  evenChances,
} from '../../../training/off-policy/estimate.ts';
import { type OutcomeMatrix, takePrompts } from '../../../training/outcomes/matrix.ts';

interface Planted {
  readonly task?: string | null;
  readonly candidates: readonly string[];
}

const sum = (numbers: ArrayLike<number>) => Array.from(numbers).reduce((all, x) => all + x, 0);

function matrixOf(planted: readonly Planted[]): OutcomeMatrix {
  const names = [...new Set(planted.flatMap(({ candidates }) => candidates))].sort();
  const none = new Float32Array(planted.length * names.length).fill(Number.NaN);
  return {
    candidates: names,
    prompts: planted.map(({ task = null }, i) => ({
      ...{ requestId: `r${i}`, timestampMs: null, request: { text: `prompt ${i}` }, task, tier: null },
      source: '',
    })),
    quality: none.map((_, cell) =>
      planted[Math.floor(cell / names.length)].candidates.includes(names[cell % names.length])
        ? 1
        : Number.NaN,
    ),
    ...{ costUsd: none, latencyMs: none, propensity: none },
  };
}

/** A log of one outcome a prompt: of `rare` every hundredth, tasks each half as frequent as the one before. */
function logOf(prompts: number): OutcomeMatrix {
  const random = createRandom(1);
  const task = (at = 0): string => (at === 5 || random.next() < 0.5 ? `task ${at}` : task(at + 1));
  return matrixOf(
    Array.from({ length: prompts }, (_, i) => ({
      task: task(),
      candidates: [i % 100 === 7 ? 'rare' : `often ${i % 3}`],
    })),
  );
}

function drawnFrom(matrix: OutcomeMatrix, share: number): { chances: DrawChances; of: Float64Array } {
  const chances = drawChances(countForDraw(matrix), share, matrix.candidates);
  return { chances, of: chancesOf(chances, matrix) };
}

describe('chances of prompts to be drawn', () => {
  test('add up to the size of the sample, or nearly; each is half of its share or more', () => {
    const matrix = logOf(4000);
    for (const share of [0.01, 0.1, 0.4]) {
      const { of } = drawnFrom(matrix, share);
      expect(sum(of)).toBeLessThanOrEqual(share * 4000 * (1 + 1e-9));
      // A rare candidate in a rare task would have more than 1.
      expect(sum(of)).toBeGreaterThan(0.99 * share * 4000);
      expect(Math.min(...of)).toBeGreaterThanOrEqual(share / 2);
      expect(Math.max(...of)).toBeLessThanOrEqual(1);
    }
  });

  test('are larger for a rare candidate: of a quarter of the sample each has as many, unless it has not so many', () => {
    const matrix = logOf(4000);
    const outcomesOf = (share: number) => {
      const { of } = drawnFrom(matrix, share);
      const at = matrix.candidates.indexOf('rare');
      return sum(of.filter((_, row) => !Number.isNaN(matrix.quality[4 * row + at])));
    };
    // Of 40 outcomes, 3/4 of the tenth that an even draw has, and a quarter of 80 / 4.
    expect(outcomesOf(0.02)).toBeCloseTo(40 * 0.02 * 0.75 + 5, 0);
    // All of them.
    expect(outcomesOf(0.5)).toBeCloseTo(40, 0);
  });

  test('are larger for a rare task, by the root of its prompts', () => {
    const matrix = logOf(4000);
    const { tasks } = drawnFrom(matrix, 0.05).chances;
    const counts = new Map(countForDraw(matrix).tasks);
    const [[first, more], ...others] = tasks;
    for (const [task, own] of others)
      expect(own / more).toBeCloseTo(Math.sqrt(counts.get(first)! / counts.get(task)!), 9);
  });

  test('are all alike where every prompt has every candidate, and one task or none', () => {
    for (const task of [null, 'chat']) {
      const matrix = matrixOf(Array.from({ length: 50 }, () => ({ task, candidates: ['a', 'b', 'c'] })));
      for (const chance of drawnFrom(matrix, 0.2).of) expect(chance).toBeCloseTo(0.2, 12);
    }
  });

  test('go by counts of shards as by those of all; a task may have any name', () => {
    const planted = Array.from({ length: 300 }, (_, i) => ({
      task: ['__proto__', 'constructor', null, 'x'][Math.floor(Math.sqrt(i)) % 4],
      candidates: i % 9 === 0 ? ['a', 'toString'] : ['a'],
    }));
    const matrix = matrixOf(planted);
    const parts = [0, 1, 2].map((part) =>
      takePrompts(
        matrix,
        planted.flatMap((_, i) => (i % 3 === part ? [i] : [])),
      ),
    );
    const added = addCounts(parts.map(countForDraw));
    expect(added).toEqual(countForDraw(matrix));
    expect(added).toEqual(JSON.parse(JSON.stringify(added)));
    const [[, constructors]] = added.tasks!.filter(([name]) => name === 'constructor');
    expect(constructors).toBe(planted.filter(({ task }) => task === 'constructor').length);
    expect(sum(drawnFrom(matrix, 0.3).of)).toBeCloseTo(90, 0);
  });

  test('do not go by tasks that are identifiers', () => {
    const matrix = matrixOf(
      Array.from({ length: 1100 }, (_, i) => ({ task: `id ${i}`, candidates: ['a', 'b'] })),
    );
    expect(countForDraw(matrix).tasks).toBe(null);
    const halves = [0, 1].map((half) =>
      countForDraw(
        takePrompts(
          matrix,
          Array.from({ length: 550 }, (_, i) => 2 * i + half),
        ),
      ),
    );
    expect(halves.map(({ tasks }) => tasks?.length)).toEqual([550, 550]);
    expect(addCounts(halves).tasks).toBe(null);
    for (const chance of drawnFrom(matrix, 0.1).of) expect(chance).toBeCloseTo(0.1, 12);
  });

  test('are what was asked for where the draw is to be even', () => {
    const matrix = logOf(100);
    for (const chance of chancesOf(evenChances(0.3, matrix.candidates), matrix)) expect(chance).toBe(0.3);
  });

  test('know whether heads can be fitted on all prompts: not of hashes, nor of comparisons', () => {
    const plain = logOf(20);
    expect(countForDraw(plain).needsSample).toBe(false);
    const hashed = { ...plain, prompts: plain.prompts.map((prompt) => ({ ...prompt, promptHash: 'abc' })) };
    const compared = { ...plain, preference: plain.quality };
    for (const matrix of [hashed, compared]) {
      expect(countForDraw(matrix).needsSample).toBe(true);
      expect(addCounts([countForDraw(plain), countForDraw(matrix)]).needsSample).toBe(true);
    }
  });
});
