import { createStandardisation, type Standardisation } from 'pointsman/features';

/** A group of neighbouring features that share one scale: their spread relative to each other says something. */
export interface ScaleGroup {
  readonly from: number;
  readonly to: number;
  /** What the group's features shall have as their total variance. */
  readonly variance: number;
  /** Whether each feature gets a scale of its own (z-scores) or all share one. */
  readonly each: boolean;
}

/**
 * Means and scales over the rows of the fit split. A constant feature gets scale 0, so that a value never seen
 * in training cannot move a decision.
 *
 * @param features `[rows, length]`, raw.
 */
export function fitStandardisation(
  features: Float32Array,
  length: number,
  groups: readonly ScaleGroup[],
): Standardisation {
  const rows = features.length / length;
  const mean = new Float32Array(length);
  const variance = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += features[row * length + i];
    mean[i] = rows > 0 ? sum / rows : 0;
    let squares = 0;
    for (let row = 0; row < rows; row++) squares += (features[row * length + i] - mean[i]) ** 2;
    variance[i] = rows > 0 ? squares / rows : 0;
  }
  const scale = new Float32Array(length);
  for (const group of groups) {
    const size = group.to - group.from;
    let total = 0;
    for (let i = group.from; i < group.to; i++) total += variance[i];
    for (let i = group.from; i < group.to; i++) {
      const ratio = group.each ? group.variance / size / variance[i] : group.variance / total;
      // A shared scale may be any; what varies less than rounding does is constant.
      const least = group.each ? 1e-10 : 1e-12 * mean[i] ** 2;
      scale[i] = variance[i] > least ? Math.sqrt(ratio) : 0;
    }
  }
  return createStandardisation(mean, scale);
}
