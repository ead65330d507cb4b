/** A mean of scores with its 95 % interval. */
export interface ScoreInterval {
  /** Null for no row. */
  readonly estimate: number | null;
  /** Null for fewer than two clusters. */
  readonly low: number | null;
  readonly high: number | null;
  readonly rows: number;
  /** How many clusters they are of. */
  readonly groups: number;
}

/** 97.5 % point of the standard normal distribution. */
const Z = 1.959963984540054;

/**
 * The mean of one score a row, with a normal interval whose error is that of the clusters' sums (the influence function's
 * variance; Liang and Zeger 1986): prompts are taken as a sample of the traffic, and rows of a cluster vary together.
 * @param scores `[rows]` @param clusters `[rows]`
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
  if (count < 2)
    return { estimate: rows === 0 ? null : estimate, low: null, high: null, rows, groups: count };
  const margin = (Z * Math.sqrt((count / (count - 1)) * squares)) / rows;
  return { estimate, low: estimate - margin, high: estimate + margin, rows, groups: count };
}
