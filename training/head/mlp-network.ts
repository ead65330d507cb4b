import { createRandom, type Random } from 'pointsman/math';
import type { TensorFlow } from '../backend/use-backend.ts';
import type { DenseLayer } from './dense-chain.ts';

type Tensor2D = ReturnType<TensorFlow['tensor2d']>;

/** Hidden layers and one linear layer per task; parameters change in place while it learns. */
export interface MlpNetwork {
  readonly hidden: readonly DenseLayer[];
  readonly outputs: readonly DenseLayer[];
}

/** He's initialisation for relu, Glorot's for tanh; output layers begin at 0, at the base rates. */
export function createMlpNetwork(
  inputs: number,
  hidden: readonly number[],
  activation: 'relu' | 'tanh',
  biases: readonly Float64Array[],
  seed: number,
): MlpNetwork {
  const random = createRandom(seed);
  const layers: DenseLayer[] = [];
  let from = inputs;
  for (const units of hidden) {
    const deviation = Math.sqrt(activation === 'relu' ? 2 / from : 2 / (from + units));
    const kernel = Float32Array.from({ length: from * units }, () => deviation * random.normal());
    layers.push({ inputs: from, outputs: units, kernel, bias: new Float32Array(units), activation });
    from = units;
  }
  const outputs = biases.map(
    (bias): DenseLayer => ({
      inputs: from,
      outputs: bias.length,
      kernel: new Float32Array(from * bias.length),
      bias: Float32Array.from(bias),
      activation: 'linear',
    }),
  );
  return { hidden: layers, outputs };
}

/** What a forward pass leaves behind for the backward pass. */
export interface MlpPass {
  /** Input, then each hidden layer's value after activation and dropout. */
  readonly values: readonly Tensor2D[];
  /** Slope of each hidden value by its pre-activation, dropout included. `[rows, units]` */
  readonly gates: readonly Float32Array[];
  /** `[rows, outputs]` of each task. */
  readonly logits: readonly Float32Array[];
}

/** @param dropout share of hidden units to silence; 0 and no `random` to predict */
export function forward(
  tf: TensorFlow,
  network: MlpNetwork,
  rows: Tensor2D,
  dropout: number,
  random?: Random,
): MlpPass {
  const values: Tensor2D[] = [rows];
  const gates: Float32Array[] = [];
  for (const layer of network.hidden) {
    const value = affine(tf, values[values.length - 1], layer);
    const gate = new Float32Array(value.length);
    const keep = 1 / (1 - dropout);
    for (let i = 0; i < value.length; i++) {
      const scale = random !== undefined && dropout > 0 ? (random.next() < dropout ? 0 : keep) : 1;
      if (layer.activation === 'relu') {
        gate[i] = value[i] > 0 ? scale : 0;
        value[i] *= gate[i];
      } else {
        const bent = Math.tanh(value[i]);
        gate[i] = scale * (1 - bent * bent);
        value[i] = scale * bent;
      }
    }
    gates.push(gate);
    values.push(tf.tensor2d(value, [rows.shape[0], layer.outputs]));
  }
  const logits = network.outputs.map((layer) => affine(tf, values[values.length - 1], layer));
  return { values, gates, logits };
}

/**
 * Slopes of all parameters, in the order of `parametersOf`.
 * @param slopes of each task's logits, by output: `[outputs, rows]`
 */
export function backward(
  tf: TensorFlow,
  network: MlpNetwork,
  pass: MlpPass,
  slopes: readonly Float32Array[],
): Float32Array[] {
  const rows = pass.values[0].shape[0];
  const last = pass.values[pass.values.length - 1];
  const outputSlopes: Float32Array[] = [];
  const depth = network.hidden.length;
  const above = new Float32Array(depth === 0 ? 0 : rows * network.hidden[depth - 1].outputs);
  network.outputs.forEach((layer, task) => {
    tf.tidy(() => {
      const slope = tf.tensor2d(slopes[task], [layer.outputs, rows]);
      outputSlopes.push(
        tf.transpose(tf.matMul(slope, last)).dataSync() as Float32Array,
        rowSums(slopes[task], rows),
      );
      if (depth === 0) return;
      // TF.js's WASM kernel is slow on transposed arguments and quick on transposed copies.
      const kernel = tf.tensor2d(layer.kernel, [layer.inputs, layer.outputs]);
      const back = tf.matMul(tf.transpose(slope), tf.transpose(kernel)).dataSync();
      for (let i = 0; i < above.length; i++) above[i] += back[i];
    });
  });
  const hiddenSlopes: Float32Array[] = [];
  let slope: Float32Array = above;
  for (let k = depth - 1; k >= 0; k--) {
    const layer = network.hidden[k];
    for (let i = 0; i < slope.length; i++) slope[i] *= pass.gates[k][i];
    let below = new Float32Array(0);
    tf.tidy(() => {
      const tensor = tf.tensor2d(slope, [rows, layer.outputs]);
      const turned = tf.transpose(tensor); // [units, rows]
      const kernelSlope = tf.transpose(tf.matMul(turned, pass.values[k])).dataSync() as Float32Array;
      hiddenSlopes.unshift(kernelSlope, rowSums(turned.dataSync() as Float32Array, rows));
      if (k === 0) return;
      const kernel = tf.tensor2d(layer.kernel, [layer.inputs, layer.outputs]);
      below = tf.matMul(tensor, tf.transpose(kernel)).dataSync() as Float32Array<ArrayBuffer>;
    });
    slope = below;
  }
  return [...hiddenSlopes, ...outputSlopes];
}

/** Kernel and bias of each hidden layer, then of each output. */
export function parametersOf(network: MlpNetwork): Float32Array[] {
  return [...network.hidden, ...network.outputs].flatMap((layer) => [layer.kernel, layer.bias]);
}

export function disposePass(pass: MlpPass): void {
  for (const value of pass.values.slice(1)) value.dispose();
}

function affine(tf: TensorFlow, rows: Tensor2D, layer: DenseLayer): Float32Array {
  // Numbers are read outside of `tidy`, which would search all it returns for tensors.
  const product = tf.tidy(() => tf.matMul(rows, tf.tensor2d(layer.kernel, [layer.inputs, layer.outputs])));
  const values = product.dataSync() as Float32Array;
  product.dispose();
  for (let i = 0; i < values.length; i++) values[i] += layer.bias[i % layer.outputs];
  return values;
}

function rowSums(values: Float32Array, rows: number): Float32Array {
  const sums = new Float32Array(values.length / rows);
  for (let r = 0; r < sums.length; r++) {
    let sum = 0;
    for (let i = r * rows; i < (r + 1) * rows; i++) sum += values[i];
    sums[r] = sum;
  }
  return sums;
}
