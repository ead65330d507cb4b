import type { KnnTable } from 'pointsman/head';
import type { DenseLayer } from '../head/dense-chain.ts';

/**
 * A layer with one more output than `layer`, all 0 but the last, which is a weighted sum of the layer's outputs.
 *
 * @param weights `[outputs]`
 */
export function weightedOutput(layer: DenseLayer, weights: Float64Array): DenseLayer {
  const { inputs, outputs } = layer;
  const kernel = new Float32Array(inputs * (outputs + 1));
  for (let i = 0; i < inputs; i++) {
    let sum = 0;
    for (let c = 0; c < outputs; c++) sum += weights[c] * layer.kernel[i * outputs + c];
    kernel[i * (outputs + 1) + outputs] = sum;
  }
  const bias = new Float32Array(outputs + 1);
  bias[outputs] = weights.reduce((sum, weight, c) => sum + weight * layer.bias[c], 0);
  return { inputs, outputs: outputs + 1, kernel, bias, activation: 'linear' };
}

/** The same of a table of neighbours whose every cell was seen. */
export function weightedTable(table: KnnTable, weights: Float64Array): KnnTable {
  const { rows, outputs } = table;
  const combined = (values: Float32Array, count: number) => {
    const out = new Float32Array(count * (outputs + 1));
    for (let row = 0; row < count; row++) {
      let sum = 0;
      for (let c = 0; c < outputs; c++) sum += weights[c] * values[row * outputs + c];
      out[row * (outputs + 1) + outputs] = sum;
    }
    return out;
  };
  return {
    ...table,
    outputs: outputs + 1,
    outcomes: combined(table.outcomes, rows),
    prior: combined(table.prior, 1),
  };
}
