import { ArtifactError } from '../errors/artifact-error.ts';
import { allFinite } from '../math/all-finite.ts';
import { readFloat32 } from '../math/read-float32.ts';
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
    const values = readFloat32(bytes, offset, length);
    if (!allFinite(values)) {
      const at = values.findIndex((value) => !Number.isFinite(value));
      throw new ArtifactError(
        `Weight "${name}" of the model must be finite. Got ${values[at]} at ${at}. Fit it again.`,
      );
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
