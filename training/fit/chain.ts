import { type Activation, activate, Dense, type Head } from 'pointsman/internal';
import { createMatrix, type Matrix } from './rows.ts';

/** One fitted Dense layer. */
export interface DenseLayer {
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: Float32Array; // [inputs, outputs]
  readonly bias: Float32Array; // [outputs]
  readonly activation: Activation;
}

/**
 * What every fitted head but kNN is: layers one after the other. Chains that begin with the very same layer
 * objects share them in the exported model.
 */
export type DenseChain = readonly DenseLayer[];

/** The head that the chain will be in an artifact, with the kernels that `pointsman` ships. */
export function chainHead(chain: DenseChain): Head {
  const layers = chain.map((layer) => ({
    dense: new Dense(layer.kernel, layer.bias),
    activation: layer.activation,
    value: new Float64Array(layer.outputs),
  }));
  const { inputs } = chain[0];
  const { outputs } = chain[chain.length - 1];
  const input = new Float64Array(inputs);
  return {
    inputs,
    outputs,
    predictInto(features, out) {
      input.set(features);
      let from = input;
      for (const { dense, activation, value } of layers) {
        dense.apply(from, value);
        activate(activation, value);
        from = value;
      }
      out.set(from);
    },
  };
}

/** A head's outputs for every row of features: `[rows, outputs]`. */
export function predictRows(head: Head, features: Matrix): Matrix {
  const predictions = createMatrix(features.rows, head.outputs);
  for (let row = 0; row < features.rows; row++) {
    head.predictInto(
      features.values.subarray(row * features.columns, (row + 1) * features.columns),
      predictions.values.subarray(row * head.outputs, (row + 1) * head.outputs),
    );
  }
  return predictions;
}
