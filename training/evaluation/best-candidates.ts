/**
 * Row by row, each candidate's share of being best: 1 for a single best, 1/k for k that tie, 0 else. NaN
 * qualities are never best; a row of nothing but NaN is all 0.
 * @param quality `[rows, candidates]`
 * @returns `[rows, candidates]`
 */
export function bestCandidates(quality: ArrayLike<number>, candidates: number): Float64Array {
  const shares = new Float64Array(quality.length);
  for (let from = 0; from < quality.length; from += candidates) {
    let best = Number.NEGATIVE_INFINITY;
    let ties = 0;
    for (let c = from; c < from + candidates; c++) {
      if (quality[c] > best) {
        best = quality[c];
        ties = 1;
      } else if (quality[c] === best) ties++;
    }
    for (let c = from; c < from + candidates; c++) if (quality[c] === best && ties > 0) shares[c] = 1 / ties;
  }
  return shares;
}
