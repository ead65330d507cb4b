import { createRandom, type Random } from 'pointsman/internal';
import type { Matrix } from '../../training/fit/rows.ts';
import { chooseShrinkage } from '../../training/fit/stack-weights.ts';
import { shrinkage } from '../../training/learners/stack.ts';
import type { OutcomeMatrix } from '../../training/outcomes/matrix.ts';
import { runGate } from '../../training/retrain/gate/gate.ts';
import { valueTable } from '../../training/retrain/gate/values.ts';
import { atLeast, atMost, type BenchLine, mended } from '../bench-line.ts';
import { simulatedPrompts } from './simulated-prompts.ts';

const RUNS = 2000;
const GATES = 200;

/** How often copies of prompts pass for evidence: in what is kept of predictions, in leaving best single, and before the gate. */
export function simulateCopies(onProgress: (what: string) => void): BenchLine[] {
  onProgress('copies in learning');
  const kept = (
    [
      [1, '2.8 %'],
      [3, '13.0 %'],
      [10, '27.6 %'],
    ] as const
  ).map(([repeats, before]) =>
    mended(
      before,
      atMost(
        `noise is kept: repeats ${repeats}`,
        (100 * countKept({ prompts: 200, repeats, signal: 0 }, RUNS).kept) / RUNS,
        '% of fits',
        4,
        `${RUNS} fits to 200 prompts; two standard errors allow 2.3 %`,
      ),
    ),
  );
  const { strength } = countKept({ prompts: 200, repeats: 10, signal: 0.3 }, RUNS);
  const few = countLeaving({ prompts: 5, repeats: 40 }, RUNS);
  onProgress('copies before the gate');
  const passed = (
    [
      [1, 200, '70.5 %'],
      [10, 20, '10.5 %'],
    ] as const
  ).map(([prompts, repeats, before]) =>
    mended(
      before,
      atMost(
        `a challenger 10 points worse passes the gate on ${prompts} × ${repeats} copies`,
        (100 * countPassed({ prompts, repeats }, GATES)) / GATES,
        '%',
        5,
        `${GATES} gates, every candidate seen`,
      ),
    ),
  );
  return [
    ...kept,
    atLeast('a signal is kept: repeats 10', strength / RUNS, 'of 1', 0.6, 'correlation 0.3 on 200 prompts'),
    mended(
      '1.1 %',
      atMost(
        'best single is left for noise: 5 prompts of 40 copies',
        (100 * few) / RUNS,
        '% of fits',
        4,
        `${RUNS} fits`,
      ),
    ),
    ...passed,
  ];
}

export interface Copies {
  readonly prompts: number;
  readonly repeats: number;
}

/** Fits in which anything is kept of predictions, and the sum of how much. @param signal correlation with the truth */
export function countKept({ prompts, repeats, signal }: Copies & { readonly signal: number }, runs: number) {
  const random = createRandom(1);
  const groups = copiesOf({ prompts, repeats });
  let [kept, strength] = [0, 0];
  for (let run = 0; run < runs; run++) {
    const predictions = normals(prompts, random);
    const noise = normals(prompts, random);
    const truth = predictions.map((x, i) => signal * x + Math.sqrt(1 - signal ** 2) * noise[i]);
    const found = shrinkage(columnOf(predictions, groups), columnOf(truth, groups), null, groups);
    if (found > 0) kept++;
    strength += found;
  }
  return { kept, strength };
}

/** Fits that would leave the best single candidate, where which of two equal ones to choose is noise. */
export function countLeaving(copies: Copies, runs: number): number {
  const random = createRandom(1);
  const groups = copiesOf(copies);
  let leaving = 0;
  for (let run = 0; run < runs; run++) {
    const cells = (of: () => number): Matrix => {
      const own = Array.from({ length: copies.prompts }, () => [of(), of()]);
      return {
        rows: groups.length,
        columns: 2,
        values: Float32Array.from({ length: 2 * groups.length }, (_, i) => own[groups[i >> 1]][i % 2]),
      };
    };
    const scores = cells(() => random.normal());
    const utility = cells(() => Number(random.next() < 0.5));
    if (chooseShrinkage(scores, [0.01, 0], utility, { groups }).strength > 0) leaving++;
  }
  return leaving;
}

/** Gates that a challenger passes which is right on half of the prompts, and the champion on six of ten. */
export function countPassed(copies: Copies, runs: number): number {
  const random = createRandom(1);
  const groups = copiesOf(copies);
  const rows = groups.length;
  let passed = 0;
  for (let run = 0; run < runs; run++) {
    const own = Array.from({ length: copies.prompts }, () => [
      Number(random.next() < 0.6),
      Number(random.next() < 0.5),
    ]);
    const none = new Float32Array(2 * rows).fill(Number.NaN);
    const matrix: OutcomeMatrix = {
      candidates: ['champion', 'challenger'],
      prompts: simulatedPrompts(
        rows,
        (row) => `prompt ${groups[row]}`,
        (row) => row,
      ),
      quality: Float32Array.from({ length: 2 * rows }, (_, i) => own[groups[i >> 1]][i % 2]),
      costUsd: none,
      latencyMs: none,
      propensity: none,
    };
    const unknown = new Float64Array(2 * rows).fill(Number.NaN);
    const table = valueTable({
      matrix,
      rows: Int32Array.from(groups.keys()),
      groups,
      batches: Array.from(groups, () => 'one'),
      propensities: unknown.map(() => 1),
      expected: unknown.map((_, i) => [0.6, 0.5][i % 2]),
      expectedCostUsd: unknown,
      clip: 100,
    });
    const verdict = runGate({
      table,
      champion: { chosen: new Int32Array(rows) },
      challenger: { chosen: new Int32Array(rows).fill(1) },
      means: { quality: Float64Array.of(0.6, 0.5), costUsd: Float64Array.of(Number.NaN, Number.NaN) },
      calibration: { champion: 0.05, challenger: 0.05 },
    });
    if (verdict.passed) passed++;
  }
  return passed;
}

function copiesOf({ prompts, repeats }: Copies): Int32Array {
  return Int32Array.from({ length: prompts * repeats }, (_, row) => row % prompts);
}

function normals(count: number, random: Random): number[] {
  return Array.from({ length: count }, () => random.normal());
}

function columnOf(own: readonly number[], groups: Int32Array): Matrix {
  return { rows: groups.length, columns: 1, values: Float32Array.from(groups, (group) => own[group]) };
}
