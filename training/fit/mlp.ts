import { createRandom } from 'pointsman/math';
import { baseRates } from '../head/base-rates.ts';
import type { DenseChain } from '../head/dense-chain.ts';
import { type Matrix, takeRows } from '../head/matrix.ts';
import { weightedMeanLoss } from '../head/mean-loss.ts';
import { type BatchTask, batchLoss } from '../head/mlp-loss.ts';
import {
  chainsOf,
  createMlpNetwork,
  drawDropout,
  forward,
  type MlpNetwork,
  variablesOf,
} from '../head/mlp-network.ts';
import type { MlpOptions, MlpTask } from '../head/mlp-options.ts';
import { type TensorFlow, useBackend } from './backend.ts';
import { checkFitData, targetWeights } from './loss.ts';

/** A fitted network: a chain per task; their hidden layers are the same objects, so the export shares them. */
export interface MlpFit {
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
