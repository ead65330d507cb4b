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
 * P-value for "the mean loss over the rows of as many further draws is over `limit`": a normal approximation, since the future
 * mean differs from the one seen by the noise of both. A mean over rows of draws is a ratio, and its error that of the draws'
 * sums (Cochran 1977, section 6.4).
 *
 * @param sums of the losses of each draw, which are in [-1, 1] @param sizes rows of each draw
 * @returns 1 for no draws
 */
export function predictivePValue(sums: ArrayLike<number>, sizes: ArrayLike<number>, limit: number): number {
  const n = sums.length;
  if (n === 0) return 1;
  let [sum, squares, squaredSizes] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const surplus = limit * sizes[i] - sums[i];
    sum += surplus;
    squares += surplus ** 2;
    squaredSizes += sizes[i] ** 2;
  }
  const mean = sum / n;
  // A quarter of a squared loss beforehand, so that no losses at all do not count as certainty.
  const variance = Math.max(0, squares / n - mean ** 2) + (0.25 * squaredSizes) / n / n;
  return normalAbove(mean / Math.sqrt((2 * variance) / n));
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
