import { ArtifactError } from './errors.ts';
import { allFinite, readFloat32 } from './math.ts';

/** How unlike the prompts of the fit split a request is. */
export interface NoveltySpec {
  /** Float32: 1 / variance of each direction `[components]`, then the directions `[components, length]`, orthonormal. */
  readonly file: string;
  /** Directions that are weighed apart; 0 or more. */
  readonly components: number;
  /** 1 / variance of what lies outside of them. */
  readonly residualPrecision: number;
  /** The distance that the stated share of unseen prompts of the same traffic stays under. */
  readonly threshold: number;
}

/** Features to distance over threshold: over 1 is out of distribution. */
export type NoveltyScore = (features: Float32Array) => number;

/**
 * Mahalanobis distance under a covariance of a few directions and one variance for all others (probabilistic PCA,
 * Tipping and Bishop 1999), per feature. Features have mean 0 over the fit split.
 *
 * @throws ArtifactError when the file does not fit.
 */
export function readNovelty(spec: NoveltySpec, length: number, bytes: Uint8Array): NoveltyScore {
  const { components, residualPrecision, threshold } = spec;
  const count = components * (1 + length);
  if (bytes.length !== 4 * count) {
    throw new ArtifactError(
      `"${spec.file}" must hold ${count} numbers of 4 bytes. Got ${bytes.length} bytes. Export the artifact again.`,
    );
  }
  const numbers = readFloat32(bytes, 0, count);
  if (!allFinite(numbers)) {
    throw new ArtifactError(`"${spec.file}" holds a number that is not finite. Export the artifact again.`);
  }
  const precisions = numbers.subarray(0, components);
  const scale = 1 / (length * threshold);
  return (features) => {
    let rest = 0;
    for (let i = 0; i < length; i++) rest += features[i] * features[i];
    let distance = 0;
    for (let k = 0, at = components; k < components; k++) {
      let along = 0;
      for (let i = 0; i < length; i++) along += features[i] * numbers[at++];
      distance += precisions[k] * along * along;
      rest -= along * along;
    }
    return (distance + residualPrecision * Math.max(0, rest)) * scale;
  };
}
