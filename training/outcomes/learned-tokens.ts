import { type TokenPrices, tokenCost } from 'pointsman';
import type { LearnedTokens, ManifestCandidate } from 'pointsman/artifact';
import { mean, quantile } from 'pointsman/math';
import { countRequestTokens } from 'pointsman/request';
import { fitSum } from './fit-sum.ts';
import type { OutcomeMatrix } from './outcome-matrix.ts';

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
