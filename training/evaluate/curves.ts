import { largest, smallest } from 'pointsman/internal';
import { bootstrap } from './bootstrap.ts';
import { type Comparison, chooseBest } from './compare.ts';
import type { CostQualityCurves } from './evaluation.ts';
import { type CostQuality, costQualityHull } from './metrics.ts';

/** Quality and cost of one setting on every row. */
interface Setting {
  readonly quality: Float64Array; // [rows]
  readonly cost: Float64Array; // [rows]
}

/**
 * What the router reaches at every price of quality, between what random mixtures reach and what the oracle
 * does. Null where costs are not known.
 * @param success `[rows, candidates]` predicted quality @param expectedCostUsd `[rows, candidates]`, complete
 */
export function measureCostQuality(
  comparison: Comparison,
  names: readonly string[],
  success: Float64Array,
  expectedCostUsd: Float64Array,
  options: { readonly seed: number; readonly resamples: number },
): CostQualityCurves | null {
  const { compared, costUsd, quality } = comparison;
  if (!costUsd) return null;
  const candidates = names.length;
  const rows = comparison.chosen.length;
  const settingOf = (chosen: Int32Array): Setting => ({
    quality: Float64Array.from(chosen, (c, row) => quality[row * candidates + c]),
    cost: Float64Array.from(chosen, (c, row) => costUsd[row * candidates + c]),
  });
  const router = utilitySweep(success, expectedCostUsd, candidates, compared).map(settingOf);
  const oracle = utilitySweep(quality, costUsd, candidates, compared).map(settingOf);
  const singles = compared.map((c) => settingOf(new Int32Array(rows).fill(c)));
  const ones = new Int32Array(rows).fill(1);
  const singlePoints = pointsOf(singles, ones);
  const from = smallest(singlePoints.map((point) => point.cost));
  const to = largest(singlePoints.map((point) => point.cost));
  const measured = [thin(router), singles, thin(oracle)];
  const [routerAiq, mixesAiq, oracleAiq, difference] = bootstrap(
    4,
    (weights, out) => {
      measured.forEach((settings, i) => {
        out[i] = averageImprovementInQuality(pointsOf(settings, weights), from, to);
      });
      out[3] = out[0] - out[1];
    },
    { ...options, rows, clusters: comparison.groups },
  );
  return {
    router: pointsOf(router, ones).reverse(),
    oracle: pointsOf(oracle, ones).reverse(),
    mixes: costQualityHull(singlePoints),
    singles: singlePoints.map((point, i) => ({ ...point, candidate: names[compared[i]] })),
    aiq:
      routerAiq.estimate === null
        ? null
        : { router: routerAiq, mixes: mixesAiq, oracle: oracleAiq, difference },
  };
}

/** Settings that AIQ reads: enough for a hull that hardly moves, few enough to resample 2,000 times. */
const AIQ_SETTINGS = 25;

function thin(settings: readonly Setting[]): readonly Setting[] {
  if (settings.length <= AIQ_SETTINGS) return settings;
  const step = (settings.length - 1) / (AIQ_SETTINGS - 1);
  return Array.from({ length: AIQ_SETTINGS }, (_, i) => settings[Math.round(i * step)]);
}

function pointsOf(settings: readonly Setting[], weights: Int32Array): CostQuality[] {
  let total = 0;
  for (const weight of weights) total += weight;
  return settings.map(({ cost, quality }) => {
    let costSum = 0;
    let qualitySum = 0;
    for (let row = 0; row < weights.length; row++) {
      costSum += weights[row] * cost[row];
      qualitySum += weights[row] * quality[row];
    }
    return { cost: costSum / total, quality: qualitySum / total };
  });
}

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

/**
 * Choices under quality - lambda * cost (RouterBench, Hu et al. 2024, arXiv 2403.12031, section 3) for lambda
 * from 0 (quality alone) to infinity (cost alone), in steps of the square root of 2 about 1 / mean cost.
 * Settings that choose the same on every row appear once.
 *
 * @param quality `[rows, candidates]` predicted, or true for the oracle @param costUsd the same, complete
 * @param allowed candidates that may be chosen
 * @returns choices `[rows]`, from the dearest setting to the cheapest
 */
export function utilitySweep(
  quality: ArrayLike<number>,
  costUsd: ArrayLike<number>,
  candidates: number,
  allowed: readonly number[],
): Int32Array[] {
  const rows = quality.length / candidates;
  let sum = 0;
  for (let row = 0; row < rows; row++) for (const c of allowed) sum += costUsd[row * candidates + c];
  const meanCost = sum / (rows * allowed.length);
  const lambdas = [0];
  if (meanCost > 0) for (let step = -20; step <= 28; step++) lambdas.push(2 ** (step / 2) / meanCost);
  lambdas.push(Number.POSITIVE_INFINITY);
  const settings: Int32Array[] = [];
  for (const lambda of lambdas) {
    const chosen = chooseAll(quality, costUsd, candidates, allowed, lambda);
    const previous = settings[settings.length - 1];
    if (!previous?.every((candidate, row) => candidate === chosen[row])) settings.push(chosen);
  }
  return settings;
}

function chooseAll(
  quality: ArrayLike<number>,
  costUsd: ArrayLike<number>,
  candidates: number,
  allowed: readonly number[],
  lambda: number,
): Int32Array {
  const rows = quality.length / candidates;
  const utility = new Float64Array(candidates);
  const tieBreak = new Float64Array(candidates);
  const costAlone = lambda === Number.POSITIVE_INFINITY;
  return Int32Array.from({ length: rows }, (_, row) => {
    for (const c of allowed) {
      const at = row * candidates + c;
      utility[c] = costAlone ? -costUsd[at] : quality[at] - lambda * costUsd[at];
      tieBreak[c] = costAlone ? -quality[at] : costUsd[at];
    }
    return chooseBest(utility, allowed, tieBreak);
  });
}
