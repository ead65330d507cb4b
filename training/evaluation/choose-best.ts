/**
 * The candidate with the highest score among those allowed; ties go to the lower cost, then to the lower
 * number. NaN scores are passed over.
 * @param score `[candidates]` from `offset` @param costUsd `[candidates]` from `offset`; null is "all equal"
 * @returns the first of `allowed` when no score is a number
 */
export function chooseBest(
  score: ArrayLike<number>,
  allowed: readonly number[],
  costUsd: ArrayLike<number> | null = null,
  offset = 0,
): number {
  let best = -1;
  for (const c of allowed) {
    const value = score[offset + c];
    if (Number.isNaN(value)) continue;
    if (best < 0 || value > score[offset + best]) best = c;
    else if (value === score[offset + best] && costUsd && costUsd[offset + c] < costUsd[offset + best])
      best = c;
  }
  return best < 0 ? allowed[0] : best;
}
