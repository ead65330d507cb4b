import { createRandom } from 'pointsman/math';
import { type TensorFlow, useBackend } from '../backend/use-backend.ts';
import { createAdam } from './adam.ts';
import { baseRates } from './base-rates.ts';
import type { DenseChain } from './dense-chain.ts';
import { checkFitData, targetWeights } from './fit-data.ts';
import { type Matrix, takeRows } from './matrix.ts';
import { weightedMeanLoss } from './mean-loss.ts';
import {
  backward,
  createMlpNetwork,
  disposePass,
  forward,
  type MlpNetwork,
  parametersOf,
} from './mlp-network.ts';
import type { MlpOptions, MlpTask } from './mlp-options.ts';
import { residualsInto } from './residuals.ts';

/** A fitted network: a chain per task; their hidden layers are the same objects, so the export shares them. */
export interface MlpFit {
  readonly chains: readonly DenseChain[];
  /** Mean loss on the held-out rows, by importance, at the epoch that was kept. */
  readonly heldOutLoss: number;
  /** The epoch that was kept; 0 is "no better than the base rates". */
  readonly epoch: number;
}

/**
 * Fits hidden layers and one linear output per task with Adam and dropout, and keeps the epoch that was best on rows
 * it did not learn from. Seeded throughout: the same rows and seed give the same bytes.
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
  const network = createMlpNetwork(features.columns, hidden, activation, biases, seed);
  const parameters = parametersOf(network);
  const adam = createAdam(parameters);
  const weighted = tasks.map((task) => ({ ...task, cells: normalisedWeights(task) }));
  let best = { loss: heldOutLoss(tf, network, features, tasks, held), epoch: 0, copy: copyOf(parameters) };
  const started = performance.now();
  for (let epoch = 1; epoch <= epochs && epoch - best.epoch <= patience; epoch++) {
    random.shuffle(fit);
    const rate = learningRate * 0.5 * (1 + Math.cos((Math.PI * (epoch - 1)) / epochs));
    for (let start = 0; start < fit.length; start += batchRows) {
      const rows = fit.subarray(start, start + batchRows);
      const batch = takeRows(features, rows);
      const input = tf.tensor2d(batch.values, [batch.rows, batch.columns]);
      const pass = forward(tf, network, input, dropout, random);
      const slopes = weighted.map((task, t) => batchSlopes(task, rows, pass.logits[t]));
      const parameterSlopes = backward(tf, network, pass, slopes);
      disposePass(pass);
      input.dispose();
      decay(parameters, rate * weightDecay);
      adam.step(parameterSlopes, rate);
    }
    const loss = heldOutLoss(tf, network, features, tasks, held);
    if (loss < best.loss) best = { loss, epoch, copy: copyOf(parameters) };
    const perEpoch = (performance.now() - started) / 1000 / epoch;
    const left = Math.min(epochs - epoch, best.epoch + patience - epoch + 1);
    onProgress?.({ step: epoch, steps: epochs, loss, secondsLeft: perEpoch * left });
  }
  parameters.forEach((parameter, k) => {
    parameter.set(best.copy[k]);
  });
  return {
    chains: network.outputs.map((output) => [...network.hidden, output]),
    heldOutLoss: best.loss,
    epoch: best.epoch,
  };
}

function copyOf(parameters: readonly Float32Array[]): Float32Array[] {
  return parameters.map((parameter) => parameter.slice());
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

function batchSlopes(
  task: MlpTask & { readonly cells: Float32Array },
  rows: Int32Array,
  logits: Float32Array,
): Float32Array {
  const outputs = task.targets.columns;
  const slopes = new Float32Array(logits.length);
  const targets = takeRows(task.targets, rows).values;
  const weights = takeRows({ ...task.targets, values: task.cells }, rows).values;
  residualsInto(task.loss, { rows: rows.length, outputs, logits, targets, weights }, slopes);
  for (let i = 0; i < slopes.length; i++) slopes[i] /= rows.length;
  return slopes;
}

/** Only kernels decay: they are the even entries. */
function decay(parameters: readonly Float32Array[], share: number): void {
  for (let k = 0; k < parameters.length; k += 2) {
    const kernel = parameters[k];
    for (let i = 0; i < kernel.length; i++) kernel[i] *= 1 - share;
  }
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
  const input = tf.tensor2d(picked.values, [picked.rows, picked.columns]);
  const pass = forward(tf, network, input, 0);
  disposePass(pass);
  input.dispose();
  let total = 0;
  tasks.forEach((task, t) => {
    const cells = { ...task.targets, values: targetWeights(task, task.loss) };
    const weights = takeRows(cells, held).values;
    const loss = weightedMeanLoss(task.loss, pass.logits[t], takeRows(task.targets, held), weights);
    if (Number.isFinite(loss)) total += (task.importance ?? 1) * loss;
  });
  return total;
}
