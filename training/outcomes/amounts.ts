import { type TokenPrices, tokenCost } from 'pointsman';
import { quantile } from 'pointsman/math';
import { z } from 'zod';
import { fitSum } from './fit-sum.ts';
import type { OutcomeMatrix } from './outcome-matrix.ts';

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
