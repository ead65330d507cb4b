import type { Matrix } from '../head/matrix.ts';
import { totalWeight } from '../head/mean-loss.ts';
import { residualsInto } from '../head/residuals.ts';
import { createRowBlocks } from '../head/row-blocks.ts';
import type { TensorFlow } from './backend.ts';
import type { Loss } from './loss.ts';

/** Loss of a linear map over rows that wait on the backend. */
export interface LinearObjective {
  /** Sum of all weights; for `softmax`, of the rows' weights. */
  readonly totalWeight: number;
  /**
   * Sum of weight times loss at logits X W + b, and its slopes.
   * @param kernel `[inputs, outputs]`
   * @param kernelSlope receives `[inputs, outputs]`
   * @param biasSlope receives `[outputs]`
   */
  evaluate(
    kernel: Float64Array,
    bias: Float64Array,
    kernelSlope: Float64Array,
    biasSlope: Float64Array,
  ): number;
  dispose(): void;
}

interface WeightedRows {
  readonly features: Matrix; // [rows, inputs]
  readonly targets: Matrix; // [rows, outputs]
  /** 0: unobserved. Of `softmax`, all that is observed in a row weighs the same. */
  readonly weights: Matrix; // [rows, outputs]
}

export function createLinearObjective(tf: TensorFlow, data: WeightedRows, loss: Loss): LinearObjective {
  const { features, targets } = data;
  const [inputs, outputs] = [features.columns, targets.columns];
  const weights = data.weights.values;
  const blocks = createRowBlocks(tf, features);
  return {
    totalWeight: totalWeight(loss, weights, outputs),
    evaluate(kernel, bias, kernelSlope, biasSlope) {
      kernelSlope.fill(0);
      biasSlope.fill(0);
      let total = 0;
      const kernelTensor = tf.tensor2d(Float32Array.from(kernel), [inputs, outputs]);
      blocks.forEach((block, start) => {
        const rows = block.shape[0];
        const product = tf.matMul(block, kernelTensor); // [rows, outputs]
        const logits = product.dataSync() as Float32Array;
        product.dispose();
        for (let i = 0; i < logits.length; i++) logits[i] += bias[i % outputs];
        const slopes = new Float32Array(rows * outputs);
        const [from, to] = [start * outputs, (start + rows) * outputs];
        const [blockTargets, blockWeights] = [targets.values.subarray(from, to), weights.subarray(from, to)];
        total += residualsInto(
          loss,
          { rows, outputs, logits, targets: blockTargets, weights: blockWeights },
          slopes,
        );
        for (let c = 0; c < outputs; c++) {
          let sum = 0;
          for (let row = 0; row < rows; row++) sum += slopes[c * rows + row];
          biasSlope[c] += sum;
        }
        // Slopes by output times rows of features needs no transposed copy of the features.
        const slopeTensor = tf.tensor2d(slopes, [outputs, rows]);
        const gradient = tf.matMul(slopeTensor, block); // [outputs, inputs]
        const values = gradient.dataSync();
        slopeTensor.dispose();
        gradient.dispose();
        for (let c = 0; c < outputs; c++) {
          for (let j = 0; j < inputs; j++) kernelSlope[j * outputs + c] += values[c * inputs + j];
        }
      });
      kernelTensor.dispose();
      return total;
    },
    dispose: () => blocks.dispose(),
  };
}
