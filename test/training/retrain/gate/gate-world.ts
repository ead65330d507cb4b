import { createRandom } from 'pointsman/internal';
import type { OutcomeMatrix } from '../../../../training/outcomes/matrix.ts';
import type { GateInput } from '../../../../training/retrain/gate/gate.ts';
import { type ValueTable, valueTable } from '../../../../training/retrain/gate/values.ts';

export const CANDIDATES = ['poet', 'reckoner', 'strong'];
export const COSTS = [0.001, 0.002, 0.01];
/** Quality by kind of prompt (verse, sum) and candidate. */
export const RATES = [
  [0.9, 0.1, 0.7],
  [0.1, 0.9, 0.7],
];

export interface WorldOptions {
  readonly rows: number;
  readonly seed: number;
  /** Probability of each candidate in the log; null: every candidate is seen. @default null */
  readonly logging?: readonly number[] | null;
  /** Quality of a cell, given what it truly is. @default as it is */
  readonly distort?: (quality: number, row: number, candidate: number) => number;
}

/** Prompts of two kinds in three batches, outcomes drawn by `RATES`. */
export function gateWorld({ rows, seed, logging = null, distort = (quality) => quality }: WorldOptions) {
  const random = createRandom(seed);
  const kinds = Array.from({ length: rows }, () => random.integer(2));
  const quality = new Float32Array(rows * 3);
  const propensity = new Float32Array(rows * 3).fill(Number.NaN);
  kinds.forEach((kind, row) => {
    const drawn = logging === null ? -1 : draw(random.next(), logging);
    for (let c = 0; c < 3; c++) {
      const got = distort(Number(random.next() < RATES[kind][c]), row, c);
      quality[3 * row + c] = logging === null || c === drawn ? got : Number.NaN;
      if (c === drawn) propensity[3 * row + c] = logging![c];
    }
  });
  const cells = (value: (row: number, c: number) => number) =>
    Float32Array.from({ length: rows * 3 }, (_, i) => value(Math.floor(i / 3), i % 3));
  const matrix: OutcomeMatrix = {
    candidates: CANDIDATES,
    prompts: kinds.map((kind, row) => ({
      requestId: `r${row}`,
      timestampMs: row,
      request: { text: `${row}` },
      task: ['verse', 'sum'][kind],
      tier: null,
      source: 'world',
    })),
    quality,
    costUsd: cells((row, c) => (Number.isNaN(quality[3 * row + c]) ? Number.NaN : COSTS[c])),
    latencyMs: cells(() => 1),
    propensity,
  };
  const table = valueTable({
    matrix,
    rows: Int32Array.from({ length: rows }, (_, row) => row),
    groups: Int32Array.from({ length: rows }, (_, row) => row),
    batches: kinds.map((_, row) => `day ${row % 3}`),
    propensities: Float64Array.from(propensity),
    // A model of the world that is not quite right.
    expected: Float64Array.from({ length: rows * 3 }, (_, i) => 0.8 * RATES[kinds[Math.floor(i / 3)]][i % 3]),
    expectedCostUsd: Float64Array.from({ length: rows * 3 }, (_, i) => COSTS[i % 3]),
    clip: 100,
  });
  return { kinds, table };
}

function draw(uniform: number, shares: readonly number[]): number {
  let sum = 0;
  return Math.max(
    0,
    shares.findIndex((share) => {
      sum += share;
      return uniform < sum;
    }),
  );
}

/** What a gate is asked, with sound defaults: `strong` is the best single candidate. */
export function gateInput(
  table: ValueTable,
  champion: ArrayLike<number> | null,
  challenger: ArrayLike<number>,
  rest: Partial<GateInput> = {},
): GateInput {
  return {
    table,
    champion: champion && { chosen: Int32Array.from(champion) },
    challenger: { chosen: Int32Array.from(challenger) },
    means: { quality: Float64Array.of(0.5, 0.5, 0.7), costUsd: Float64Array.from(COSTS) },
    calibration: { champion: 0.03, challenger: 0.03 },
    ...rest,
  };
}
