/** The activations a Dense layer of an artifact may have, by their TF.js names. */
export type Activation = 'linear' | 'relu' | 'tanh' | 'sigmoid';

const functions: Record<Activation, ((x: number) => number) | null> = {
  linear: null,
  relu: (x) => Math.max(x, 0),
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
};

/** Applies the activation to every value, in place. */
export function activate(activation: Activation, values: Float64Array): void {
  const f = functions[activation];
  if (f === null) return;
  for (let i = 0; i < values.length; i++) values[i] = f(values[i]);
}
