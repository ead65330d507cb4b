/**
 * Mean quality when the share x of prompts with the highest score goes to the strong candidate and the rest to
 * the weak one: piecewise linear through (shares[i], qualities[i]), from x = 0 to x = 1.
 */
export interface StrongShareCurve {
  readonly shares: Float64Array; // [points], ascending, first 0, last 1
  readonly qualities: Float64Array; // [points]
}

/**
 * RouteLLM's performance curve (Ong et al. 2024, arXiv 2406.18665, section 3.2), exact rather than sampled.
 * Rows of equal score are sent in random order, in expectation: one straight piece, so that a constant score
 * gives the chord from weak to strong. A NaN score counts as the lowest.
 *
 * @param score `[rows]`, higher means "needs the strong candidate more"
 * @param strong `[rows]` quality of the strong candidate, observed
 * @param weak `[rows]` quality of the weak candidate, observed
 * @param order rows by descending score, when it is known already (see `descendingOrder`)
 * @param weights `[rows]` how often each row counts (a bootstrap resample); once each when absent
 * @returns a curve of two NaN points when there is no row
 */
export function strongShareCurve(
  score: ArrayLike<number>,
  strong: ArrayLike<number>,
  weak: ArrayLike<number>,
  order: ArrayLike<number> = descendingOrder(score),
  weights?: ArrayLike<number>,
): StrongShareCurve {
  const rows = order.length;
  let total = 0;
  let quality = 0;
  for (let i = 0; i < rows; i++) {
    const weight = weights ? weights[i] : 1;
    total += weight;
    quality += weight * weak[i];
  }
  const shares = new Float64Array(rows + 2);
  const qualities = new Float64Array(rows + 2);
  qualities[0] = quality / total;
  let points = 1;
  let sent = 0;
  for (let at = 0; at < rows; ) {
    const first = comparable(score[order[at]]);
    let groupWeight = 0;
    while (at < rows && comparable(score[order[at]]) === first) {
      const row = order[at++];
      const weight = weights ? weights[row] : 1;
      groupWeight += weight;
      quality += weight * (strong[row] - weak[row]);
    }
    if (groupWeight === 0) continue;
    sent += groupWeight;
    shares[points] = sent / total;
    qualities[points++] = quality / total;
  }
  if (total === 0) {
    shares[points] = 1;
    qualities[points++] = Number.NaN;
  }
  return { shares: shares.subarray(0, points), qualities: qualities.subarray(0, points) };
}

/** Row numbers by descending score; rows of equal score stay in order. */
export function descendingOrder(score: ArrayLike<number>): Int32Array {
  return Int32Array.from({ length: score.length }, (_, i) => i).sort(
    (a, b) =>
      Number(comparable(score[a]) < comparable(score[b])) -
        Number(comparable(score[a]) > comparable(score[b])) || a - b,
  );
}

function comparable(score: number): number {
  return Number.isNaN(score) ? Number.NEGATIVE_INFINITY : score;
}
