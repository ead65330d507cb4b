/**
 * What each choice lost against the best candidate of its row: max quality minus the chosen one's, >= 0. NaN
 * where the chosen candidate's quality was not observed.
 * @param quality `[rows, candidates]` @param chosen `[rows]` @returns `[rows]`
 */
export function regret(
  quality: ArrayLike<number>,
  chosen: ArrayLike<number>,
  candidates: number,
): Float64Array {
  return Float64Array.from({ length: chosen.length }, (_, row) => {
    const from = row * candidates;
    let best = Number.NEGATIVE_INFINITY;
    for (let c = from; c < from + candidates; c++) if (quality[c] > best) best = quality[c];
    return best - quality[from + chosen[row]];
  });
}
