import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';

const FEWEST_COSTS = 20;
const STEPS = 10;

/**
 * What a candidate's cost grows by with each input token, where only costs are known: least squares of cost = fixed +
 * rate * input, both >= 0, in relative terms (a gamma model with the identity as link). Drawn to 0 by its standard error (James
 * and Stein 1961), and 0 where that could be chance: then costs do not tell of the input.
 *
 * @param c the candidate's column
 * @param lengths input tokens of every prompt
 * @returns US dollars a token
 */
export function inputRate(
  { candidates, costUsd }: OutcomeMatrix,
  c: number,
  rows: Int32Array,
  lengths: Float64Array,
): number {
  const known = rows.filter((row) => costUsd[row * candidates.length + c] > 0 && lengths[row] >= 0);
  if (known.length < FEWEST_COSTS) return 0;
  const costs = Float64Array.from(known, (row) => costUsd[row * candidates.length + c]);
  const inputs = Float64Array.from(known, (row) => lengths[row]);
  const start = costs.reduce((sum, cost) => sum + cost, 0) / costs.length;
  let line: Line = { fixed: start, rate: 0, error: 0 };
  for (let step = 0; step < STEPS; step++) line = refit(inputs, costs, line);
  const { error, rate } = line;
  return rate > 2 * error ? rate * (1 - (error / rate) ** 2) : 0;
}

interface Line {
  readonly fixed: number;
  readonly rate: number;
  /** Standard error of the rate. */
  readonly error: number;
}

function refit(x: Float64Array, y: Float64Array, last: Line): Line {
  let [w, wx, wxx, wy, wxy] = [0, 0, 0, 0, 0];
  for (let i = 0; i < y.length; i++) {
    const weight = 1 / (last.fixed + last.rate * x[i]) ** 2;
    w += weight;
    wx += weight * x[i];
    wxx += weight * x[i] * x[i];
    wy += weight * y[i];
    wxy += weight * x[i] * y[i];
  }
  const spread = w * wxx - wx * wx;
  let rate = spread > 1e-9 * w * wxx ? (w * wxy - wx * wy) / spread : 0;
  let fixed = (wy - rate * wx) / w;
  if (rate < 0) [rate, fixed] = [0, wy / w];
  // All of it goes with the input.
  else if (fixed < 0) [rate, fixed] = [wxy / wxx, 0];
  let squares = 0;
  for (let i = 0; i < y.length; i++) {
    const weight = 1 / (last.fixed + last.rate * x[i]) ** 2;
    squares += weight * (y[i] - fixed - rate * x[i]) ** 2;
  }
  const variance = squares / Math.max(1, y.length - 2);
  return { fixed, rate, error: spread > 0 ? Math.sqrt((variance * w) / spread) : Infinity };
}
