import { softmaxInto } from '../math.ts';

/**
 * out = x W + b. Weights are kept as doubles and by output, so that the loop is a dot product that reads memory
 * in order and converts nothing. Four outputs at a time share each load of x, and two sums an output let the
 * additions overlap.
 */
export class Dense implements Layer {
  readonly inputs: number;
  readonly outputs: number;
  readonly #weights: Float64Array; // [outputs, inputs]
  readonly #bias: Float64Array; // [outputs]

  /**
   * @param kernel `[inputs, outputs]` row-major, as TF.js keeps it
   * @param bias `[outputs]`
   */
  constructor(kernel: ArrayLike<number>, bias: ArrayLike<number>) {
    this.outputs = bias.length;
    this.inputs = kernel.length / bias.length;
    this.#bias = Float64Array.from(bias);
    this.#weights = new Float64Array(kernel.length);
    for (let i = 0; i < this.inputs; i++) {
      for (let j = 0; j < this.outputs; j++)
        this.#weights[j * this.inputs + i] = kernel[i * this.outputs + j];
    }
  }

  apply(x: Float64Array, out: Float64Array): void {
    const weights = this.#weights;
    const n = this.inputs;
    let j = 0;
    for (; j + 3 < this.outputs; j += 4) {
      const a = j * n;
      const b = a + n;
      const c = b + n;
      const d = c + n;
      let sumA = 0;
      let sumB = 0;
      let sumC = 0;
      let sumD = 0;
      let oddA = 0;
      let oddB = 0;
      let oddC = 0;
      let oddD = 0;
      let i = 0;
      for (; i + 1 < n; i += 2) {
        const even = x[i];
        const odd = x[i + 1];
        sumA += even * weights[a + i];
        sumB += even * weights[b + i];
        sumC += even * weights[c + i];
        sumD += even * weights[d + i];
        oddA += odd * weights[a + i + 1];
        oddB += odd * weights[b + i + 1];
        oddC += odd * weights[c + i + 1];
        oddD += odd * weights[d + i + 1];
      }
      if (i < n) {
        sumA += x[i] * weights[a + i];
        sumB += x[i] * weights[b + i];
        sumC += x[i] * weights[c + i];
        sumD += x[i] * weights[d + i];
      }
      out[j] = sumA + oddA + this.#bias[j];
      out[j + 1] = sumB + oddB + this.#bias[j + 1];
      out[j + 2] = sumC + oddC + this.#bias[j + 2];
      out[j + 3] = sumD + oddD + this.#bias[j + 3];
    }
    for (; j < this.outputs; j++) {
      let even = 0;
      let odd = 0;
      const start = j * n;
      let i = 0;
      for (; i + 1 < n; i += 2) {
        even += x[i] * weights[start + i];
        odd += x[i + 1] * weights[start + i + 1];
      }
      if (i < n) even += x[i] * weights[start + i];
      out[j] = even + odd + this.#bias[j];
    }
  }
}

/** x W + b, however it is worked out. */
export interface Layer {
  /** Reads x `[inputs]`, writes out `[outputs]`. */
  apply(x: Float64Array, out: Float64Array): void;
}

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
