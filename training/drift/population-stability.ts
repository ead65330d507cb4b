import { quantileSorted } from 'pointsman/math';

/** How far two samples of one thing are apart. */
export interface PopulationStability {
  /** Population stability index, what chance adds taken off, never below 0. NaN where a sample is empty. */
  readonly index: number;
  readonly reference: number;
  readonly current: number;
}

/** A population stability index of numbers, which knows their unit. */
export interface NumericStability extends PopulationStability {
  /** Earth mover's distance between the samples: how far the mean value moves, in the values' unit. NaN where one is empty. */
  readonly distance: number;
}

/** A share of nothing would make the index infinite. */
const LEAST_SHARE = 1e-4;

/**
 * Population stability index of numbers: bins of equal mass in the reference, then the sum of
 * (share − reference share) · ln(share / reference share). By custom 0.1 is worth a look and 0.2 is a shift. Two samples
 * of the same thing have (bins − 1)(1/n + 1/m) of it by chance (Yurdakul 2018, section 3); that is taken off.
 */
export function populationStability(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  bins = 10,
): NumericStability {
  const sorted = Float64Array.from(reference).sort();
  const edges: number[] = [];
  for (let bin = 1; bin < bins; bin++) {
    const edge = sorted[Math.min(sorted.length - 1, Math.round((bin * sorted.length) / bins))];
    // Many equal values make bins that would hold nothing.
    if (edges.length === 0 || edge > edges[edges.length - 1]) edges.push(edge);
  }
  const binOf = (value: number) => {
    let bin = 0;
    while (bin < edges.length && value >= edges[bin]) bin++;
    return bin;
  };
  return {
    ...categoryStability(Array.from(reference, binOf), Array.from(current, binOf)),
    distance: earthMoversDistance(sorted, Float64Array.from(current).sort()),
  };
}

/** Of two sorted samples on a line: the mean distance between their quantiles, at a hundred places. */
function earthMoversDistance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < 100; i++) {
    const share = (i + 0.5) / 100;
    sum += Math.abs(quantileSorted(a, share) - quantileSorted(b, share));
  }
  return sum / 100;
}

/** The same of categories. */
export function categoryStability<Category>(
  reference: readonly Category[],
  current: readonly Category[],
): PopulationStability {
  const categories = [...new Set([...reference, ...current])];
  const share = (list: readonly Category[]) => {
    const counts = new Map<Category, number>();
    for (const one of list) counts.set(one, (counts.get(one) ?? 0) + 1);
    return (category: Category) => Math.max(LEAST_SHARE, (counts.get(category) ?? 0) / list.length);
  };
  const [before, now] = [share(reference), share(current)];
  let index = 0;
  for (const category of categories)
    index += (now(category) - before(category)) * Math.log(now(category) / before(category));
  const chance = (categories.length - 1) * (1 / reference.length + 1 / current.length);
  const empty = reference.length === 0 || current.length === 0;
  return {
    index: empty ? Number.NaN : Math.max(0, index - chance),
    reference: reference.length,
    current: current.length,
  };
}
