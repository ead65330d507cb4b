import { type CostQuality, costQualityHull } from './cost-quality-hull.ts';

/**
 * AIQ: mean height of the non-decreasing convex hull over a range of costs (RouterBench, Hu et al. 2024, arXiv
 * 2403.12031, section 3). Right of its last point the hull is flat; left of its first it falls towards the null
 * router, which costs and answers nothing.
 *
 * @param points of one router over its settings
 * @param from lowest cost, to: highest; the same for all that are compared
 * @returns NaN without a point or without a range
 */
export function averageImprovementInQuality(
  points: readonly CostQuality[],
  from: number,
  to: number,
): number {
  const hull = costQualityHull(points);
  if (hull.length === 0 || !(to > from)) return Number.NaN;
  const last = hull[hull.length - 1];
  const corners: CostQuality[] = [...hull];
  if (hull[0].cost > from) corners.unshift({ cost: 0, quality: 0 });
  if (last.cost < to) corners.push({ cost: to, quality: last.quality });
  let area = 0;
  for (let i = 1; i < corners.length; i++) {
    const [a, b] = [corners[i - 1], corners[i]];
    const low = Math.max(from, a.cost);
    const high = Math.min(to, b.cost);
    if (!(high > low)) continue;
    const heightAt = (cost: number) =>
      a.quality + ((cost - a.cost) / (b.cost - a.cost)) * (b.quality - a.quality);
    area += ((heightAt(low) + heightAt(high)) / 2) * (high - low);
  }
  return area / (to - from);
}
