import { mean, quantile } from 'pointsman/internal';
import { clusteredMean } from '../fit/rows.ts';

/** One bin of a reliability diagram. */
export interface CalibrationBin {
  readonly rows: number;
  /** Mean predicted probability. */
  readonly predicted: number;
  /** Mean label. */
  readonly observed: number;
  /** Standard error of `observed - predicted`, rows of a near-duplicate group varying together; null for one group. */
  readonly standardError: number | null;
}

/**
 * Bins of equal mass (adaptive: Nguyen and O'Connor 2015, section 3), by ascending probability. Equal
 * probabilities are never parted, so there may be fewer bins than asked for. Pairs with a NaN are left out.
 *
 * @param probabilities `[rows]` @param labels `[rows]`, in [0, 1]; fractions are fine
 * @param groups near-duplicate group of each row; null: every row for itself
 */
export function calibrationBins(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  bins: number,
  groups: ArrayLike<number> | null,
): CalibrationBin[] {
  const order: number[] = [];
  for (let i = 0; i < probabilities.length; i++) {
    if (!Number.isNaN(probabilities[i]) && !Number.isNaN(labels[i])) order.push(i);
  }
  order.sort((a, b) => probabilities[a] - probabilities[b]);
  const found: CalibrationBin[] = [];
  let start = 0;
  for (let bin = 1; bin <= bins && start < order.length; bin++) {
    let end = Math.round((bin * order.length) / bins);
    if (end <= start) continue;
    while (end < order.length && probabilities[order[end]] === probabilities[order[end - 1]]) end++;
    found.push(summarise(order.slice(start, end), probabilities, labels, groups));
    start = end;
  }
  return found;
}

function summarise(
  rows: readonly number[],
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  groups: ArrayLike<number> | null,
): CalibrationBin {
  let predicted = 0;
  let observed = 0;
  for (const row of rows) {
    predicted += probabilities[row];
    observed += labels[row];
  }
  predicted /= rows.length;
  observed /= rows.length;
  const gaps = Float64Array.from(rows, (row) => labels[row] - probabilities[row]);
  const { standardError } = clusteredMean(gaps, groups === null ? rows : rows.map((row) => groups[row]));
  return {
    rows: rows.length,
    predicted,
    observed,
    standardError: Number.isFinite(standardError) ? standardError : null,
  };
}

/** How far predicted costs or latencies were from what was seen. */
export interface AmountError {
  readonly rows: number;
  /** Sum of predictions over sum of what was seen: 1 is unbiased. Null where nothing was seen. */
  readonly ratio: number | null;
  /** Median of |predicted - seen| / seen over rows that cost something. Null where there is none. */
  readonly medianRelativeError: number | null;
}

/** The same of one candidate's costs. */
export interface CandidateAmount extends AmountError {
  readonly candidate: string;
  /** Mean expected and mean seen, of an answer; null where nothing was seen. */
  readonly meanExpected: number | null;
  readonly meanSeen: number | null;
}

/** @param predicted `[rows, candidates]` @param seen the same */
export function amountByCandidate(
  candidates: readonly string[],
  predicted: ArrayLike<number>,
  seen: ArrayLike<number>,
): CandidateAmount[] {
  return candidates.map((candidate, c) => {
    const cells: number[] = [];
    for (let cell = c; cell < seen.length; cell += candidates.length) {
      if (!Number.isNaN(predicted[cell]) && !Number.isNaN(seen[cell])) cells.push(cell);
    }
    const [own, paid] = [predicted, seen].map((values) => Float64Array.from(cells, (cell) => values[cell]));
    const known = cells.length > 0;
    return {
      candidate,
      ...amountError(own, paid),
      meanExpected: known ? mean(own) : null,
      meanSeen: known ? mean(paid) : null,
    };
  });
}

/** Pairs with a NaN are left out. */
export function amountError(predicted: ArrayLike<number>, seen: ArrayLike<number>): AmountError {
  let rows = 0;
  let predictedSum = 0;
  let seenSum = 0;
  const relative: number[] = [];
  for (let i = 0; i < predicted.length; i++) {
    if (Number.isNaN(predicted[i]) || Number.isNaN(seen[i])) continue;
    rows++;
    predictedSum += predicted[i];
    seenSum += seen[i];
    if (seen[i] > 0) relative.push(Math.abs(predicted[i] - seen[i]) / seen[i]);
  }
  return {
    rows,
    ratio: seenSum > 0 ? predictedSum / seenSum : null,
    medianRelativeError: relative.length > 0 ? quantile(relative, 0.5) : null,
  };
}

/**
 * Row by row, each candidate's share of being best: 1 for a single best, 1/k for k that tie, 0 else. NaN
 * qualities are never best; a row of nothing but NaN is all 0.
 * @param quality `[rows, candidates]`
 * @returns `[rows, candidates]`
 */
export function bestCandidates(quality: ArrayLike<number>, candidates: number): Float64Array {
  const shares = new Float64Array(quality.length);
  for (let from = 0; from < quality.length; from += candidates) {
    let best = Number.NEGATIVE_INFINITY;
    let ties = 0;
    for (let c = from; c < from + candidates; c++) {
      if (quality[c] > best) {
        best = quality[c];
        ties = 1;
      } else if (quality[c] === best) ties++;
    }
    for (let c = from; c < from + candidates; c++) if (quality[c] === best && ties > 0) shares[c] = 1 / ties;
  }
  return shares;
}

/**
 * Mean of (probability - label)² (Brier 1950), labels in [0, 1]. Pairs with a NaN are left out. None: NaN.
 * With fractional labels the best reachable score is their spread about the true mean, above 0.
 */
export function brierScore(probabilities: ArrayLike<number>, labels: ArrayLike<number>): number {
  let sum = 0;
  let rows = 0;
  for (let i = 0; i < probabilities.length; i++) {
    const error = probabilities[i] - labels[i];
    if (Number.isNaN(error)) continue;
    sum += error * error;
    rows++;
  }
  return rows === 0 ? Number.NaN : sum / rows;
}

/** Chosen against best. */
export interface Confusion {
  /** `[candidates][candidates]`: rows where i was chosen and j was best; a tie of k counts 1/k for each. */
  readonly counts: readonly (readonly number[])[];
  /** Share of rows where the chosen candidate was best or tied with the best. */
  readonly agreement: number;
  /** Share of rows where all candidates tied, so that no choice could be wrong. */
  readonly allTied: number;
}

/**
 * @param chosen `[rows]` candidate numbers
 * @param bestShares `[rows, candidates]` of `bestCandidates`
 * @returns NaN shares when there is no row
 */
export function confusion(
  chosen: ArrayLike<number>,
  bestShares: ArrayLike<number>,
  candidates: number,
): Confusion {
  const counts = Array.from({ length: candidates }, () => new Array<number>(candidates).fill(0));
  let agreeing = 0;
  let tied = 0;
  for (let row = 0; row < chosen.length; row++) {
    const from = row * candidates;
    let best = 0;
    for (let c = 0; c < candidates; c++) {
      counts[chosen[row]][c] += bestShares[from + c];
      if (bestShares[from + c] > 0) best++;
    }
    if (bestShares[from + chosen[row]] > 0) agreeing++;
    if (best === candidates) tied++;
  }
  return { counts, agreement: agreeing / chosen.length, allTied: tied / chosen.length };
}

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

/**
 * ECE less an estimate of what sampling noise adds to it, never below 0. The plug-in ECE of a perfect model is above 0,
 * the more so the fewer rows a bin has. Bias as in `normal_debiased_ce` of Kumar et al. 2019 (arXiv 1909.10155,
 * section 5): a bin's gap is normal about the gap seen; here the folded normal's mean is written out, where
 * they sample. Of a perfect model this takes off some two fifths of the noise, not all of it: the gap seen
 * stands in for the true one. Bins of one row count as they are. No bin: NaN.
 */
export function debiasedCalibrationError(bins: readonly CalibrationBin[]): number {
  let rows = 0;
  let bias = 0;
  for (const bin of bins) {
    rows += bin.rows;
    if (!bin.standardError) continue;
    const gap = Math.abs(bin.observed - bin.predicted);
    bias += bin.rows * (foldedNormalMean(gap, bin.standardError) - gap);
  }
  return rows === 0 ? Number.NaN : Math.max(0, expectedCalibrationError(bins) - bias / rows);
}

/** E|X| for X normal with this mean (>= 0) and standard deviation (> 0). */
function foldedNormalMean(mean: number, deviation: number): number {
  const z = mean / deviation;
  return deviation * Math.sqrt(2 / Math.PI) * Math.exp((-z * z) / 2) + mean * errorFunction(z / Math.SQRT2);
}

/** Abramowitz and Stegun 1964, formula 7.1.26; absolute error under 1.5e-7, for x >= 0. */
function errorFunction(x: number): number {
  const t = 1 / (1 + 0.3275911 * x);
  const polynomial =
    t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return 1 - polynomial * Math.exp(-x * x);
}

/** ECE: mean over rows of their bin's |predicted - observed| (Guo et al. 2017, section 2). No bin: NaN. */
export function expectedCalibrationError(bins: readonly CalibrationBin[]): number {
  let rows = 0;
  let sum = 0;
  for (const bin of bins) {
    rows += bin.rows;
    sum += bin.rows * Math.abs(bin.predicted - bin.observed);
  }
  return rows === 0 ? Number.NaN : sum / rows;
}

/** Bins of equal width on a log scale, and the quantiles people ask for. */
export interface LogHistogram {
  readonly values: number;
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly maximum: number;
  /** `[bins + 1]`, ascending. */
  readonly edges: readonly number[];
  /** `[bins]` */
  readonly counts: readonly number[];
}

/**
 * @param values amounts > 0, such as durations; others and NaN are left out
 * @returns null when nothing is left
 */
export function logHistogram(values: ArrayLike<number>, bins = 30): LogHistogram | null {
  const kept = Float64Array.from(values)
    .filter((value) => value > 0 && Number.isFinite(value))
    .sort();
  if (kept.length === 0) return null;
  const maximum = kept[kept.length - 1];
  // One value alone still needs a bin that has a width.
  const low = Math.log10(kept[0]) - 0.01;
  const high = Math.log10(maximum) + 0.01;
  const counts = new Array<number>(bins).fill(0);
  let sum = 0;
  for (const value of kept) {
    sum += value;
    counts[Math.min(bins - 1, Math.floor(((Math.log10(value) - low) / (high - low)) * bins))]++;
  }
  return {
    values: kept.length,
    mean: sum / kept.length,
    p50: quantile(kept, 0.5),
    p95: quantile(kept, 0.95),
    p99: quantile(kept, 0.99),
    maximum,
    edges: Array.from({ length: bins + 1 }, (_, i) => 10 ** (low + ((high - low) * i) / bins)),
    counts,
  };
}

/** Probabilities are kept this far from 0 and 1: about what float32 can tell from 1. */
export const PROBABILITY_FLOOR = 1e-7;

/**
 * Mean log-loss in nats, -y ln p - (1 - y) ln(1 - p), labels in [0, 1]. Pairs with a NaN are left out. None: NaN.
 */
export function negativeLogLikelihood(probabilities: ArrayLike<number>, labels: ArrayLike<number>): number {
  let sum = 0;
  let rows = 0;
  for (let i = 0; i < probabilities.length; i++) {
    const label = labels[i];
    if (Number.isNaN(probabilities[i]) || Number.isNaN(label)) continue;
    const p = Math.min(1 - PROBABILITY_FLOOR, Math.max(PROBABILITY_FLOOR, probabilities[i]));
    sum -= label * Math.log(p) + (1 - label) * Math.log1p(-p);
    rows++;
  }
  return rows === 0 ? Number.NaN : sum / rows;
}

/**
 * What each choice lost against the best candidate of its row: max quality minus the chosen one's, >= 0. NaN
 * where the chosen candidate's quality was not observed.
 * @param quality `[rows, candidates]` @param chosen `[rows]` @returns `[rows]`
 */
export function regret(
  quality: ArrayLike<number>,
  chosen: ArrayLike<number>,
  candidates: number,
): Float64Array {
  return Float64Array.from({ length: chosen.length }, (_, row) => {
    const from = row * candidates;
    let best = Number.NEGATIVE_INFINITY;
    for (let c = from; c < from + candidates; c++) if (quality[c] > best) best = quality[c];
    return best - quality[from + chosen[row]];
  });
}
