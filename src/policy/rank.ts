import type { Predictions } from './predictions.ts';

/**
 * Candidates by utility, best first. Ties go to the higher success probability, then to the lower cost, then to
 * the one listed first; so the same predictions always give the same order.
 */
export function rank(left: readonly number[], utilities: Float64Array, predictions: Predictions): number[] {
  const order = left.slice();
  for (let i = 1; i < order.length; i++) {
    const candidate = order[i];
    let j = i;
    while (j > 0 && isBetter(candidate, order[j - 1], utilities, predictions)) {
      order[j] = order[j - 1];
      j--;
    }
    order[j] = candidate;
  }
  return order;
}

function isBetter(a: number, b: number, utilities: Float64Array, { success, costUsd }: Predictions): boolean {
  if (utilities[a] !== utilities[b]) return utilities[a] > utilities[b];
  if (success[a] !== success[b]) return success[a] > success[b];
  return costUsd[a] < costUsd[b];
}
