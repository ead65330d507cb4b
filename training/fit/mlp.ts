import { createRandom, type Random } from 'pointsman/internal';
import { baseRates, checkFitData, type FitData, type Loss, targetWeights, weightedMeanLoss } from './loss.ts';
import { type DenseChain, type DenseLayer, type Matrix, type OnProgress, takeRows } from './rows.ts';
import { type TensorFlow, useBackend } from './tensorflow.ts';

/** One output of the network, over the features that all tasks share. */
interface MlpTask extends Omit<FitData, 'features'> {
  readonly loss: Loss;
  /** Importance beside the other tasks. @default 1 */
  readonly importance?: number;
}

interface MlpOptions {
  readonly seed: number;
  /** Units of each hidden layer, shared by all tasks. @default [64] */
  readonly hidden?: readonly number[];
  /** @default 'relu' */
  readonly activation?: 'relu' | 'tanh';
  /** Share of hidden units silenced at each step. @default 0.2 */
  readonly dropout?: number;
  /** Decay of the kernels by this share of the learning rate at each step (AdamW). @default 1e-2 */
  readonly weightDecay?: number;
  /** @default 2e-3, falling to 0 along a cosine over `epochs` */
  readonly learningRate?: number;
  /** @default 128 */
  readonly batchRows?: number;
  /** Most passes over the rows. @default 60 */
  readonly epochs?: number;
  /** Passes without a better held-out loss before it ends. @default 8 */
  readonly patience?: number;
  /**
   * Rows held out of the fit to stop early by; choose them by group where prompts repeat.
   * @default a seeded 15 % of the rows
   */
  readonly heldOut?: Int32Array;
  readonly onProgress?: OnProgress;
}

/** A fitted network: a chain per task; their hidden layers are the same objects, so the export shares them. */
interface MlpFit {
  readonly chains: readonly DenseChain[];
  /** Mean loss on the held-out rows, by importance, at the epoch that was kept. */
  readonly heldOutLoss: number;
  /** The epoch that was kept; 0 is "no better than the base rates". */
  readonly epoch: number;
}

/**
 * Fits hidden layers and one linear output per task with `tf.train.adam`, gradients by TF.js, dropout and decoupled weight
 * decay (AdamW: Loshchilov and Hutter 2019), and keeps the epoch that was best on rows it did not learn from. Seeded
 * throughout: the same rows and seed give the same bytes.
 * @throws InvalidInputError
 */
export async function fitMlp(
  features: Matrix,
  tasks: readonly MlpTask[],
  options: MlpOptions,
): Promise<MlpFit> {
  for (const task of tasks) checkFitData({ ...task, features }, task.loss);
  const { tf } = await useBackend();
  const {
    hidden = [64],
    activation = 'relu',
    dropout = 0.2,
    weightDecay = 1e-2,
    learningRate = 2e-3,
  } = options;
  const { batchRows = 128, epochs = 60, patience = 8, seed, onProgress } = options;
  const { fit, held } = divide(features.rows, options.heldOut, seed);
  const random = createRandom(seed + 1);
  const biases = tasks.map((task) => baseRates(task, task.loss).logits);
  const network = createMlpNetwork(tf, features.columns, hidden, activation, biases, seed);
  const variables = variablesOf(network);
  const adam = tf.train.adam(learningRate, 0.9, 0.999, 1e-8);
  const weighted = tasks.map((task) => ({ ...task, cells: normalisedWeights(task) }));
  const values = () => variables.map((variable) => variable.dataSync().slice() as Float32Array);
  try {
    let best = { loss: heldOutLoss(tf, network, features, tasks, held), epoch: 0, values: values() };
    const started = performance.now();
    for (let epoch = 1; epoch <= epochs && epoch - best.epoch <= patience; epoch++) {
      random.shuffle(fit);
      const rate = learningRate * 0.5 * (1 + Math.cos((Math.PI * (epoch - 1)) / epochs));
      Object.assign(adam, { learningRate: rate });
      for (let start = 0; start < fit.length; start += batchRows)
        tf.tidy(() => {
          const rows = fit.subarray(start, start + batchRows);
          const batch = takeRows(features, rows);
          const input = tf.tensor2d(batch.values, [batch.rows, batch.columns]);
          const masks = drawDropout(tf, network, batch.rows, dropout, random);
          const targets = weighted.map((task) => batchTask(task, rows));
          const { grads } = tf.variableGrads(
            () => batchLoss(tf, targets, forward(tf, network, input, masks)),
            variables,
          );
          for (const { kernel } of [...network.hidden, ...network.outputs])
            kernel.assign(tf.mul(kernel, 1 - rate * weightDecay));
          adam.applyGradients(Object.entries(grads).map(([name, tensor]) => ({ name, tensor })));
        });
      const loss = heldOutLoss(tf, network, features, tasks, held);
      if (loss < best.loss) best = { loss, epoch, values: values() };
      const perEpoch = (performance.now() - started) / 1000 / epoch;
      const left = Math.min(epochs - epoch, best.epoch + patience - epoch + 1);
      onProgress?.({ step: epoch, steps: epochs, loss, secondsLeft: perEpoch * left });
    }
    return { chains: chainsOf(network, best.values), heldOutLoss: best.loss, epoch: best.epoch };
  } finally {
    tf.dispose(variables);
    adam.dispose();
  }
}

function divide(
  rows: number,
  heldOut: Int32Array | undefined,
  seed: number,
): { fit: Int32Array; held: Int32Array } {
  const order = createRandom(seed + 2).shuffle(Int32Array.from({ length: rows }, (_, i) => i));
  const held =
    heldOut ??
    order
      .subarray(0, Math.ceil(0.15 * rows))
      .slice()
      .sort();
  const isHeld = new Set(held);
  return { fit: order.filter((row) => !isHeld.has(row)).sort(), held };
}

/** Weights of the task's targets, so that a row counts 1 on average whatever the scale of the weights. */
function normalisedWeights(task: MlpTask): Float32Array {
  const weights = targetWeights(task, task.loss);
  let sum = 0;
  let count = 0;
  for (const weight of weights) {
    sum += weight;
    if (weight > 0) count++;
  }
  const scale = sum > 0 ? (count / sum) * (task.importance ?? 1) : 0;
  return weights.map((weight) => weight * scale);
}

function batchTask(task: MlpTask & { readonly cells: Float32Array }, rows: Int32Array): BatchTask {
  return {
    loss: task.loss,
    targets: takeRows(task.targets, rows),
    weights: takeRows({ ...task.targets, values: task.cells }, rows).values,
  };
}

function heldOutLoss(
  tf: TensorFlow,
  network: MlpNetwork,
  features: Matrix,
  tasks: readonly MlpTask[],
  held: Int32Array,
): number {
  if (held.length === 0) return 0;
  const picked = takeRows(features, held);
  const logits = tf.tidy(() =>
    forward(tf, network, tf.tensor2d(picked.values, [picked.rows, picked.columns])),
  );
  let total = 0;
  tasks.forEach((task, t) => {
    const cells = { ...task.targets, values: targetWeights(task, task.loss) };
    const weights = takeRows(cells, held).values;
    const values = logits[t].dataSync() as Float32Array;
    const loss = weightedMeanLoss(task.loss, values, takeRows(task.targets, held), weights);
    if (Number.isFinite(loss)) total += (task.importance ?? 1) * loss;
  });
  tf.dispose(logits);
  return total;
}

type Tensor = ReturnType<TensorFlow['tensor']>;
type Scalar = ReturnType<TensorFlow['scalar']>;
type Tensor2D = ReturnType<TensorFlow['tensor2d']>;
type Variable = ReturnType<TensorFlow['variable']>;

/** One Dense layer as TF.js variables, which change while it learns. */
interface MlpLayer {
  readonly kernel: Variable; // [inputs, outputs]
  readonly bias: Variable; // [outputs]
  readonly activation: DenseLayer['activation'];
}

/** Hidden layers that all tasks share, and one linear layer per task. */
interface MlpNetwork {
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
function chainsOf({ hidden, outputs }: MlpNetwork, values: readonly Float32Array[]): DenseChain[] {
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

/** Some rows of a task. */
interface BatchTask {
  readonly loss: Loss;
  readonly targets: Matrix; // [rows, outputs], NaN: unobserved
  readonly weights: Float32Array; // [rows, outputs], 0: unobserved
}

/** Far below any logit, and still a number that can be multiplied by 0. */
const NEVER = -1e9;

/**
 * Sum of the tasks' losses by row: TF.js's own losses, weighed, so that TF.js finds their slopes.
 *
 * @param logits `[rows, outputs]` of each task
 */
export function batchLoss(tf: TensorFlow, tasks: readonly BatchTask[], logits: readonly Tensor[]): Scalar {
  const rows = tasks[0].targets.rows;
  const losses = tasks.map((task, t) => taskLoss(tf, task, logits[t]));
  return tf.div(
    losses.reduce((sum, loss) => tf.add(sum, loss)),
    rows,
  );
}

function taskLoss(tf: TensorFlow, { loss, targets, weights }: BatchTask, logits: Tensor): Tensor {
  const shape: [number, number] = [targets.rows, targets.columns];
  const labels = tf.tensor2d(
    targets.values.map((target) => (Number.isNaN(target) ? 0 : target)),
    shape,
  );
  const cells = tf.tensor2d(weights, shape);
  const { SUM } = tf.Reduction;
  switch (loss) {
    case 'softmax': {
      // All that is observed in a row weighs the same; what is not has no share of it.
      const hidden = tf.tensor2d(
        weights.map((weight) => (weight === 0 ? NEVER : 0)),
        shape,
      );
      return tf.losses.softmaxCrossEntropy(labels, tf.add(logits, hidden), tf.max(cells, 1), 0, SUM);
    }
    case 'sigmoid':
      return tf.losses.sigmoidCrossEntropy(labels, logits, cells, 0, SUM);
    case 'squared':
      return tf.mul(tf.losses.meanSquaredError(labels, logits, cells, SUM), 0.5);
  }
}
