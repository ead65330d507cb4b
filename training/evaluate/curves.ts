import { InvalidInputError } from 'pointsman';
import { largest, smallest } from 'pointsman/internal';
import { bestSingleCandidate } from './baselines.ts';
import { type BootstrapOptions, bootstrap, type Comparison, chooseBest } from './compare.ts';
import type { CostQualityCurves, StrongWeak, StrongWeakFigures } from './evaluation.ts';
import type { EvaluationOptions, TrainMeans } from './evaluation-input.ts';
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

/**
 * RouteLLM's metrics for the router's success heads and for the task baseline, both ranking prompts by
 * "strong minus weak".
 * @param success `[rows, candidates]` on the compared rows @param task the same of `taskMeans`, or null
 * @returns null where strong and weak are the same candidate
 */
export function measureStrongWeak(
  comparison: Comparison,
  names: readonly string[],
  means: TrainMeans,
  success: Float64Array,
  task: Float64Array | null,
  options: Required<Pick<EvaluationOptions, 'seed' | 'resamples'>> & EvaluationOptions,
): StrongWeak | null {
  const strong =
    numberOf(options.strong, 'strong', names, comparison) ?? bestSingleCandidate(comparison, means);
  const weak = numberOf(options.weak, 'weak', names, comparison) ?? weakCandidate(comparison, means, strong);
  if (weak < 0 || weak === strong) return null;
  const candidates = names.length;
  const rows = comparison.chosen.length;
  const column = (cells: Float64Array, c: number) =>
    Float64Array.from({ length: rows }, (_, row) => cells[row * candidates + c]);
  const strongQuality = column(comparison.quality, strong);
  const weakQuality = column(comparison.quality, weak);
  const figures = (score: Float64Array) =>
    measure(score, strongQuality, weakQuality, { ...options, clusters: comparison.groups });
  const gap = (cells: Float64Array) => {
    const high = column(cells, strong);
    const low = column(cells, weak);
    return high.map((value, row) => value - low[row]);
  };
  const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
  return {
    strong: names[strong],
    weak: names[weak],
    strongQuality: sum(strongQuality) / rows,
    weakQuality: sum(weakQuality) / rows,
    router: figures(gap(success)),
    task: task && figures(gap(task)),
  };
}

function measure(
  score: Float64Array,
  strong: Float64Array,
  weak: Float64Array,
  options: Omit<BootstrapOptions, 'rows'>,
): StrongWeakFigures {
  const ranking = rankByScore(score);
  const [apgr, cpt50, cpt80, shareFor95] = bootstrap(
    4,
    (weights, out) => {
      const curve = strongShareCurve(ranking, strong, weak, weights);
      out[0] = averageGapRecovered(curve);
      out[1] = callPerformanceThreshold(curve, 0.5);
      out[2] = callPerformanceThreshold(curve, 0.8);
      out[3] = strongShareForQuality(curve, 0.95 * curve.qualities[curve.qualities.length - 1]);
    },
    { ...options, rows: score.length },
  );
  return { apgr, cpt50, cpt80, shareFor95, curve: thinCurve(strongShareCurve(ranking, strong, weak), 100) };
}

/** About `points` points of a curve, its ends among them. */
function thinCurve({ shares, qualities }: StrongShareCurve, points: number) {
  const last = shares.length - 1;
  const kept = new Set(Array.from({ length: points + 1 }, (_, i) => Math.round((i * last) / points)));
  return [...kept].map((i) => ({ share: shares[i], quality: qualities[i] }));
}

/** The cheapest candidate that is not the strong one; without costs, the worst on the training rows. */
function weakCandidate({ compared }: Comparison, { costUsd, quality }: TrainMeans, strong: number): number {
  const others = compared.filter((c) => c !== strong);
  if (others.length === 0) return -1;
  const costsKnown = compared.every((c) => !Number.isNaN(costUsd[c]));
  const costsDiffer = costsKnown && compared.some((c) => costUsd[c] !== costUsd[strong]);
  return chooseBest(
    (costsDiffer ? costUsd : quality).map((value) => -value),
    others,
  );
}

function numberOf(
  name: string | undefined,
  field: string,
  names: readonly string[],
  { compared }: Comparison,
): number | null {
  if (name === undefined) return null;
  const number = names.indexOf(name);
  if (compared.includes(number)) return number;
  throw new InvalidInputError(
    `\`${field}\` of EvaluationOptions must be a compared candidate (${compared.map((c) => names[c]).join(', ')}). Got ${name}.`,
  );
}

/**
 * APGR: the area under quality(x), minus weak, over strong minus weak (Ong et al. 2024, arXiv 2406.18665,
 * section 3.2). Random routing gives 0.5; above 1 is possible, since a mix can beat the strong candidate.
 * @returns NaN where the strong candidate is not better than the weak one, and for an empty curve
 */
export function averageGapRecovered({ shares, qualities }: StrongShareCurve): number {
  const weak = qualities[0];
  const gap = qualities[qualities.length - 1] - weak;
  if (!(gap > 0)) return Number.NaN;
  let area = 0;
  for (let i = 1; i < shares.length; i++) {
    area += (shares[i] - shares[i - 1]) * ((qualities[i] + qualities[i - 1]) / 2 - weak);
  }
  return area / gap;
}

/**
 * Mean quality when the share x of prompts with the highest score goes to the strong candidate and the rest to
 * the weak one: piecewise linear through (shares[i], qualities[i]), from x = 0 to x = 1.
 */
interface StrongShareCurve {
  readonly shares: Float64Array; // [points], ascending, first 0, last 1
  readonly qualities: Float64Array; // [points]
}

/** Rows by descending score, and where each group of equal scores ends. */
interface Ranking {
  readonly order: Int32Array; // [rows]
  readonly groupEnds: Int32Array; // [groups], ascending, exclusive
}

/**
 * RouteLLM's performance curve (Ong et al. 2024, arXiv 2406.18665, section 3.2), exact rather than sampled.
 * Rows of equal score are sent in random order, in expectation: one straight piece, so that a constant score
 * gives the chord from weak to strong.
 *
 * @param ranking of a score that is higher the more a row needs the strong candidate
 * @param strong `[rows]` quality of the strong candidate, observed
 * @param weak `[rows]` quality of the weak candidate, observed
 * @param weights `[rows]` how often each row counts (a bootstrap resample); once each when absent
 * @returns a curve of two NaN points when there is no row
 */
export function strongShareCurve(
  { groupEnds, order }: Ranking,
  strong: ArrayLike<number>,
  weak: ArrayLike<number>,
  weights?: ArrayLike<number>,
): StrongShareCurve {
  let total = 0;
  let quality = 0;
  for (let row = 0; row < order.length; row++) {
    const weight = weights ? weights[row] : 1;
    total += weight;
    quality += weight * weak[row];
  }
  if (total === 0) {
    return { shares: Float64Array.of(0, 1), qualities: Float64Array.of(Number.NaN, Number.NaN) };
  }
  const shares = new Float64Array(groupEnds.length + 1);
  const qualities = new Float64Array(groupEnds.length + 1);
  qualities[0] = quality / total;
  let sent = 0;
  let at = 0;
  for (let group = 0; group < groupEnds.length; group++) {
    for (; at < groupEnds[group]; at++) {
      const row = order[at];
      const weight = weights ? weights[row] : 1;
      sent += weight;
      quality += weight * (strong[row] - weak[row]);
    }
    shares[group + 1] = sent / total;
    qualities[group + 1] = quality / total;
  }
  return { shares, qualities };
}

/** Ranks rows by score; NaN counts as the lowest, rows of equal score stay in order. */
export function rankByScore(score: ArrayLike<number>): Ranking {
  const keys = Float64Array.from(score, (value) => (Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value));
  const order = Int32Array.from(keys, (_, row) => row).sort((a, b) =>
    keys[a] === keys[b] ? a - b : keys[a] < keys[b] ? 1 : -1,
  );
  const groupEnds: number[] = [];
  for (let at = 1; at <= order.length; at++) {
    if (at === order.length || keys[order[at]] !== keys[order[at - 1]]) groupEnds.push(at);
  }
  return { order, groupEnds: Int32Array.from(groupEnds) };
}

/**
 * Smallest share of strong calls whose quality reaches `target`.
 * @returns NaN where the curve never does
 */
export function strongShareForQuality({ shares, qualities }: StrongShareCurve, target: number): number {
  // Sums of the same numbers in another order differ in the last digits.
  const enough = target - 1e-12;
  if (qualities[0] >= enough) return shares[0];
  for (let i = 1; i < shares.length; i++) {
    if (qualities[i] < enough || Number.isNaN(qualities[i])) continue;
    const climb = (target - qualities[i - 1]) / (qualities[i] - qualities[i - 1]);
    return shares[i - 1] + Math.min(1, climb) * (shares[i] - shares[i - 1]);
  }
  return Number.NaN;
}

/**
 * CPT: smallest share of strong calls that recovers `fraction` of the gap between weak and strong (Ong et al.
 * 2024, arXiv 2406.18665, section 3.2). @returns NaN where the strong candidate is not better
 */
export function callPerformanceThreshold(curve: StrongShareCurve, fraction: number): number {
  const weak = curve.qualities[0];
  const gap = curve.qualities[curve.qualities.length - 1] - weak;
  return gap > 0 ? strongShareForQuality(curve, weak + fraction * gap) : Number.NaN;
}
