/** A mean of scores with its 95 % interval. */
export interface ScoreInterval {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
  readonly rows: number;
}

/** 97.5 % point of the standard normal distribution. */
const Z = 1.959963984540054;

/**
 * The mean of one score a row, with a normal interval whose error is that of the clusters' sums (the influence function's
 * variance; Liang and Zeger 1986): prompts are taken as a sample of the traffic, and rows of a cluster vary together.
 * @param scores `[rows]` @param clusters `[rows]`
 * @returns bounds of -Infinity and Infinity for fewer than two clusters
 */
export function scoreInterval(scores: Float64Array, clusters: ArrayLike<number>): ScoreInterval {
  const rows = scores.length;
  let sum = 0;
  for (const score of scores) sum += score;
  const estimate = sum / rows;
  const sums = new Map<number, number>();
  scores.forEach((score, row) => {
    sums.set(clusters[row], (sums.get(clusters[row]) ?? 0) + score - estimate);
  });
  let squares = 0;
  for (const one of sums.values()) squares += one * one;
  const count = sums.size;
  const error = count < 2 ? Number.POSITIVE_INFINITY : Math.sqrt((count / (count - 1)) * squares) / rows;
  return { estimate, low: estimate - Z * error, high: estimate + Z * error, rows };
}
