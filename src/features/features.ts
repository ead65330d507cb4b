import { ArtifactError } from '../errors/artifact-error.ts';
import { allFinite } from '../math/all-finite.ts';
import { readFloat32 } from '../math/read-float32.ts';

/** Features are (x - mean) * scale, held within ±`LIMIT` so that one odd prompt cannot run away with a linear head. */
export interface Standardisation {
  readonly mean: Float32Array; // [length]
  readonly scale: Float32Array; // [length]
  /** Standardises `[length]` numbers of `features` from `offset`, in place. */
  apply(features: Float32Array, offset: number): void;
}

/** In units of the scale's inverse; for a z-scored feature, standard deviations. */
export const LIMIT = 5;

export function createStandardisation(mean: Float32Array, scale: Float32Array): Standardisation {
  return {
    mean,
    scale,
    apply(features, offset) {
      for (let i = 0; i < mean.length; i++) {
        const value = (features[offset + i] - mean[i]) * scale[i];
        features[offset + i] = Math.max(-LIMIT, Math.min(LIMIT, value));
      }
    },
  };
}

/** Little-endian float32: the means, then the scales. */
export function encodeStandardisation({ mean, scale }: Standardisation): Uint8Array {
  const bytes = new Uint8Array((mean.length + scale.length) * 4);
  const view = new DataView(bytes.buffer);
  mean.forEach((value, i) => {
    view.setFloat32(i * 4, value, true);
  });
  scale.forEach((value, i) => {
    view.setFloat32((mean.length + i) * 4, value, true);
  });
  return bytes;
}

/** @throws ArtifactError when the file is not two floats a feature, or a number is not finite. */
export function decodeStandardisation(bytes: Uint8Array, length: number): Standardisation {
  if (bytes.byteLength !== length * 8)
    throw new ArtifactError(
      `the standardisation must have ${length * 8} bytes for ${length} features. Got ${bytes.byteLength}. Export the artifact again.`,
    );
  const mean = readFloat32(bytes, 0, length);
  const scale = readFloat32(bytes, 4 * length, length);
  if (!allFinite(mean) || !allFinite(scale))
    throw new ArtifactError(
      'the standardisation holds a number that is not finite. Export the artifact again.',
    );
  return createStandardisation(mean, scale);
}
