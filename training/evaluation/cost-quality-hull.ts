/** What something costs on average, and how good it is. */
export interface CostQuality {
  readonly cost: number;
  readonly quality: number;
}

/**
 * The non-decreasing convex hull of RouterBench (Hu et al. 2024, arXiv 2403.12031, section 3): what random
 * mixtures of `points` reach at each cost. Its corners by ascending cost, from the cheapest point (the best of
 * them) to the best (the cheapest of them). Points with a NaN are left out; none left gives none.
 */
export function costQualityHull<Point extends CostQuality>(points: readonly Point[]): Point[] {
  const sorted = points
    .filter((point) => Number.isFinite(point.cost) && Number.isFinite(point.quality))
    .sort((a, b) => a.cost - b.cost || b.quality - a.quality);
  const hull: Point[] = [];
  for (const point of sorted) {
    if (hull.length > 0 && point.quality <= hull[hull.length - 1].quality) continue;
    while (hull.length > 1 && !turnsDown(hull[hull.length - 2], hull[hull.length - 1], point)) hull.pop();
    hull.push(point);
  }
  return hull;
}

/** Whether b lies strictly above the line from a to c. */
function turnsDown(a: CostQuality, b: CostQuality, c: CostQuality): boolean {
  return (b.quality - a.quality) * (c.cost - a.cost) > (c.quality - a.quality) * (b.cost - a.cost);
}

/**
 * Weights of the best mixture of a hull's corners that costs `budget` or less on average: `[corners]`, of which
 * at most two are above 0. Under the cheapest corner there is no such mixture, and it gets all.
 */
export function mixAtCost(hull: readonly CostQuality[], budget: number): Float64Array {
  const weights = new Float64Array(hull.length);
  if (hull.length === 0) return weights;
  let above = 0;
  while (above < hull.length && hull[above].cost <= budget) above++;
  if (above === 0) weights[0] = 1;
  else if (above === hull.length) weights[above - 1] = 1;
  else {
    const share = (budget - hull[above - 1].cost) / (hull[above].cost - hull[above - 1].cost);
    weights[above - 1] = 1 - share;
    weights[above] = share;
  }
  return weights;
}
