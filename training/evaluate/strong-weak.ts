import { InvalidInputError } from 'pointsman';
import { averageGapRecovered } from '../evaluation/average-gap-recovered.ts';
import { chooseBest } from '../evaluation/choose-best.ts';
import { rankByScore, type StrongShareCurve, strongShareCurve } from '../evaluation/strong-share-curve.ts';
import { callPerformanceThreshold, strongShareForQuality } from '../evaluation/strong-share-for-quality.ts';
import type { TrainMeans } from '../evaluation/train-means.ts';
import { bestSingleCandidate } from './baselines.ts';
import { type BootstrapOptions, bootstrap } from './bootstrap.ts';
import type { Comparison } from './compare.ts';
import type { StrongWeak, StrongWeakFigures } from './evaluation.ts';
import type { EvaluationOptions } from './evaluation-input.ts';

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
  return { apgr, cpt50, cpt80, shareFor95, curve: thin(strongShareCurve(ranking, strong, weak), 100) };
}

/** About `points` points of a curve, its ends among them. */
function thin({ shares, qualities }: StrongShareCurve, points: number) {
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
