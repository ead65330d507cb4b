import { type TokenPrices, tokenCost } from 'pointsman';
import { quantile } from 'pointsman/math';
import { fitSum } from './fit-sum.ts';
import type { OutcomeMatrix } from './outcome-matrix.ts';

/** Fewer bills can agree by chance. */
const FEWEST_BILLS = 10;
/** Bills go by tokens, whatever their discounts, when half of them are within this share. */
const CLOSE = 0.1;

/**
 * The prices that a candidate's bills and tokens agree on.
 *
 * @param c the candidate's column
 * @returns null where there are too few, they do not go by tokens, or input and output cannot be told apart.
 */
export function paidPrices(
  matrix: OutcomeMatrix,
  c: number,
  rows?: ArrayLike<number>,
): Required<Pick<TokenPrices, 'inputPricePerMillionTokens' | 'outputPricePerMillionTokens'>> | null {
  const { costUsd, inputTokens, outputTokens, prompts } = matrix;
  if (inputTokens === undefined || outputTokens === undefined) return null;
  const columns = matrix.candidates.length;
  const cells = Array.from(rows ?? prompts.keys(), (row) => row * columns + c).filter(
    (cell) => costUsd[cell] > 0 && inputTokens[cell] >= 0 && outputTokens[cell] >= 0,
  );
  if (cells.length < FEWEST_BILLS) return null;
  const bills = Float64Array.from(cells, (cell) => costUsd[cell]);
  const input = Float64Array.from(cells, (cell) => inputTokens[cell]);
  const output = Float64Array.from(cells, (cell) => outputTokens[cell]);
  if (areProportional(input, output)) return null;
  const [perInput, perOutput] = fitSum([input, output], bills);
  const errors = bills.map((bill, i) => Math.abs(perInput * input[i] + perOutput * output[i] - bill) / bill);
  if (!(quantile(errors, 0.5) <= CLOSE)) return null;
  return { inputPricePerMillionTokens: perInput * 1e6, outputPricePerMillionTokens: perOutput * 1e6 };
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
