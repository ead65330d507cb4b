import { largest, smallest } from 'pointsman/math';
import { averageImprovementInQuality } from '../evaluation/average-improvement-in-quality.ts';
import { type CostQuality, costQualityHull } from '../evaluation/cost-quality-hull.ts';
import { utilitySweep } from '../evaluation/utility-sweep.ts';
import { bootstrap } from './bootstrap.ts';
import type { Comparison } from './compare.ts';
import type { CostQualityCurves } from './evaluation.ts';

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
