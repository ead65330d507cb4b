import { argMax } from 'pointsman/math';
import { clusteredMean, FEWEST_GROUPS } from '../fit/rows.ts';
import type { Matrix } from './matrix.ts';

export interface ShrinkageOptions {
  /** Strengths to weigh against 0, ascending. @default 0.1, 0.2, ... 1 */
  readonly strengths?: readonly number[];
  /** A gain must exceed this many of its standard errors to count. @default 1.645: one-sided 95 % */
  readonly standardErrors?: number;
  /** Group of each row (near-duplicates). @default each row its own */
  readonly groups?: ArrayLike<number>;
}

export interface ShrinkageChoice {
  /** For a `shrunk` head. 0: best single. */
  readonly strength: number;
  /** Mean utility won over best single at that strength, out of fold; 0 at strength 0. */
  readonly gain: number;
  readonly standardError: number;
}

/**
 * First, do no harm: how far to trust a choice head beyond "always the best single candidate". Takes the strength
 * whose gain in utility has the highest lower confidence bound, and 0 unless that bound is above 0; so with no signal
 * it is exactly 0, but for the share of mistakes that `standardErrors` allows. Fewer than `FEWEST_GROUPS` groups show nothing.
 * @param scores out-of-fold scores `[rows, candidates]`
 * @param prior score of each candidate with no prompt looked at, on the same scale
 * @param utility what choosing it was worth `[rows, candidates]`; a row where the choice was not observed is left out
 */
export function chooseShrinkage(
  scores: Matrix,
  prior: ArrayLike<number>,
  utility: Matrix,
  options: ShrinkageOptions = {},
): ShrinkageChoice {
  const { rows, columns } = scores;
  const strengths = options.strengths ?? Array.from({ length: 10 }, (_, i) => (i + 1) / 10);
  const sure = options.standardErrors ?? 1.645;
  const groups = options.groups ?? Int32Array.from({ length: rows }, (_, i) => i);
  const single = argMax(prior);
  let best: ShrinkageChoice = { strength: 0, gain: 0, standardError: 0 };
  let bestBound = 0;
  const shrunk = new Float64Array(columns);
  const gains = new Float64Array(rows);
  for (const strength of strengths) {
    for (let row = 0; row < rows; row++) {
      for (let c = 0; c < columns; c++) {
        shrunk[c] = prior[c] + strength * (scores.values[row * columns + c] - prior[c]);
      }
      const chosen = argMax(shrunk);
      const at = (c: number) => utility.values[row * columns + c];
      gains[row] = chosen < 0 || chosen === single ? 0 * at(single) : at(chosen) - at(single);
    }
    const { mean, standardError, groups: told } = clusteredMean(gains, groups);
    const bound = mean - sure * standardError;
    if (told >= FEWEST_GROUPS && bound > bestBound) {
      best = { strength, gain: mean, standardError };
      bestBound = bound;
    }
  }
  return best;
}
