/**
 * The p-quantile, linear between order statistics (Hyndman and Fan 1996, type 7; numpy's default). NaN is
 * skipped. Empty: NaN. @param p clamped to [0, 1]
 */
export function quantile(values: ArrayLike<number>, p: number): number {
  return quantileSorted(
    Float64Array.from(values)
      .filter((value) => !Number.isNaN(value))
      .sort(),
    p,
  );
}

/** The same of values that are sorted ascending and hold no NaN. */
export function quantileSorted(sorted: ArrayLike<number>, p: number): number {
  if (sorted.length === 0) return Number.NaN;
  const position = Math.min(1, Math.max(0, p)) * (sorted.length - 1);
  const below = Math.floor(position);
  const fraction = position - below;
  const low = sorted[below];
  return fraction === 0 ? low : low + fraction * (sorted[below + 1] - low);
}

/**
 * Whether no entry is NaN or infinite. Empty: true. Three searches in the engine's own code are ready at once; a loop
 * here would run interpreted, as tables are checked once a load.
 */
export function allFinite(values: Float32Array | Float64Array): boolean {
  return !values.includes(Number.NaN) && !values.includes(Infinity) && !values.includes(-Infinity);
}

/** Index of the smallest value, the first of equals. NaN is skipped. Empty, or all NaN: -1. */
export function argMin(values: ArrayLike<number>): number {
  let best = -1;
  let lowest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value < lowest || (best < 0 && !Number.isNaN(value))) {
      best = i;
      lowest = value;
    }
  }
  return best;
}

/** Sum of a[i] * b[i] over the shorter length, in double precision. Empty: 0. NaN spreads. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const length = Math.min(a.length, b.length);
  let sum = 0;
  for (let i = 0; i < length; i++) sum += a[i] * b[i];
  return sum;
}

/** Dot product with one of many rows of small whole numbers, the one that begins at `start`; two sums let the additions overlap. */
export function dotInt8(query: Float64Array, vectors: Int8Array, start: number): number {
  let even = 0;
  let odd = 0;
  let d = 0;
  for (; d + 1 < query.length; d += 2) {
    even += query[d] * vectors[start + d];
    odd += query[d + 1] * vectors[start + d + 1];
  }
  if (d < query.length) even += query[d] * vectors[start + d];
  return even + odd;
}

/**
 * The largest of any number of values. `Math.max(...values)` puts every value on the call stack, which overflows at
 * some 120,000 of them. Empty: -Infinity; NaN where any value is.
 */
export function largest(values: Iterable<number>): number {
  let found = Number.NEGATIVE_INFINITY;
  for (const value of values) found = Math.max(found, value);
  return found;
}

/** The smallest of any number of values. Empty: Infinity; NaN where any value is. */
export function smallest(values: Iterable<number>): number {
  let found = Number.POSITIVE_INFINITY;
  for (const value of values) found = Math.min(found, value);
  return found;
}

/** Mean of the values that are not NaN. None: NaN. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) continue;
    sum += values[i];
    count++;
  }
  return count === 0 ? Number.NaN : sum / count;
}

interface Moments {
  /** How many values were not NaN. */
  readonly count: number;
  /** NaN when count is 0. */
  readonly mean: number;
  /** Sample variance (divided by count - 1). NaN when count < 2. */
  readonly variance: number;
}

/** Mean and variance in one stable pass (Welford 1962), skipping NaN. */
export function moments(values: ArrayLike<number>): Moments {
  let count = 0;
  let mean = 0;
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (Number.isNaN(value)) continue;
    count++;
    const before = value - mean;
    mean += before / count;
    squares += before * (value - mean);
  }
  return {
    count,
    mean: count === 0 ? Number.NaN : mean,
    variance: count < 2 ? Number.NaN : squares / (count - 1),
  };
}

/**
 * Softmax of `logits / temperature` into `out` (may be the same array), which sums to 1. A logit of -Infinity is
 * a masked entry: probability 0. All masked: all 0. A NaN, or a +Infinity, makes every entry NaN.
 * @param temperature > 0. @default 1
 */
export function softmaxInto(
  logits: ArrayLike<number>,
  out: Float32Array | Float64Array,
  temperature = 1,
): void {
  let highest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) if (!(logits[i] <= highest)) highest = logits[i];
  if (highest === Number.NEGATIVE_INFINITY) {
    out.fill(0, 0, logits.length);
    return;
  }
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    const e = Math.exp((logits[i] - highest) / temperature);
    out[i] = e;
    sum += e;
  }
  const scale = 1 / sum;
  for (let i = 0; i < logits.length; i++) out[i] *= scale;
}

/** Index of the largest value, the first of equals. NaN is skipped. Empty, or all NaN: -1. */
export function argMax(values: ArrayLike<number>): number {
  let best = -1;
  let highest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value > highest || (best < 0 && !Number.isNaN(value))) {
      best = i;
      highest = value;
    }
  }
  return best;
}

/**
 * Log-loss in nats of logit `z` against a label in [0, 1] (fractions allowed): -y ln p - (1 - y) ln(1 - p).
 * An infinite logit costs 0 when it is right and Infinity when it is wrong. NaN gives NaN.
 */
export function binaryCrossEntropy(z: number, label: number): number {
  // 0 * Infinity would be NaN where the label is certain.
  const positive = label === 0 ? 0 : -label * logSigmoid(z);
  const negative = label === 1 ? 0 : -(1 - label) * logSigmoid(-z);
  return positive + negative;
}

/** ln(sigmoid(x)) without underflow: about x for very negative x. -Infinity gives -Infinity; NaN gives NaN. */
export function logSigmoid(x: number): number {
  return x >= 0 ? -Math.log1p(Math.exp(-x)) : x - Math.log1p(Math.exp(x));
}

/** ln(p / (1 - p)), the inverse of sigmoid. 0 and 1 give ∓Infinity; outside [0, 1], or NaN, NaN. */
export function logit(p: number): number {
  return Math.log(p) - Math.log1p(-p);
}

/** Nearer to 0 or 1 than this no expected quality is believed: a straight line knows no certainty. */
const MARGIN = 0.002;

/** A quality that is expected, held back from 0 and 1 by as much as heads hold it back. */
export function holdBack(quality: number): number {
  return Math.min(1 - MARGIN, Math.max(MARGIN, quality));
}

/** 1 / (1 + exp(-x)), accurate in both tails. ±Infinity give 1 and 0; NaN gives NaN. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + Math.exp(-x));
  const e = Math.exp(x);
  return e / (1 + e);
}

/** A seeded stream of random numbers; the same seed gives the same stream on every machine. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform whole number in [0, n); 0 when n < 1. */
  integer(n: number): number;
  /** Standard normal. */
  normal(): number;
  /** Shuffles `array` in place (Fisher–Yates) and returns it. */
  shuffle<T extends { length: number; [index: number]: unknown }>(array: T): T;
}

/**
 * Mulberry32 (Tommy Ettinger, public domain): 32 bits of state, period 2^32. Not for secrets.
 * @param seed any number; its lower 32 bits count.
 */
export function createRandom(seed: number): Random {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const integer = (n: number): number => (n < 1 ? 0 : Math.floor(next() * n));
  return {
    next,
    integer,
    normal() {
      // Box–Muller; 1 - next() is never 0, so the logarithm is finite.
      return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
    },
    shuffle(array) {
      for (let i = array.length - 1; i > 0; i--) {
        const j = integer(i + 1);
        const kept = array[i];
        array[i] = array[j];
        array[j] = kept;
      }
      return array;
    },
  };
}

/**
 * P(Z < z) of a normal variable, |error| < 7.5e-8: Abramowitz and Stegun 26.2.17.
 *
 * @param kernel exp(-z²/2), where it is known already
 */
export function normalBelow(z: number, kernel = Math.exp(-0.5 * z * z)): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const poly =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = 0.3989422804014327 * kernel * poly;
  return z >= 0 ? 1 - tail : tail;
}

/** A number with three digits that count; with all, where three would put it on or over a bound that it is beside. */
export function printNumber(value: number, bound: number): string {
  const text = value.toPrecision(3);
  return (+text - bound) * (value - bound) > 0 ? text : `${value}`;
}

const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/**
 * Little-endian float32 numbers, copied out of a file's bytes.
 *
 * @param from first byte; any alignment.
 * @param length how many numbers. They must lie within `bytes`.
 */
export function readFloat32(bytes: Uint8Array, from: number, length: number): Float32Array {
  const copy = bytes.slice(from, from + 4 * length);
  if (LITTLE_ENDIAN) return new Float32Array(copy.buffer, copy.byteOffset, length);
  const view = new DataView(copy.buffer, copy.byteOffset);
  return Float32Array.from({ length }, (_, i) => view.getFloat32(4 * i, true));
}

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
