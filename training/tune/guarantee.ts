import { createRandom, largest } from 'pointsman/internal';
import { numberClusters } from '../fit/rows.ts';
import { lossesOf, measureSetting, type RoutingFamily, type TuningRows } from './settings.ts';

interface LossGuarantee {
  /** ε: the most that mean quality may be below that of the last candidate. */
  readonly maxQualityLoss: number;
  /** δ: how likely the guarantee may fail. @default 0.1 */
  readonly delta?: number;
  /** Over how many further requests the mean is to keep to ε: fewer have more noise of their own. @default as many as there are rows */
  readonly requests?: number;
  /** Order in which near-duplicate groups are bet on. @default 0 */
  readonly seed?: number;
}

/**
 * The riskiest, and so cheapest, setting of which it is shown that it loses at most ε against the last candidate. They
 * must be rows that nothing was fitted on; how likely a draw of them misleads is δ.
 *
 * @returns the dial; null when not even the safest setting can be shown to do, for want of rows
 */
export function tuneForLoss(
  family: RoutingFamily,
  rows: TuningRows,
  guarantee: LossGuarantee,
): number | null {
  const passed = riskiestSetting(
    family.dials.length,
    (setting) => lossesOf(family, family.dials[setting], rows),
    rows.groups,
    guarantee,
  );
  return passed === -1 ? null : family.dials[passed];
}

/**
 * The last of a sequence of settings, safest first, of which it is shown that it keeps to the loss.
 *
 * Two things are shown at once: that the true mean loss is at most ε, at level δ/2 and without approximation; and that
 * the mean over so many further requests is too, at level δ by a normal approximation. The true mean alone would let
 * the loss that one then observes exceed ε more often than in a share δ of the cases. See `lossPValue`.
 *
 * @param settings how many; fixed beforehand, as is their order @param lossesOf losses of a setting, `[rows]`, in [-1, 1]
 * @param groups near-duplicate group of each row: rows of one are one draw, and what is shown is still the mean over rows
 * @returns its number; -1 when not even the first can be shown to
 */
export function riskiestSetting(
  settings: number,
  lossesOf: (setting: number) => Float64Array,
  groups: ArrayLike<number>,
  guarantee: LossGuarantee,
): number {
  const { delta = 0.1, seed = 0 } = guarantee;
  const draws = countDraws(groups);
  const order = createRandom(seed).shuffle(Int32Array.from(draws.sizes.keys()));
  return learnThenTest(
    settings,
    (setting) => lossPValue(lossesOf(setting), draws, order, { ...guarantee, delta }),
    delta,
  );
}

/** The fewest near-duplicate groups on which it can be shown that a setting which loses nothing keeps to a loss of ε. */
export function fewestGroupsFor(maxQualityLoss: number, delta = 0.1): number {
  const isShown = (groups: number) =>
    riskiestSetting(
      1,
      () => new Float64Array(groups),
      Int32Array.from({ length: groups }, (_, i) => i),
      {
        maxQualityLoss,
        delta,
      },
    ) === 0;
  let high = 1;
  while (!isShown(high)) {
    high *= 2;
    if (high > 1e6) return high;
  }
  let low = high / 2;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isShown(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** A setting of one of several families. */
export interface TunedSetting {
  readonly family: RoutingFamily;
  readonly dial: number;
}

/**
 * The cheapest of what {@link tuneForLoss} finds along each path, each tested at its part of the level (Bonferroni): half
 * of it for the first path, which is the one to take where nothing speaks for another. With
 * probability 1-δ every setting that passed on any path keeps to the loss, so the one that is picked afterwards, by
 * what it costs on the very same rows, does too.
 *
 * @returns null when no path has a setting that can be shown to do
 */
export function tuneAlongPaths(
  paths: readonly RoutingFamily[],
  rows: TuningRows,
  { delta = 0.1, ...guarantee }: LossGuarantee,
): TunedSetting | null {
  let best: (TunedSetting & { readonly saved: number }) | null = null;
  const [first, others] = paths.length === 1 ? [delta, 0] : [delta / 2, delta / 2 / (paths.length - 1)];
  for (const family of paths) {
    const dial = tuneForLoss(family, rows, { ...guarantee, delta: family === paths[0] ? first : others });
    if (dial === null) continue;
    const { costSaved, strongShare } = measureSetting(family, dial, rows);
    const saved = costSaved ?? 1 - strongShare;
    if (best === null || saved > best.saved) best = { family, dial, saved };
  }
  return best === null ? null : { family: best.family, dial: best.dial };
}

/**
 * Learn-then-Test by fixed-sequence testing (Angelopoulos et al. 2021, arXiv 2110.01052, section 2.3): settings are
 * tried from the safest to the riskiest, and trying stops at the first whose risk is not shown to be low. With
 * probability 1-δ the risk of every setting passed is within the limit, and so is that of the last one.
 *
 * @param settings how many there are. They and their order must not depend on the data that the p-values come from.
 * @param pValue of "the risk of this setting is over the limit", on data that nothing else was fitted on
 * @returns the last setting that passed; -1 when not even the first does
 */
export function learnThenTest(settings: number, pValue: (setting: number) => number, delta: number): number {
  let passed = -1;
  while (passed + 1 < settings && pValue(passed + 1) <= delta) passed++;
  return passed;
}

/** Near-duplicate groups: their rows were drawn together, and what copies repeat is no further evidence. */
interface LossDraws {
  /** Number of the draw of each row: [rows] */
  readonly of: Int32Array;
  /** Rows of each draw: [draws] */
  readonly sizes: Float64Array;
}

function countDraws(groups: ArrayLike<number>): LossDraws {
  const { of, count } = numberClusters(groups);
  const sizes = new Float64Array(count);
  for (const draw of of) sizes[draw]++;
  return { of, sizes };
}

/** A draw counts in the bets for at most so many times the mean number of rows. */
const MOST_OF_MEAN = 2;

/**
 * P-value for "the mean loss over rows is over `limit`", from draws of any size. Two p-values, and the larger counts:
 *
 * - By betting on the draws in the given order, without approximation. The mean over rows is at most ε where E[Σ (ε − loss)] ≥ 0
 *   over the rows of a draw, and that sum over the size of the largest draw is within the bounds that one row's is. Since a single
 *   draw of many rows would make all others next to nothing, one counts here for at most twice the mean size.
 * - By a normal approximation for the mean over so many further requests, all draws by their rows.
 *
 * Where all draws have one size, each is the p-value of their mean losses.
 *
 * @param losses `[rows]`, in [-1, 1] @param order in which draws are bet on, which must not depend on the losses
 * @param guarantee the bets are tuned to its level
 */
function lossPValue(
  losses: Float64Array,
  { of, sizes }: LossDraws,
  order: Int32Array,
  { delta, maxQualityLoss: limit, requests }: LossGuarantee & { readonly delta: number },
): number {
  const sums = new Float64Array(sizes.length);
  losses.forEach((loss, row) => {
    sums[of[row]] += loss;
  });
  const most = Math.min(largest(sizes), (MOST_OF_MEAN * losses.length) / sizes.length);
  const bets = Float64Array.from(order, (draw) => {
    const surplus = limit * sizes[draw] - sums[draw];
    return limit - (surplus * Math.min(1, most / sizes[draw])) / most;
  });
  const byBets = 2 * bettingPValue(bets, limit, delta / 2);
  if (byBets > delta) return byBets;
  return Math.max(byBets, predictivePValue(sums, sizes, limit, requests));
}

/**
 * P-value for "the mean of losses in [-1, 1] is over `limit`", by betting against it (Waudby-Smith and Ramdas 2024,
 * "Estimating means of bounded random variables by betting", section 4): a fortune that grows only when the losses
 * are lower than the limit, and by Ville's inequality rarely grows when they are not. It adapts to the losses'
 * variance, which Hoeffding-Bentkus does not; that matters where most requests lose nothing.
 *
 * @param losses in an order that does not depend on them
 * @param delta the level that the bets are tuned to. Betting stops when the p-value is down to it: what is returned
 *   is at least the p-value, and at most `delta` only if that is
 * @returns 1 for no losses
 */
export function bettingPValue(losses: ArrayLike<number>, limit: number, delta: number): number {
  const n = losses.length;
  const most = 0.75 / (1 - limit);
  let fortune = 0; // its logarithm
  let best = 0;
  const enough = Math.log(1 / delta);
  let sum = 0;
  let squares = 0.25;
  for (let i = 0; i < n && best < enough; i++) {
    const variance = squares / (i + 1);
    const bet = Math.min(most, Math.sqrt((2 * enough) / (n * variance)));
    const loss = losses[i];
    fortune += Math.log1p(bet * (limit - loss));
    if (fortune > best) best = fortune;
    sum += loss;
    const mean = sum / (i + 2);
    squares += (loss - mean) ** 2;
  }
  return Math.exp(-best);
}

/**
 * P-value for "the mean loss over so many further requests is over `limit`": a normal approximation, since the future mean differs
 * from the one seen by the noise of both. A mean over rows of draws is a ratio, and its error that of the draws' sums (Cochran
 * 1977, section 6.4). Where losses are whole, as where answers are good or bad, the mean of few requests moves in steps: it is over the
 * limit from the first step above on, and half a step before that is where the normal curve is cut (Yates 1934).
 *
 * @param sums of the losses of each draw, which are in [-1, 1] @param sizes rows of each draw
 * @param requests in draws of such sizes @default as many as there are rows
 * @returns 1 for no draws
 */
export function predictivePValue(
  sums: ArrayLike<number>,
  sizes: ArrayLike<number>,
  limit: number,
  requests?: number,
): number {
  const n = sums.length;
  if (n === 0) return 1;
  let [sum, squares, rows, squaredSizes] = [0, 0, 0, 0];
  let isWhole = true;
  for (let i = 0; i < n; i++) {
    rows += sizes[i];
    isWhole &&= Number.isInteger(sums[i]);
  }
  const further = requests ?? rows;
  // Rounding must not take a step away: 0.07 · 100 is a little over 7, 0.29 · 100 a little under 29.
  const steps = Math.floor(limit * further + 1e-9);
  const cut = isWhole ? Math.min(limit, (steps + 0.5) / further) : limit;
  for (let i = 0; i < n; i++) {
    const surplus = cut * sizes[i] - sums[i];
    sum += surplus;
    squares += surplus ** 2;
    squaredSizes += sizes[i] ** 2;
  }
  const mean = sum / n;
  // A quarter of a squared loss beforehand, so that no losses at all do not count as certainty.
  const variance = Math.max(0, squares / n - mean ** 2) + (0.25 * squaredSizes) / n / n;
  const furtherDraws = (n * further) / rows;
  return normalAbove(mean / Math.sqrt(variance / n + variance / furtherDraws));
}

/**
 * P-value for "the mean of losses in [0, 1] is over `limit`", the smaller of Hoeffding's and Bentkus's (Bates et al.
 * 2021, arXiv 2101.02703, proposition 5; used for Learn-then-Test in arXiv 2110.01052).
 *
 * @param mean of the losses seen
 * @param n how many
 */
export function hoeffdingBentkusPValue(mean: number, n: number, limit: number): number {
  if (n === 0) return 1;
  const low = Math.min(mean, limit);
  const hoeffding = Math.exp(-n * relativeEntropy(low, limit));
  const bentkus = Math.E * binomialAtMost(Math.ceil(n * mean), n, limit);
  return Math.min(1, hoeffding, bentkus);
}

/** P-value for "losses of 0 or 1 have a mean over `limit`": exact. @param total of the losses seen */
export function binomialPValue(total: number, n: number, limit: number): number {
  return n === 0 ? 1 : binomialAtMost(total, n, limit);
}

/** P(X <= k) for X ~ Binomial(n, p), summed from its largest term. */
function binomialAtMost(k: number, n: number, p: number): number {
  if (k >= n) return 1;
  if (p <= 0) return 1;
  if (p >= 1) return 0;
  const odds = p / (1 - p);
  let log = n * Math.log1p(-p); // ln P(X = 0)
  let most = log;
  const logs = new Float64Array(k + 1);
  for (let i = 0; i <= k; i++) {
    logs[i] = log;
    if (log > most) most = log;
    log += Math.log(((n - i) / (i + 1)) * odds);
  }
  let sum = 0;
  for (const value of logs) sum += Math.exp(value - most);
  return Math.min(1, Math.exp(most) * sum);
}

/** P(Z > z), |error| < 7.5e-8: Abramowitz and Stegun 26.2.17. */
function normalAbove(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const series =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI)) * series;
  return z >= 0 ? tail : 1 - tail;
}

/** Kullback-Leibler divergence of Bernoulli(a) from Bernoulli(b). */
function relativeEntropy(a: number, b: number): number {
  const part = (x: number, y: number) => (x === 0 ? 0 : x * Math.log(x / y));
  return part(a, b) + part(1 - a, 1 - b);
}
