import { createRandom } from 'pointsman/internal';
import { DAY_MS, type ScoredTraffic } from '../../../../training/retrain/watch/candidate-shifts.ts';

export interface DriftWorldOptions {
  readonly days: number;
  readonly perDay: number;
  readonly seed: number;
  /** Probability that an answer of this candidate on this day is good, given what the router predicts. @default that */
  readonly truth?: (predicted: number, candidate: number, day: number, row: number) => number;
  /** @default 0.01 */
  readonly cost?: (candidate: number, day: number, predictions: readonly number[]) => number;
  /** Who is asked; a number of a candidate. @default each in turn */
  readonly asked?: (predictions: readonly number[], day: number, row: number) => number;
  /** What is logged of a quality. @default itself */
  readonly logged?: (quality: number, candidate: number, day: number) => number;
  /** @default 'log' */
  readonly source?: (day: number, row: number) => string;
}

export const NAMES = ['poet', 'reckoner', 'strong'];
/** 2026-01-01 */
export const FIRST_DAY = Date.UTC(2026, 0, 1) / DAY_MS;

/** Traffic of one candidate a prompt, which the router predicts rightly unless `truth` says otherwise. */
export function driftWorld(options: DriftWorldOptions): ScoredTraffic {
  const { days, perDay, seed } = options;
  const { truth = (predicted) => predicted, cost = () => 0.01, asked = (_, __, row) => row % 3 } = options;
  const { logged = (quality) => quality, source = () => 'log' } = options;
  const random = createRandom(seed);
  const rows = days * perDay;
  const cells = () => new Float32Array(rows * 3).fill(Number.NaN);
  const matrix = { quality: cells(), costUsd: cells(), latencyMs: cells(), propensity: cells() };
  const success = new Float64Array(rows * 3);
  const dayOfRow = (row: number) => Math.floor(row / perDay);
  for (let row = 0; row < rows; row++) {
    const day = dayOfRow(row);
    const predictions = NAMES.map(() => 0.05 + 0.9 * random.next());
    success.set(predictions, row * 3);
    const c = asked(predictions, day, row);
    const good = Number(random.next() < truth(predictions[c], c, day, row));
    matrix.quality[row * 3 + c] = logged(good, c, day);
    matrix.costUsd[row * 3 + c] = cost(c, day, predictions) * (0.8 + 0.4 * random.next());
  }
  return {
    matrix: {
      candidates: NAMES,
      prompts: Array.from({ length: rows }, (_, row) => ({
        requestId: `r${row}`,
        timestampMs: (FIRST_DAY + dayOfRow(row)) * DAY_MS + (row % perDay) * 1000,
        request: { text: `prompt ${String(row).padStart(5, '0')}` },
        task: null,
        tier: null,
        source: source(dayOfRow(row), row),
      })),
      ...matrix,
    },
    success,
    costUsd: new Float64Array(rows * 3).fill(0.01),
    latencyMs: new Float64Array(rows * 3).fill(Number.NaN),
    chosen: new Int32Array(rows),
  };
}
