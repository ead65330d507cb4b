import { type Matrix, takeRows } from './rows.ts';
import type { TensorFlow } from './tensorflow.ts';

/** Second moments of the features, from which the curvature of any linear fit follows. */
export interface Curvature {
  /** Factor of `weight * second moments + penalties`; null where there are too many features to factor. */
  factor(weight: number, penalties: Float64Array): Cholesky | null;
  /** Mean square of each feature. `[inputs]` */
  readonly diagonal: Float64Array;
}

/** More rows than this add nothing to a preconditioner that is worth their time. */
const mostRows = 8192;

/** Factoring takes inputs³ / 3 multiplications; beyond this the diagonal must do. */
const mostInputs = 1600;

/**
 * @param sample rows to look at, spread evenly over the matrix. @default at most 8192
 */
export function measureCurvature(tf: TensorFlow, features: Matrix, sample = mostRows): Curvature {
  const { columns } = features;
  const used = Math.min(features.rows, sample);
  const picked = takeRows(features, evenly(features.rows, used));
  const diagonal = new Float64Array(columns);
  for (let row = 0; row < used; row++) {
    for (let j = 0; j < columns; j++) diagonal[j] += picked.values[row * columns + j] ** 2 / used;
  }
  if (columns > mostInputs) return { diagonal, factor: () => null };
  const gram = tf.tidy(() => {
    const rows = tf.tensor2d(picked.values, [used, columns]);
    return tf.matMul(tf.transpose(rows), rows);
  });
  // Read outside of `tidy`, which would search every number of what it returns for tensors.
  const products = gram.dataSync();
  gram.dispose();
  // A sample knows the directions it spans too well: mix in its diagonal, the more the fewer rows it has.
  const mix = used === features.rows ? 1e-6 : Math.min(0.5, columns / (4 * used));
  const moments = new Float64Array(products.length);
  for (let i = 0; i < moments.length; i++) moments[i] = ((1 - mix) * products[i]) / used;
  for (let j = 0; j < columns; j++) moments[j * columns + j] += mix * diagonal[j] + 1e-9;
  return { diagonal, factor: factorOf(moments, columns) };
}

function factorOf(moments: Float64Array, columns: number): Curvature['factor'] {
  return (weight, penalties) => {
    const matrix = new Float64Array(moments.length);
    for (let i = 0; i < matrix.length; i++) matrix[i] = weight * moments[i];
    for (let j = 0; j < columns; j++) matrix[j * columns + j] += penalties[j];
    return cholesky(matrix, columns);
  };
}

/** `count` of the indices below `total`, ascending and evenly spread. */
function evenly(total: number, count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => Math.floor((i * total) / count));
}

/** A positive definite matrix, factored: A = L Lᵀ. */
interface Cholesky {
  readonly size: number;
  /** Solves A X = B in place, B being the first `size` rows of `[rows, columns]`. */
  solveInPlace(b: Float64Array, columns: number): void;
  /** Solves Lᵀ X = B in place, `[size, columns]`. */
  solveTransposedInPlace(b: Float64Array, columns: number): void;
  /** L, zeros above its diagonal: `[size, size]` */
  lower(): Float32Array<ArrayBuffer>;
}

/**
 * Factors the symmetric `[size, size]` matrix (row-major) in its place. A pivot that is not positive is raised to a
 * billionth of the largest on the diagonal, so that a matrix that is only nearly positive definite still gives a
 * usable, positive definite factor.
 */
export function cholesky(lower: Float64Array, size: number): Cholesky {
  let largest = 0;
  for (let i = 0; i < size; i++) largest = Math.max(largest, lower[i * size + i]);
  const floor = Math.max(largest * 1e-9, Number.MIN_VALUE);
  const work = kernelMemory(size * size);
  work.set(lower);
  for (let from = 0; from < size; from += ROWS_TOGETHER) {
    const to = Math.min(size, from + ROWS_TOGETHER);
    const whole = from > 0 && to - from === ROWS_TOGETHER;
    if (whole) kernel.f(8 * size, 8 * size * from, 8 * from);
    for (let i = from; i < to; i++)
      for (let j = whole ? from : 0; j <= i; j++) factorOne(work, size, i, j, floor);
  }
  lower.set(work.subarray(0, size * size));
  kernel.holds = lower;
  return {
    size,
    lower: () =>
      Float32Array.from({ length: size * size }, (_, at) =>
        at % size <= Math.floor(at / size) ? lower[at] : 0,
      ),
    solveTransposedInPlace(b, columns) {
      for (let i = size - 1; i >= 0; i--)
        for (let c = 0; c < columns; c++) {
          b[i * columns + c] /= lower[i * size + i];
          const value = b[i * columns + c];
          for (let k = 0; k < i; k++) b[k * columns + c] -= lower[i * size + k] * value;
        }
    },
    solveInPlace(b, columns) {
      for (let from = 0; from < columns; from += MOST_COLUMNS)
        solveColumns(lower, size, b, { columns, from, to: Math.min(columns, from + MOST_COLUMNS) });
    },
  };
}

/** Sums over even and odd positions are kept apart, as the kernel does. */
function factorOne(lower: Float64Array, size: number, i: number, j: number, floor: number): void {
  const [a, b] = [i * size, j * size];
  let even = 0;
  let odd = 0;
  let k = 0;
  for (; k + 1 < j; k += 2) {
    even += lower[a + k] * lower[b + k];
    odd += lower[a + k + 1] * lower[b + k + 1];
  }
  if (k < j) even += lower[a + k] * lower[b + k];
  const rest = lower[a + j] - even - odd;
  lower[a + j] = i === j ? Math.sqrt(Math.max(rest, floor)) : rest / lower[b + j];
}

/** Solves L Lᵀ X = B in place for columns `from` to `to` of B, eight at most. */
function solveColumns(
  lower: Float64Array,
  size: number,
  b: Float64Array,
  { columns, from, to }: { readonly columns: number; readonly from: number; readonly to: number },
): void {
  const count = to - from;
  const [width, solve] = count > 4 ? [8, kernel.s4] : count > 2 ? [4, kernel.s2] : [2, kernel.s1];
  const cells = size * size;
  const memory = kernelMemory(cells + width * size);
  if (kernel.holds !== lower) memory.set(lower);
  kernel.holds = lower;
  const x = memory.subarray(cells, cells + width * size);
  for (let i = 0; i < size; i++)
    for (let c = 0; c < width; c++) x[width * i + c] = c < count ? b[i * columns + from + c] : 0;
  solve(8 * size, 8 * cells);
  for (let i = 0; i < size; i++) for (let c = 0; c < count; c++) b[i * columns + from + c] = x[width * i + c];
}

/** Rows that the kernel factors at a time, and columns that it solves for. */
const ROWS_TOGETHER = 8;
const MOST_COLUMNS = 8;

/** WebAssembly in base64: `test/training/fit/cholesky-kernel.ts` writes it, instruction by instruction. */
const KERNEL =
  'AGFzbQEAAAABFgRgA39/fwBgAn9/AGACf38AYAJ/fwACCAEBbQFtAgABAwUEAAECAwcUBAFmAAACczEAAQJzMgACAnM0AAMK4hAE' +
  'qgcCDH8JeyABIQcgByAAaiEIIAggAGohCSAJIABqIQogCiAAaiELIAsgAGohDCAMIABqIQ0gDSAAaiEOA0D9DAAAAAAAAAAAAAAA' +
  'AAAAAAAhD/0MAAAAAAAAAAAAAAAAAAAAACEQ/QwAAAAAAAAAAAAAAAAAAAAAIRH9DAAAAAAAAAAAAAAAAAAAAAAhEv0MAAAAAAAA' +
  'AAAAAAAAAAAAACET/QwAAAAAAAAAAAAAAAAAAAAAIRT9DAAAAAAAAAAAAAAAAAAAAAAhFf0MAAAAAAAAAAAAAAAAAAAAACEWQQAh' +
  'BSAEQXBxIQYgBgRAA0AgAyAFav0AAwAhFyAPIAcgBWr9AAMAIBf98gH98AEhDyAQIAggBWr9AAMAIBf98gH98AEhECARIAkgBWr9' +
  'AAMAIBf98gH98AEhESASIAogBWr9AAMAIBf98gH98AEhEiATIAsgBWr9AAMAIBf98gH98AEhEyAUIAwgBWr9AAMAIBf98gH98AEh' +
  'FCAVIA0gBWr9AAMAIBf98gH98AEhFSAWIA4gBWr9AAMAIBf98gH98AEhFiAFQRBqIQUgBSAGSQ0ACwsgBEEIcQRAIAMgBWr9XQMA' +
  'IRcgDyAHIAVq/V0DACAX/fIB/fABIQ8gECAIIAVq/V0DACAX/fIB/fABIRAgESAJIAVq/V0DACAX/fIB/fABIREgEiAKIAVq/V0D' +
  'ACAX/fIB/fABIRIgEyALIAVq/V0DACAX/fIB/fABIRMgFCAMIAVq/V0DACAX/fIB/fABIRQgFSANIAVq/V0DACAX/fIB/fABIRUg' +
  'FiAOIAVq/V0DACAX/fIB/fABIRYLIAcgBGogByAEaisDACAP/SEAoSAP/SEBoSADIARqKwMAozkDACAIIARqIAggBGorAwAgEP0h' +
  'AKEgEP0hAaEgAyAEaisDAKM5AwAgCSAEaiAJIARqKwMAIBH9IQChIBH9IQGhIAMgBGorAwCjOQMAIAogBGogCiAEaisDACAS/SEA' +
  'oSAS/SEBoSADIARqKwMAozkDACALIARqIAsgBGorAwAgE/0hAKEgE/0hAaEgAyAEaisDAKM5AwAgDCAEaiAMIARqKwMAIBT9IQCh' +
  'IBT9IQGhIAMgBGorAwCjOQMAIA0gBGogDSAEaisDACAV/SEAoSAV/SEBoSADIARqKwMAozkDACAOIARqIA4gBGorAwAgFv0hAKEg' +
  'Fv0hAaEgAyAEaisDAKM5AwAgAyAAaiEDIARBCGohBCAEIAJJDQALC50CAgV/AnsgASEDA0AgA/0AAwAhB0EAIQUgASEGIAQEQANA' +
  'IAIgBWr9CgMAIQggByAIIAb9AAMA/fIB/fEBIQcgBkEQQQFsaiEGIAVBCGohBSAFIARJDQALCyACIARq/QoDACEIIAMgByAI/fMB' +
  'Igf9CwMAIAIgAGohAiADQRBBAWxqIQMgBEEIaiEEIAQgAEkNAAsDQCACIABrIQIgA0EQQQFsayEDIARBeGohBCAD/QADACEHIAIg' +
  'BGr9CgMAIQggAyAHIAj98wEiB/0LAwBBACEFIAEhBiAEBEADQCACIAVq/QoDACEIIAYgBv0AAwAgCCAH/fIB/fEB/QsDACAGQRBB' +
  'AWxqIQYgBUEIaiEFIAUgBEkNAAsLIAQNAAsL8wICBX8DeyABIQMDQCAD/QADACEHIAP9AAMQIQhBACEFIAEhBiAEBEADQCACIAVq' +
  '/QoDACEJIAcgCSAG/QADAP3yAf3xASEHIAggCSAG/QADEP3yAf3xASEIIAZBEEECbGohBiAFQQhqIQUgBSAESQ0ACwsgAiAEav0K' +
  'AwAhCSADIAcgCf3zASIH/QsDACADIAggCf3zASII/QsDECACIABqIQIgA0EQQQJsaiEDIARBCGohBCAEIABJDQALA0AgAiAAayEC' +
  'IANBEEECbGshAyAEQXhqIQQgA/0AAwAhByAD/QADECEIIAIgBGr9CgMAIQkgAyAHIAn98wEiB/0LAwAgAyAIIAn98wEiCP0LAxBB' +
  'ACEFIAEhBiAEBEADQCACIAVq/QoDACEJIAYgBv0AAwAgCSAH/fIB/fEB/QsDACAGIAb9AAMQIAkgCP3yAf3xAf0LAxAgBkEQQQJs' +
  'aiEGIAVBCGohBSAFIARJDQALCyAEDQALC58EAgV/BXsgASEDA0AgA/0AAwAhByAD/QADECEIIAP9AAMgIQkgA/0AAzAhCkEAIQUg' +
  'ASEGIAQEQANAIAIgBWr9CgMAIQsgByALIAb9AAMA/fIB/fEBIQcgCCALIAb9AAMQ/fIB/fEBIQggCSALIAb9AAMg/fIB/fEBIQkg' +
  'CiALIAb9AAMw/fIB/fEBIQogBkEQQQRsaiEGIAVBCGohBSAFIARJDQALCyACIARq/QoDACELIAMgByAL/fMBIgf9CwMAIAMgCCAL' +
  '/fMBIgj9CwMQIAMgCSAL/fMBIgn9CwMgIAMgCiAL/fMBIgr9CwMwIAIgAGohAiADQRBBBGxqIQMgBEEIaiEEIAQgAEkNAAsDQCAC' +
  'IABrIQIgA0EQQQRsayEDIARBeGohBCAD/QADACEHIAP9AAMQIQggA/0AAyAhCSAD/QADMCEKIAIgBGr9CgMAIQsgAyAHIAv98wEi' +
  'B/0LAwAgAyAIIAv98wEiCP0LAxAgAyAJIAv98wEiCf0LAyAgAyAKIAv98wEiCv0LAzBBACEFIAEhBiAEBEADQCACIAVq/QoDACEL' +
  'IAYgBv0AAwAgCyAH/fIB/fEB/QsDACAGIAb9AAMQIAsgCP3yAf3xAf0LAxAgBiAG/QADICALIAn98gH98QH9CwMgIAYgBv0AAzAg' +
  'CyAK/fIB/fEB/QsDMCAGQRBBBGxqIQYgBUEIaiEFIAUgBEkNAAsLIAQNAAsL';

/**
 * Factoring and solving, two numbers at a time. What is added to what, in which order, is the same as one by one, so the
 * bits are too. All its arguments are in bytes: of a row of the matrix, which begins at 0, and places.
 */
const kernel = loadKernel();

interface Kernel {
  readonly memory: WebAssembly.Memory;
  /** The factor that is in the memory. */
  holds: Float64Array | null;
  /** Factors columns 0 to `stop` of eight rows, the first at `first`. */
  readonly f: (row: number, first: number, stop: number) => void;
  /** Solve for two, four and eight columns, at `x`. */
  readonly s1: (row: number, x: number) => void;
  readonly s2: (row: number, x: number) => void;
  readonly s4: (row: number, x: number) => void;
}

function loadKernel(): Kernel {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const module = new WebAssembly.Module(Buffer.from(KERNEL, 'base64'));
  const { exports } = new WebAssembly.Instance(module, { m: { m: memory } });
  return { memory, holds: null, ...(exports as Pick<Kernel, 'f' | 's1' | 's2' | 's4'>) };
}

/** The kernel's memory, of so many numbers at least. */
function kernelMemory(numbers: number): Float64Array {
  const { memory } = kernel;
  const missing = 8 * numbers - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / 2 ** 16));
  return new Float64Array(memory.buffer);
}

/** A linear layer in double precision. */
export interface LinearFit {
  readonly kernel: Float64Array; // [inputs, outputs]
  readonly bias: Float64Array; // [outputs]
}

/**
 * All that ridge regression needs of its rows, as sums: those of two sets of rows, added, are those of both. They say too how far off any
 * linear layer is on the rows.
 */
export class RidgeSums {
  /** Rows, features, targets, products of features with one another and with targets, squares of targets. */
  readonly values: Float64Array;
  readonly #inputs: number;
  readonly #outputs: number;
  readonly #parts: Readonly<Record<'x' | 'y' | 'xx' | 'xy' | 'yy', Float64Array>>;

  /** @param values of rows that were added elsewhere. @default of none */
  constructor(inputs: number, outputs: number, values?: Float64Array) {
    [this.#inputs, this.#outputs] = [inputs, outputs];
    this.values = values ?? new Float64Array(RidgeSums.lengthOf(inputs, outputs));
    this.#parts = this.#cut();
  }

  static lengthOf(inputs: number, outputs: number): number {
    return 1 + inputs + outputs + inputs * inputs + inputs * outputs + outputs;
  }

  /** Those of several sets of rows, which lie one behind the other. */
  static cut(values: Float64Array, inputs: number, outputs: number): RidgeSums[] {
    const length = RidgeSums.lengthOf(inputs, outputs);
    return Array.from(
      { length: values.length / length },
      (_, i) => new RidgeSums(inputs, outputs, values.subarray(i * length, (i + 1) * length)),
    );
  }

  /** Those of all sets of rows. At least one. */
  static together(sets: readonly RidgeSums[]): RidgeSums {
    const [first, ...others] = sets;
    const sum = new RidgeSums(first.#inputs, first.#outputs, first.values.slice());
    for (const other of others) for (const [i, value] of other.values.entries()) sum.values[i] += value;
    return sum;
  }

  get inputs(): number {
    return this.#inputs;
  }

  get rows(): number {
    return this.values[0];
  }

  /** @param features `[rows, inputs]` @param targets `[rows, outputs]`, all known */
  add(features: Matrix, targets: Matrix): void {
    const { x, xx, xy, y, yy } = this.#parts;
    const [inputs, outputs] = [this.#inputs, this.#outputs];
    const rowOf = ({ columns, values }: Matrix, row: number) =>
      values.subarray(row * columns, (row + 1) * columns);
    this.values[0] += features.rows;
    for (let row = 0; row < features.rows; row++) {
      const [own, wanted] = [rowOf(features, row), rowOf(targets, row)];
      for (let c = 0; c < outputs; c++) {
        y[c] += wanted[c];
        yy[c] += wanted[c] * wanted[c];
      }
      for (let i = 0; i < inputs; i++) {
        x[i] += own[i];
        for (let c = 0; c < outputs; c++) xy[i * outputs + c] += own[i] * wanted[c];
      }
    }
    // Each sum is read and written once for four rows, of which those that are not there are zeros.
    const none = new Float32Array(inputs);
    for (let row = 0; row < features.rows; row += 4) {
      const [a, b, c, d] = [0, 1, 2, 3].map((more) =>
        row + more < features.rows ? rowOf(features, row + more) : none,
      );
      for (let i = 0; i < inputs; i++) {
        const [first, second, third, fourth] = [a[i], b[i], c[i], d[i]];
        const at = i * inputs;
        for (let j = 0; j <= i; j++)
          xx[at + j] += first * a[j] + second * b[j] + (third * c[j] + fourth * d[j]);
      }
    }
  }

  /** The layer of least (squared error + l2 × squared weights) / 2; the bias is not held back. At least one row. */
  fit(l2: number): LinearFit {
    const [inputs, outputs, rows] = [this.#inputs, this.#outputs, this.rows];
    const { x, xx, xy, y } = this.#parts;
    const left = new Float64Array(inputs * inputs);
    for (let i = 0; i < inputs; i++) {
      for (let j = 0; j <= i; j++) {
        const centred = xx[i * inputs + j] - (x[i] * x[j]) / rows;
        left[i * inputs + j] = centred;
        left[j * inputs + i] = centred;
      }
      left[i * inputs + i] += l2;
    }
    const kernel = xy.map((product, at) => product - (x[Math.floor(at / outputs)] * y[at % outputs]) / rows);
    cholesky(left, inputs).solveInPlace(kernel, outputs);
    const bias = y.map((sum, c) => {
      let shift = 0;
      for (let i = 0; i < inputs; i++) shift += x[i] * kernel[i * outputs + c];
      return (sum - shift) / rows;
    });
    return { kernel, bias };
  }

  /** Of the same rows, with what a layer leaves of their target. Of one output. */
  less({ bias: [shift], kernel }: LinearFit): RidgeSums {
    const inputs = this.#inputs;
    const { x, xx, xy, y, yy } = this.#parts;
    const rest = new RidgeSums(inputs, 1, this.values.slice());
    const own = rest.#parts;
    let said = 0;
    for (let i = 0; i < inputs; i++) {
      said += x[i] * kernel[i];
      let product = x[i] * shift;
      for (let j = 0; j < inputs; j++) product += xx[Math.max(i, j) * inputs + Math.min(i, j)] * kernel[j];
      own.xy[i] = xy[i] - product;
    }
    own.y[0] = y[0] - said - this.rows * shift;
    own.yy[0] = this.rows > 0 ? this.rows * this.error({ bias: Float64Array.of(shift), kernel }) : yy[0];
    return rest;
  }

  /** Means of the targets. `[outputs]` At least one row. */
  means(): Float64Array {
    return this.#parts.y.map((sum) => sum / this.rows);
  }

  /** Second moments of the features over all rows, of which there is one at least. */
  curvature(): Curvature {
    const [inputs, rows] = [this.#inputs, this.rows];
    const moments = new Float64Array(inputs * inputs);
    for (let i = 0; i < inputs; i++)
      for (let j = 0; j <= i; j++) {
        const moment = this.#parts.xx[i * inputs + j] / rows;
        moments[i * inputs + j] = moment;
        moments[j * inputs + i] = moment;
      }
    const diagonal = Float64Array.from({ length: inputs }, (_, i) => moments[i * inputs + i]);
    if (inputs > mostInputs) return { diagonal, factor: () => null };
    for (let i = 0; i < inputs; i++) moments[i * inputs + i] += 1e-9;
    return { diagonal, factor: factorOf(moments, inputs) };
  }

  /** Mean squared error of a layer on the rows, over all outputs. */
  error({ bias, kernel }: LinearFit): number {
    const [inputs, outputs, rows] = [this.#inputs, this.#outputs, this.rows];
    const { x, xx, xy, y, yy } = this.#parts;
    let sum = 0;
    for (let c = 0; c < outputs; c++) {
      sum += yy[c] - 2 * bias[c] * y[c] + rows * bias[c] ** 2;
      for (let i = 0; i < inputs; i++) {
        const weight = kernel[i * outputs + c];
        let product = xx[i * inputs + i] * weight;
        for (let j = 0; j < i; j++) product += 2 * xx[i * inputs + j] * kernel[j * outputs + c];
        sum += weight * (product - 2 * xy[i * outputs + c] + 2 * bias[c] * x[i]);
      }
    }
    return sum / rows / outputs;
  }

  #cut() {
    let at = 1;
    const next = (length: number) => {
      at += length;
      return this.values.subarray(at - length, at);
    };
    const [inputs, outputs] = [this.#inputs, this.#outputs];
    return {
      x: next(inputs),
      y: next(outputs),
      xx: next(inputs * inputs),
      xy: next(inputs * outputs),
      yy: next(outputs),
    };
  }
}
