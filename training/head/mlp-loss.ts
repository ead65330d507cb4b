import type { TensorFlow } from '../fit/backend.ts';
import type { Loss } from '../fit/loss.ts';
import type { Matrix } from './matrix.ts';

type Tensor = ReturnType<TensorFlow['tensor']>;
type Scalar = ReturnType<TensorFlow['scalar']>;

/** Some rows of a task. */
export interface BatchTask {
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
