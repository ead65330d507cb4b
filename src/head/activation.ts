import { softmaxInto } from '../math/logistic.ts';

/** The activations a Dense layer of an artifact may have, by their TF.js names. */
export type Activation = 'linear' | 'relu' | 'tanh' | 'sigmoid' | 'softmax';

const scalar: Record<Exclude<Activation, 'linear' | 'softmax'>, (x: number) => number> = {
  relu: (x) => Math.max(x, 0),
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
};

/** Applies the activation to one row, in place. */
export function activate(activation: Activation, values: Float64Array): void {
  if (activation === 'linear') return;
  if (activation === 'softmax') {
    softmaxInto(values, values);
    return;
  }
  const f = scalar[activation];
  for (let i = 0; i < values.length; i++) values[i] = f(values[i]);
}
