import { mean, quantile } from 'pointsman/math';

/** How far predicted costs or latencies were from what was seen. */
export interface AmountError {
  readonly rows: number;
  /** Sum of predictions over sum of what was seen: 1 is unbiased. Null where nothing was seen. */
  readonly ratio: number | null;
  /** Median of |predicted - seen| / seen over rows that cost something. Null where there is none. */
  readonly medianRelativeError: number | null;
}

/** The same of one candidate's costs. */
export interface CandidateAmount extends AmountError {
  readonly candidate: string;
  /** Mean expected and mean seen, of an answer; null where nothing was seen. */
  readonly meanExpected: number | null;
  readonly meanSeen: number | null;
}

/** @param predicted `[rows, candidates]` @param seen the same */
export function amountByCandidate(
  candidates: readonly string[],
  predicted: ArrayLike<number>,
  seen: ArrayLike<number>,
): CandidateAmount[] {
  return candidates.map((candidate, c) => {
    const cells: number[] = [];
    for (let cell = c; cell < seen.length; cell += candidates.length) {
      if (!Number.isNaN(predicted[cell]) && !Number.isNaN(seen[cell])) cells.push(cell);
    }
    const [own, paid] = [predicted, seen].map((values) => Float64Array.from(cells, (cell) => values[cell]));
    const known = cells.length > 0;
    return {
      candidate,
      ...amountError(own, paid),
      meanExpected: known ? mean(own) : null,
      meanSeen: known ? mean(paid) : null,
    };
  });
}

/** Pairs with a NaN are left out. */
export function amountError(predicted: ArrayLike<number>, seen: ArrayLike<number>): AmountError {
  let rows = 0;
  let predictedSum = 0;
  let seenSum = 0;
  const relative: number[] = [];
  for (let i = 0; i < predicted.length; i++) {
    if (Number.isNaN(predicted[i]) || Number.isNaN(seen[i])) continue;
    rows++;
    predictedSum += predicted[i];
    seenSum += seen[i];
    if (seen[i] > 0) relative.push(Math.abs(predicted[i] - seen[i]) / seen[i]);
  }
  return {
    rows,
    ratio: seenSum > 0 ? predictedSum / seenSum : null,
    medianRelativeError: relative.length > 0 ? quantile(relative, 0.5) : null,
  };
}
