import {
  countRequestTokens,
  type LearnedTokens,
  type ManifestCandidate,
  mean,
  quantile,
  type TokenPrices,
  tokenCost,
} from 'pointsman/internal';
import { z } from 'zod';
import type { OutcomeMatrix } from './matrix.ts';

/** Fewer bills can agree by chance. */
const FEWEST_BILLS = 10;

/** Bills go by tokens, whatever their discounts, when half of them are within this share. */
const CLOSE = 0.1;

export type PaidPrices = Required<
  Pick<TokenPrices, 'inputPricePerMillionTokens' | 'outputPricePerMillionTokens'>
>;

/**
 * The prices that a candidate's bills and tokens agree on.
 *
 * @param c the candidate's column
 * @returns null where there are too few, they do not go by tokens, or input and output cannot be told apart.
 */
export function paidPrices(matrix: OutcomeMatrix, c: number, rows?: ArrayLike<number>): PaidPrices | null {
  const bills = billsOf(matrix, c, rows);
  if (bills === null || bills.cost.length < FEWEST_BILLS) return null;
  const { cost, input, output } = bills;
  if (areProportional(input, output)) return null;
  const [perInput, perOutput] = fitSum([input, output], cost);
  const prices = { inputPricePerMillionTokens: perInput * 1e6, outputPricePerMillionTokens: perOutput * 1e6 };
  return medianError(bills, prices) <= CLOSE ? prices : null;
}

/** How well prices agree with the bills of a candidate: how many there are, and the median of their relative errors. */
export function agreement(
  matrix: OutcomeMatrix,
  c: number,
  prices: PaidPrices,
): { readonly bills: number; readonly medianError: number } {
  const bills = billsOf(matrix, c);
  return bills === null
    ? { bills: 0, medianError: Number.NaN }
    : { bills: bills.cost.length, medianError: medianError(bills, prices) };
}

interface Bills {
  readonly cost: Float64Array;
  readonly input: Float64Array;
  readonly output: Float64Array;
}

function billsOf(matrix: OutcomeMatrix, c: number, rows?: ArrayLike<number>): Bills | null {
  const { costUsd, inputTokens, outputTokens, prompts } = matrix;
  if (inputTokens === undefined || outputTokens === undefined) return null;
  const columns = matrix.candidates.length;
  const cells = Array.from(rows ?? prompts.keys(), (row) => row * columns + c).filter(
    (cell) => costUsd[cell] > 0 && inputTokens[cell] >= 0 && outputTokens[cell] >= 0,
  );
  return {
    cost: Float64Array.from(cells, (cell) => costUsd[cell]),
    input: Float64Array.from(cells, (cell) => inputTokens[cell]),
    output: Float64Array.from(cells, (cell) => outputTokens[cell]),
  };
}

function medianError({ cost, input, output }: Bills, prices: PaidPrices): number {
  const { inputPricePerMillionTokens: perInput, outputPricePerMillionTokens: perOutput } = prices;
  const errors = cost.map(
    (bill, i) => Math.abs((perInput * input[i] + perOutput * output[i]) / 1e6 - bill) / bill,
  );
  return quantile(errors, 0.5);
}

/** Whether one goes with the other so closely that any share of the bill could be either's. */
function areProportional(a: Float64Array, b: Float64Array): boolean {
  let [aa, ab, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const scale = 1 / (1 + a[i] + b[i]) ** 2;
    aa += scale * a[i] * a[i];
    ab += scale * a[i] * b[i];
    bb += scale * b[i] * b[i];
  }
  return aa * bb - ab * ab <= 1e-4 * aa * bb;
}

/**
 * The same with a cost wherever there is none and tokens and prices are known. What is there stays: a bill says more than
 * its tokens do, and a computed cost was computed again when the log was read.
 *
 * @param prices by candidate
 */
export function withTokenCosts(
  matrix: OutcomeMatrix,
  prices: Readonly<Record<string, TokenPrices>>,
): OutcomeMatrix {
  const { candidates, inputTokens, outputTokens } = matrix;
  if (inputTokens === undefined || outputTokens === undefined) return matrix;
  const own = candidates.map((name) => (Object.hasOwn(prices, name) ? prices[name] : {}));
  const costUsd = matrix.costUsd.map((cost, cell) =>
    Number.isNaN(cost)
      ? tokenCost(own[cell % candidates.length], inputTokens[cell], outputTokens[cell])
      : cost,
  );
  return { ...matrix, costUsd };
}

const price = z.strictObject({
  inputPricePerMillionTokens: z.number().nonnegative(),
  outputPricePerMillionTokens: z.number().nonnegative(),
});

/** US dollars per million tokens, by candidate. */
export const pricesSchema = z.record(z.string().min(1), price);

export type Prices = z.output<typeof pricesSchema>;

const SUM_STEPS = 25;
const SWEEPS = 1000;

/** Rows are taken evenly spaced from longer columns: some thousands say as much. */
const MOST_ROWS = 4000;

/** What is known of a weight beforehand. */
interface WeightPrior {
  readonly weight: number;
  /** As so many rows. */
  readonly rows: number;
}

/**
 * Weights >= 0 of the sum of columns that is nearest to `y` in the median of relative errors, so that outliers have
 * little say: iteratively reweighted least squares (Schlossmacher 1973).
 *
 * @param columns `[columns][rows]`, finite
 * @param y amounts > 0 `[rows]`
 * @param priors by column; undefined: none
 * @returns `[columns]`
 */
export function fitSum(
  columns: readonly Float64Array[],
  y: Float64Array,
  priors: readonly (WeightPrior | undefined)[] = [],
): Float64Array {
  const size = columns.length;
  const stride = Math.max(1, Math.ceil(y.length / MOST_ROWS));
  const weights = new Float64Array(size);
  const row = new Float64Array(size);
  for (let step = 0; step < SUM_STEPS; step++) {
    const moments = new Float64Array(size * size);
    const targets = new Float64Array(size);
    for (let i = 0; i < y.length; i += stride) {
      let sum = 0;
      for (let c = 0; c < size; c++) {
        row[c] = columns[c][i] / y[i];
        sum += weights[c] * row[c];
      }
      // The first step is least squares.
      const importance = step === 0 ? 1 : 1 / Math.max(Math.abs(1 - sum), 1e-3);
      for (let c = 0; c < size; c++) {
        targets[c] += importance * row[c];
        for (let d = 0; d < size; d++) moments[c * size + d] += importance * row[c] * row[d];
      }
    }
    const rows = Math.ceil(y.length / stride);
    for (let c = 0; c < size; c++) {
      const prior = priors[c];
      if (prior === undefined) continue;
      const pull = (prior.rows / rows) * moments[c * size + c];
      moments[c * size + c] += pull;
      targets[c] += pull * prior.weight;
    }
    solveNonNegative(moments, targets, weights);
  }
  return weights;
}

/** Least squares under w >= 0, from its normal equations, by coordinate descent from `weights` on, in place. */
function solveNonNegative(moments: Float64Array, targets: Float64Array, weights: Float64Array): void {
  const size = weights.length;
  for (let sweep = 0, moved = 1; sweep < SWEEPS && moved > 1e-9; sweep++) {
    moved = 0;
    for (let c = 0; c < size; c++) {
      let rest = targets[c];
      for (let d = 0; d < size; d++) if (d !== c) rest -= moments[c * size + d] * weights[d];
      const own = moments[c * size + c];
      const weight = own > 0 ? Math.max(0, rest / own) : 0;
      moved = Math.max(moved, Math.abs(weight - weights[c]) * Math.sqrt(own));
      weights[c] = weight;
    }
  }
}

/** Tokens of each prompt as serving counts them; NaN where its words are not kept. */
export function countedTokens({ prompts }: OutcomeMatrix): Float64Array {
  return Float64Array.from(prompts, ({ promptHash, request }) =>
    promptHash === undefined ? countRequestTokens(request) : Number.NaN,
  );
}

/**
 * How many tokens a candidate reads and writes.
 *
 * @param c the candidate's column
 * @param counted `countedTokens` of the matrix
 * @returns undefined where no answer's length is known.
 */
export function learnTokens(
  { candidates, inputTokens, outputTokens }: OutcomeMatrix,
  c: number,
  rows: Int32Array,
  counted: Float64Array,
): LearnedTokens | undefined {
  const at = (cells: Float32Array | undefined, row: number) =>
    cells?.[row * candidates.length + c] ?? Number.NaN;
  const written = Float64Array.from(rows, (row) => at(outputTokens, row)).filter(isKnown);
  if (written.length === 0) return undefined;
  const read = rows.filter((row) => at(inputTokens, row) > 0);
  const both = read.filter((row) => counted[row] > 0);
  const line = inputLine(
    Float64Array.from(both, (row) => counted[row]),
    Float64Array.from(both, (row) => at(inputTokens, row)),
  );
  const lengths =
    read.length > 0
      ? Float64Array.from(read, (row) => at(inputTokens, row))
      : Float64Array.from(rows, (row) => counted[row]).filter(isKnown);
  return {
    meanInput: lengths.length === 0 ? 0 : mean(lengths),
    meanOutput: mean(written),
    ...line,
  };
}

/** Encodings differ by less. */
const RATIOS = { least: 0.5, most: 4 };

/** How a candidate counts what is counted as `counted`. Few rows, or rows alike, leave the ratio near 1. */
function inputLine(
  counted: Float64Array,
  seen: Float64Array,
): Pick<LearnedTokens, 'inputFrame' | 'inputRatio'> {
  if (seen.length === 0) return { inputFrame: 0, inputRatio: 1 };
  const ones = new Float64Array(seen.length).fill(1);
  const [inputFrame, ratio] = fitSum([ones, counted], seen, [undefined, { weight: 1, rows: 5 }]);
  if (ratio >= RATIOS.least && ratio <= RATIOS.most) return { inputFrame, inputRatio: ratio };
  const inputRatio = Math.min(RATIOS.most, Math.max(RATIOS.least, ratio));
  const rest = seen.map((tokens, i) => tokens - inputRatio * counted[i]);
  return { inputFrame: Math.max(0, quantile(rest, 0.5)), inputRatio };
}

/** What a candidate reads of each prompt: as it said, else as it would count it. `[prompts]` */
export function inputLengths(
  { candidates, inputTokens }: OutcomeMatrix,
  c: number,
  tokens: LearnedTokens | undefined,
  counted: Float64Array,
): Float64Array {
  const { inputFrame, inputRatio } = tokens ?? { inputFrame: 0, inputRatio: 1 };
  return counted.map((count, row) => {
    const seen = inputTokens?.[row * candidates.length + c] ?? Number.NaN;
    return Number.isNaN(seen) ? inputFrame + inputRatio * count : seen;
  });
}

/** What its mean input and output cost; null where tokens or prices are not known. */
export function meanTokensCost({
  paidPrices,
  tokens,
  ...candidate
}: Pick<ManifestCandidate, 'paidPrices' | 'tokens'> & TokenPrices): number | null {
  if (tokens === undefined) return null;
  const prices = { ...paidPrices, ...candidate };
  const cost = tokenCost(prices, tokens.meanInput, tokens.meanOutput);
  return Number.isNaN(cost) ? null : cost;
}

function isKnown(value: number): boolean {
  return !Number.isNaN(value);
}

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
