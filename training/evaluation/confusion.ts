/** Chosen against best. */
export interface Confusion {
  /** `[candidates][candidates]`: rows where i was chosen and j was best; a tie of k counts 1/k for each. */
  readonly counts: readonly (readonly number[])[];
  /** Share of rows where the chosen candidate was best or tied with the best. */
  readonly agreement: number;
  /** Share of rows where all candidates tied, so that no choice could be wrong. */
  readonly allTied: number;
}

/**
 * @param chosen `[rows]` candidate numbers
 * @param bestShares `[rows, candidates]` of `bestCandidates`
 * @returns NaN shares when there is no row
 */
export function confusion(
  chosen: ArrayLike<number>,
  bestShares: ArrayLike<number>,
  candidates: number,
): Confusion {
  const counts = Array.from({ length: candidates }, () => new Array<number>(candidates).fill(0));
  let agreeing = 0;
  let tied = 0;
  for (let row = 0; row < chosen.length; row++) {
    const from = row * candidates;
    let best = 0;
    for (let c = 0; c < candidates; c++) {
      counts[chosen[row]][c] += bestShares[from + c];
      if (bestShares[from + c] > 0) best++;
    }
    if (bestShares[from + chosen[row]] > 0) agreeing++;
    if (best === candidates) tied++;
  }
  return { counts, agreement: agreeing / chosen.length, allTied: tied / chosen.length };
}
