import * as v from 'valibot';
import { ArtifactError } from '../errors.ts';
import { softmaxInto } from '../math/logistic.ts';
import { readFloat32 } from '../math/read-float32.ts';
import { allFinite } from '../math/statistics.ts';
import { object, wholeNumber } from '../validate.ts';

/**
 * out = x W + b. Weights are kept as doubles and by output, so that the loop is a dot product that reads memory
 * in order and converts nothing. Four outputs at a time share each load of x, and two sums an output let the
 * additions overlap.
 */
export class Dense {
  readonly inputs: number;
  readonly outputs: number;
  readonly #weights: Float64Array; // [outputs, inputs]
  readonly #bias: Float64Array; // [outputs]

  /**
   * @param kernel `[inputs, outputs]` row-major, as TF.js keeps it
   * @param bias `[outputs]`
   */
  constructor(kernel: ArrayLike<number>, bias: ArrayLike<number>) {
    this.outputs = bias.length;
    this.inputs = kernel.length / bias.length;
    this.#bias = Float64Array.from(bias);
    this.#weights = new Float64Array(kernel.length);
    for (let i = 0; i < this.inputs; i++) {
      for (let j = 0; j < this.outputs; j++)
        this.#weights[j * this.inputs + i] = kernel[i * this.outputs + j];
    }
  }

  /** Reads x `[inputs]`, writes out `[outputs]`. */
  apply(x: Float64Array, out: Float64Array): void {
    const weights = this.#weights;
    const n = this.inputs;
    let j = 0;
    for (; j + 3 < this.outputs; j += 4) {
      const a = j * n;
      const b = a + n;
      const c = b + n;
      const d = c + n;
      let sumA = 0;
      let sumB = 0;
      let sumC = 0;
      let sumD = 0;
      let oddA = 0;
      let oddB = 0;
      let oddC = 0;
      let oddD = 0;
      let i = 0;
      for (; i + 1 < n; i += 2) {
        const even = x[i];
        const odd = x[i + 1];
        sumA += even * weights[a + i];
        sumB += even * weights[b + i];
        sumC += even * weights[c + i];
        sumD += even * weights[d + i];
        oddA += odd * weights[a + i + 1];
        oddB += odd * weights[b + i + 1];
        oddC += odd * weights[c + i + 1];
        oddD += odd * weights[d + i + 1];
      }
      if (i < n) {
        sumA += x[i] * weights[a + i];
        sumB += x[i] * weights[b + i];
        sumC += x[i] * weights[c + i];
        sumD += x[i] * weights[d + i];
      }
      out[j] = sumA + oddA + this.#bias[j];
      out[j + 1] = sumB + oddB + this.#bias[j + 1];
      out[j + 2] = sumC + oddC + this.#bias[j + 2];
      out[j + 3] = sumD + oddD + this.#bias[j + 3];
    }
    for (; j < this.outputs; j++) {
      let even = 0;
      let odd = 0;
      const start = j * n;
      let i = 0;
      for (; i + 1 < n; i += 2) {
        even += x[i] * weights[start + i];
        odd += x[i + 1] * weights[start + i + 1];
      }
      if (i < n) even += x[i] * weights[start + i];
      out[j] = even + odd + this.#bias[j];
    }
  }
}

/** The activations a Dense layer of an artifact may have, by their TF.js names. */
export type Activation = 'linear' | 'relu' | 'tanh' | 'sigmoid' | 'softmax';

const scalar: Record<Exclude<Activation, 'linear' | 'softmax'>, (x: number) => number> = {
  relu: (x) => Math.max(x, 0),
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
};

/** Applies the activation to one row, in place. */
export function activate(activation: Activation, values: Float64Array): void {
  if (activation === 'linear') return;
  if (activation === 'softmax') {
    softmaxInto(values, values);
    return;
  }
  const f = scalar[activation];
  for (let i = 0; i < values.length; i++) values[i] = f(values[i]);
}

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

const size = v.pipe(wholeNumber, v.gtValue(0), v.maxValue(10_000_000));
const name = v.pipe(v.string(), v.minLength(1));

/** TF.js: one node, each input `[layer, node, tensor, options?]`. We read the first node of each layer only. */
const reference = v.tupleWithRest([name, v.literal(0), v.literal(0)], v.unknown());
const inbound = v.pipe(v.array(v.pipe(v.array(reference), v.minLength(1))), v.length(1));

const inputLayer = object({
  class_name: v.literal('InputLayer'),
  name,
  config: object({ batch_input_shape: v.strictTuple([v.null(), size]) }),
});
const dense = object({
  class_name: v.literal('Dense'),
  name,
  config: object({
    units: size,
    activation: v.picklist(['linear', 'relu', 'tanh', 'sigmoid', 'softmax']),
    use_bias: v.optional(v.boolean(), true),
  }),
  inbound_nodes: inbound,
});

/** Layers without weights: inputs side by side, inputs summed, and what only training needs. */
const plain = object({
  class_name: v.picklist(['Concatenate', 'Add', 'Dropout']),
  name,
  inbound_nodes: inbound,
});

const layer = v.variant('class_name', [inputLayer, dense, plain]);

/** The part of TF.js's `model.json` (format "layers-model") that an artifact may use. */
export const layersModelSchema = object({
  format: v.literal('layers-model'),
  modelTopology: object({
    class_name: v.picklist(['Functional', 'Model']),
    config: object({
      layers: v.pipe(v.array(layer), v.minLength(1), v.maxLength(1000)),
      input_layers: v.pipe(v.array(reference), v.length(1)),
      output_layers: v.pipe(v.array(reference), v.minLength(1)),
    }),
  }),
  weightsManifest: v.array(
    object({
      weights: v.array(
        object({ name, dtype: v.literal('float32'), shape: v.pipe(v.array(size), v.maxLength(2)) }),
      ),
    }),
  ),
});

type LayersModelJson = v.InferOutput<typeof layersModelSchema>;
export type LayerJson = v.InferOutput<typeof layer>;
