/**
 * Mean quality when the share x of prompts with the highest score goes to the strong candidate and the rest to
 * the weak one: piecewise linear through (shares[i], qualities[i]), from x = 0 to x = 1.
 */
export interface StrongShareCurve {
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
