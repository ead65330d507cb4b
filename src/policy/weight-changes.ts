import type { Change } from './plan.ts';
import type { UtilityWeights } from './weights.ts';

const WEIGHTS = ['quality', 'cost', 'latency'] as const;

/** As in the schema of weights. */
const LARGEST = 1e6;

/** Weights this close are one: crossings come out of a division. */
const SMALLEST = 1e-9;

/**
 * For each weight, the nearest value at which another candidate of `order` draws level with the first; nearest
 * change first. A utility is linear in each weight, so the first crossing is the whole answer. Only past it is the
 * other first, so a crossing at 0 is none: there all that the weight says is gone, and they may be level for ever.
 *
 * @param parts per weight what it multiplies, larger is better, `[candidates]`: success, -cost, -latency.
 */
export function weightChanges(
  order: readonly number[],
  utilities: Float64Array,
  weights: UtilityWeights,
  parts: Readonly<Record<(typeof WEIGHTS)[number], Float64Array>>,
  candidates: readonly { readonly name: string }[],
): Change[] {
  const first = order[0];
  const found: Change[] = [];
  for (const weight of WEIGHTS) {
    const values = parts[weight];
    const from = weights[weight];
    let nearest = Infinity;
    let candidate = -1;
    for (let i = 1; i < order.length; i++) {
      const other = order[i];
      const slope = values[other] - values[first];
      if (slope === 0) continue;
      const step = (utilities[first] - utilities[other]) / slope;
      const to = from + step;
      if (to > SMALLEST && to < LARGEST && Math.abs(step) < Math.abs(nearest)) {
        nearest = step;
        candidate = other;
      }
    }
    if (candidate === -1) continue;
    found.push({ kind: 'weight', weight, from, to: from + nearest, candidate: candidates[candidate].name });
  }
  return found.sort((a, b) => Math.abs(a.to - a.from) - Math.abs(b.to - b.from));
}
