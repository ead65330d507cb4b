import { ArtifactError } from '../errors/artifact-error.ts';
import type { LayersModelJson } from './layers-schema.ts';

/** A weight tensor of the model, row-major. */
export interface WeightTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/**
 * Cuts the weight file (little-endian float32, one tensor after the other) into the tensors the manifest names.
 * @throws ArtifactError where sizes disagree, a name comes twice, or a weight is not finite.
 */
export function readLayerWeights(
  manifest: LayersModelJson['weightsManifest'],
  bytes: Uint8Array,
): Map<string, WeightTensor> {
  const tensors = new Map<string, WeightTensor>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  for (const { name, shape } of manifest.flatMap((group) => group.weights)) {
    const length = shape.reduce((product, side) => product * side, 1);
    if (offset + 4 * length > bytes.byteLength) {
      throw new ArtifactError(
        `The weight file must hold weight "${name}" [${shape}], which ends at byte ${offset + 4 * length}. ` +
          `Got ${bytes.byteLength} bytes. Export the artifact again.`,
      );
    }
    if (tensors.has(name))
      throw new ArtifactError(`Weight "${name}" of the model must come once. Got it twice.`);
    const values = new Float32Array(length);
    for (let i = 0; i < length; i++) {
      const value = view.getFloat32(offset + 4 * i, true);
      if (!Number.isFinite(value)) {
        throw new ArtifactError(
          `Weight "${name}" of the model must be finite. Got ${value} at ${i}. Fit it again.`,
        );
      }
      values[i] = value;
    }
    tensors.set(name, { shape, values });
    offset += 4 * length;
  }
  if (offset !== bytes.byteLength) {
    throw new ArtifactError(
      `The weight file must have ${offset} bytes, as its manifest says. Got ${bytes.byteLength}. ` +
        'Export the artifact again.',
    );
  }
  return tensors;
}
