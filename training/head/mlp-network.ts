import { createRandom, type Random } from 'pointsman/math';
import type { TensorFlow } from '../fit/backend.ts';
import type { DenseChain, DenseLayer } from './dense-chain.ts';

type Tensor2D = ReturnType<TensorFlow['tensor2d']>;
type Tensor = ReturnType<TensorFlow['tensor']>;
type Variable = ReturnType<TensorFlow['variable']>;

/** One Dense layer as TF.js variables, which change while it learns. */
interface MlpLayer {
  readonly kernel: Variable; // [inputs, outputs]
  readonly bias: Variable; // [outputs]
  readonly activation: DenseLayer['activation'];
}

/** Hidden layers that all tasks share, and one linear layer per task. */
export interface MlpNetwork {
  readonly hidden: readonly MlpLayer[];
  readonly outputs: readonly MlpLayer[];
}

/** He's initialisation for relu, Glorot's for tanh; output layers begin at 0, at the base rates. */
export function createMlpNetwork(
  tf: TensorFlow,
  inputs: number,
  hidden: readonly number[],
  activation: 'relu' | 'tanh',
  biases: readonly Float64Array[],
  seed: number,
): MlpNetwork {
  const random = createRandom(seed);
  const layer = (
    kernel: Float32Array,
    bias: Float32Array,
    ownActivation: DenseLayer['activation'],
  ): MlpLayer =>
    tf.tidy(() => ({
      kernel: tf.variable(tf.tensor2d(kernel, [kernel.length / bias.length, bias.length])),
      bias: tf.variable(tf.tensor1d(bias)),
      activation: ownActivation,
    }));
  const layers: MlpLayer[] = [];
  let from = inputs;
  for (const units of hidden) {
    const deviation = Math.sqrt(activation === 'relu' ? 2 / from : 2 / (from + units));
    const kernel = Float32Array.from({ length: from * units }, () => deviation * random.normal());
    layers.push(layer(kernel, new Float32Array(units), activation));
    from = units;
  }
  const outputs = biases.map((bias) =>
    layer(new Float32Array(from * bias.length), Float32Array.from(bias), 'linear'),
  );
  return { hidden: layers, outputs };
}

/** Kernel and bias of each hidden layer, then of each output. */
export function variablesOf(network: MlpNetwork): Variable[] {
  return [...network.hidden, ...network.outputs].flatMap(({ kernel, bias }) => [kernel, bias]);
}

/** A chain per task, whose hidden layers are the same objects. */
export function chainsOf({ hidden, outputs }: MlpNetwork, values: readonly Float32Array[]): DenseChain[] {
  const layers = [...hidden, ...outputs].map(({ kernel, activation }, i): DenseLayer => {
    const [inputs, units] = kernel.shape;
    return { inputs, outputs: units, kernel: values[2 * i], bias: values[2 * i + 1], activation };
  });
  return outputs.map((_, task) => [...layers.slice(0, hidden.length), layers[hidden.length + task]]);
}

/**
 * What to multiply the hidden values by at one step of learning: 0 where a unit is silenced, so much more where it is not.
 *
 * @returns a tensor a hidden layer, `[rows, units]`
 */
export function drawDropout(
  tf: TensorFlow,
  { hidden }: MlpNetwork,
  rows: number,
  dropout: number,
  random: Random,
): Tensor2D[] {
  if (dropout === 0) return [];
  const keep = 1 / (1 - dropout);
  return hidden.map(({ bias }) => {
    const units = bias.shape[0] as number;
    const scales = Float32Array.from({ length: rows * units }, () => (random.next() < dropout ? 0 : keep));
    return tf.tensor2d(scales, [rows, units]);
  });
}

/**
 * Logits of each task, `[rows, outputs]`.
 *
 * @param dropout from `drawDropout`; none to predict
 */
export function forward(
  tf: TensorFlow,
  { hidden, outputs }: MlpNetwork,
  rows: Tensor2D,
  dropout: readonly Tensor2D[] = [],
): Tensor[] {
  let value: Tensor = rows;
  hidden.forEach(({ kernel, bias, activation }, k) => {
    const sum = tf.add(k === 0 ? timesKernel(tf, value, kernel) : times(tf, value, kernel), bias);
    const bent = activation === 'relu' ? tf.relu(sum) : tf.tanh(sum);
    value = k < dropout.length ? tf.mul(bent, dropout[k]) : bent;
  });
  const last = value;
  return outputs.map(({ kernel, bias }) =>
    tf.add(hidden.length === 0 ? timesKernel(tf, last, kernel) : times(tf, last, kernel), bias),
  );
}

/**
 * x W. The gradient that TF.js has for it multiplies by transposed arguments, which its WASM kernel is five times slower on
 * than on transposed copies.
 */
function times(tf: TensorFlow, x: Tensor, kernel: Tensor): Tensor {
  const product = tf.customGrad((a, b, save) => {
    const [left, right] = [a as Tensor, b as Tensor];
    (save as (tensors: Tensor[]) => void)([left, right]);
    return {
      value: tf.matMul(left, right),
      gradFunc: (slope: Tensor, [left, right]: Tensor[]) => [
        tf.matMul(slope, tf.transpose(right)),
        tf.matMul(tf.transpose(left), slope),
      ],
    };
  });
  return product(x, kernel);
}

/** The same of rows that are given: they need no slope. */
function timesKernel(tf: TensorFlow, rows: Tensor, kernel: Tensor): Tensor {
  const product = tf.customGrad((a) => ({
    value: tf.matMul(rows, a as Tensor),
    gradFunc: (slope: Tensor) => tf.matMul(tf.transpose(rows), slope),
  }));
  return product(kernel);
}
