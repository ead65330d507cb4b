import { InvalidInputError } from 'pointsman';
import { type Activation, activate, Dense, type Head, type HeadSpec } from 'pointsman/head';
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

/** A weighted sum of a head's outputs, in terms of what the head is made of. */
interface WeighedOutputs {
  /** Weights of the outputs of each chain, by its name. */
  readonly layers: Map<string, Float64Array>;
  /** The same of tables of neighbours, by their file. */
  readonly tables: Map<string, { readonly spec: KnnSpec; readonly weights: Float64Array }>;
  constant: number;
}

type KnnSpec = Extract<HeadSpec, { kind: 'knn' }>;

/**
 * Σ weight · output of a head, taken down to its layers and tables: every kind but `logit` is linear in what is inside.
 *
 * @param weights `[outputs]`
 * @throws InvalidInputError for a `logit` inside another head
 */
export function weighOutputs(spec: HeadSpec, weights: Float64Array): WeighedOutputs {
  const sum: WeighedOutputs = { layers: new Map(), tables: new Map(), constant: 0 };
  add(spec, weights, sum);
  return sum;
}

function add(spec: HeadSpec, weights: Float64Array, sum: WeighedOutputs): void {
  switch (spec.kind) {
    case 'layers': {
      const known = sum.layers.get(spec.output);
      sum.layers.set(spec.output, plus(known, weights));
      return;
    }
    case 'knn': {
      const known = sum.tables.get(spec.file);
      sum.tables.set(spec.file, { spec, weights: plus(known?.weights, weights) });
      return;
    }
    case 'stack':
      for (const { weight, head } of spec.members)
        add(
          head,
          weights.map((w) => weight * w),
          sum,
        );
      return;
    case 'spread': {
      // level · mean + deviation · (output - mean), the mean being over the outputs.
      const { level, deviation } = spec;
      const total = weights.reduce((all, w) => all + w, 0);
      const share = ((level - deviation) * total) / weights.length;
      add(
        spec.head,
        weights.map((w) => deviation * w + share),
        sum,
      );
      return;
    }
    case 'shrunk': {
      const { prior, strength } = spec;
      sum.constant += weights.reduce((all, w, c) => all + (1 - strength) * w * prior[c], 0);
      add(
        spec.head,
        weights.map((w) => strength * w),
        sum,
      );
      return;
    }
    case 'logit':
      throw new InvalidInputError(
        'A candidate cannot be added to a "logit" head inside another one. Train the router again with its traffic.',
      );
  }
}

function plus(known: Float64Array | undefined, weights: Float64Array): Float64Array {
  return known === undefined ? weights : known.map((w, c) => w + weights[c]);
}
