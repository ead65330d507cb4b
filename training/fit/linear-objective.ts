import { dot } from 'pointsman/internal';
import { type FitData, type Loss, residualsInto, targetWeights, totalWeight } from './loss.ts';
import type { Matrix } from './rows.ts';
import type { TensorFlow } from './tensorflow.ts';

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

export function createLinearObjective(tf: TensorFlow, data: FitData, loss: Loss): LinearObjective {
  const { features, targets } = data;
  const [inputs, outputs] = [features.columns, targets.columns];
  const weights = targetWeights(data, loss);
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

type Tensor2D = ReturnType<TensorFlow['tensor2d']>;

/** Rows of features as tensors. */
interface RowBlocks {
  /** Calls `visit` with each block `[rows, columns]` and the index of its first row. */
  forEach(visit: (block: Tensor2D, start: number) => void): void;
  dispose(): void;
}

/** Small enough for its logits to stay in a core's cache, large enough for calls not to count. */
const rowsInBlock = 25_000;

/** WASM memory ends at 4 GB, and TF.js keeps a packed copy of what it multiplies by; beyond this, blocks come and go. */
const residentBytes = 1.2e9;

/** Puts the rows on the backend once; where they are too many, block by block at every visit. */
function createRowBlocks(tf: TensorFlow, matrix: Matrix): RowBlocks {
  const { rows, columns, values } = matrix;
  const resident = values.byteLength <= residentBytes;
  const starts = Array.from({ length: Math.ceil(rows / rowsInBlock) }, (_, i) => i * rowsInBlock);
  const make = (start: number): Tensor2D => {
    const end = Math.min(rows, start + rowsInBlock);
    return tf.tensor2d(values.subarray(start * columns, end * columns), [end - start, columns]);
  };
  const kept = resident ? starts.map(make) : [];
  return {
    forEach(visit) {
      starts.forEach((start, i) => {
        const block = resident ? kept[i] : make(start);
        visit(block, start);
        if (!resident) block.dispose();
      });
    },
    dispose() {
      for (const block of kept) block.dispose();
    },
  };
}

/** Length of the sums of `addSlopes`. */
export function slopesLength(inputs: number, outputs: number): number {
  return 2 + (inputs + 1) * outputs;
}

/** Rows whose slopes are there at a time. */
const SLOPE_ROWS = 4096;

/**
 * Adds the losses of rows at logits X W + b, their weights, and the slopes by kernel and bias to sums. All of it is in double precision
 * and in the order of the rows, without a backend: the same bits on every machine. Sums of two sets of rows, added, are those of both.
 *
 * @param sums `[slopesLength]`: loss, weight, slopes by kernel `[inputs, outputs]` and by bias `[outputs]`
 * @param point kernel and bias, as the slopes
 */
export function addSlopes(
  sums: Float64Array,
  { features, targets }: FitData,
  loss: Loss,
  point: Float64Array,
) {
  const [inputs, outputs] = [features.columns, targets.columns];
  const weights = targetWeights({ targets }, loss);
  sums[1] += totalWeight(loss, weights, outputs);
  const bias = point.subarray(inputs * outputs);
  const ofKernel = sums.subarray(2, 2 + inputs * outputs);
  const ofBias = sums.subarray(2 + inputs * outputs);
  const own = new Float64Array(4 * outputs);
  for (let start = 0; start < features.rows; start += SLOPE_ROWS) {
    const rows = Math.min(SLOPE_ROWS, features.rows - start);
    const x = features.values.subarray(start * inputs, (start + rows) * inputs);
    const logits = new Float32Array(rows * outputs);
    for (let row = 0; row < rows; row += 4) {
      // What is read of the kernel serves four rows; of the last ones some are taken again, and not written.
      const [a, b, c, d] = [0, 1, 2, 3].map((more) => inputs * Math.min(rows - 1, row + more));
      for (let i = 0; i < 4 * outputs; i++) own[i] = bias[i % outputs];
      for (let j = 0; j < inputs; j++) {
        const [first, second, third, fourth] = [x[a + j], x[b + j], x[c + j], x[d + j]];
        for (let o = 0; o < outputs; o++) {
          const weight = point[j * outputs + o];
          own[o] += first * weight;
          own[outputs + o] += second * weight;
          own[2 * outputs + o] += third * weight;
          own[3 * outputs + o] += fourth * weight;
        }
      }
      logits.set(own.subarray(0, outputs * Math.min(4, rows - row)), row * outputs);
    }
    const [from, to] = [start * outputs, (start + rows) * outputs];
    const slopes = new Float32Array(4 * Math.ceil(rows / 4) * outputs);
    sums[0] += residualsInto(
      loss,
      {
        rows,
        outputs,
        logits,
        targets: targets.values.subarray(from, to),
        weights: weights.subarray(from, to),
      },
      slopes,
    );
    for (let o = 0; o < outputs; o++)
      for (let row = 0; row < rows; row++) ofBias[o] += slopes[o * rows + row];
    for (let row = 0; row < rows; row += 4) {
      const [a, b, c, d] = [0, 1, 2, 3].map((more) => inputs * Math.min(rows - 1, row + more));
      for (let o = 0; o < outputs; o++)
        for (let more = 0; more < 4; more++)
          own[4 * o + more] = row + more < rows ? slopes[o * rows + row + more] : 0;
      for (let j = 0; j < inputs; j++) {
        const [first, second, third, fourth] = [x[a + j], x[b + j], x[c + j], x[d + j]];
        for (let o = 0; o < outputs; o++)
          ofKernel[j * outputs + o] +=
            first * own[4 * o] + second * own[4 * o + 1] + (third * own[4 * o + 2] + fourth * own[4 * o + 3]);
      }
    }
  }
}

interface DescentOptions {
  /** Applies a positive definite guess of the inverse curvature, in place. */
  readonly precondition: (vector: Float64Array) => void;
  readonly maxSteps: number;
  /** Points that are asked about, at most. @default as many as it takes */
  readonly maxEvaluations?: number;
  /** Ends when the value can fall by no more than this share of itself, as far as the curvature tells. */
  readonly tolerance: number;
  readonly onStep?: (step: number, value: number, gainLeft: number) => void;
}

interface MinimiseOptions extends DescentOptions {
  /** Value and slope (written into `slope`) at a point. */
  readonly evaluate: (point: Float64Array, slope: Float64Array) => number;
}

interface Minimum {
  readonly point: Float64Array;
  readonly value: number;
  readonly steps: number;
  readonly evaluations: number;
}

/** What is at a point. */
export interface Evaluated {
  readonly value: number;
  readonly slope: Float64Array;
}

/**
 * L-BFGS (Nocedal and Wright 2006, algorithm 7.4) with a preconditioner as the first guess of the curvature,
 * and backtracking to the Armijo condition. For smooth convex functions it finds the minimum.
 */
export function minimise(start: Float64Array, { evaluate, ...options }: MinimiseOptions): Minimum {
  const search = descend(start, options);
  for (let next = search.next(); ; ) {
    if (next.done === true) return next.value;
    const slope = new Float64Array(start.length);
    next = search.next({ value: evaluate(next.value, slope), slope });
  }
}

/**
 * Several searches of minima at a time, whose points are evaluated elsewhere: each pass is of one point of every search that has not ended.
 *
 * @param evaluate @param points null: the search has ended
 */
export async function minimiseTogether(
  searches: readonly { readonly start: Float64Array; readonly options: DescentOptions }[],
  evaluate: (points: readonly (Float64Array | null)[]) => Promise<readonly (Evaluated | null)[]>,
): Promise<Minimum[]> {
  const descents = searches.map(({ options, start }) => descend(start, options));
  let found = descents.map((descent) => descent.next());
  for (;;) {
    const points = found.map((each) => (each.done === true ? null : each.value));
    if (points.every((point) => point === null)) return found.map(({ value }) => value as Minimum);
    const evaluated = await evaluate(points);
    found = found.map((each, i) => (each.done === true ? each : descents[i].next(evaluated[i]!)));
  }
}

/** Gives each point that it must know of, and is told what is there. */
function* descend(
  start: Float64Array,
  { maxEvaluations = Number.POSITIVE_INFINITY, maxSteps, onStep, precondition, tolerance }: DescentOptions,
): Generator<Float64Array, Minimum, Evaluated> {
  const size = start.length;
  let point = start.slice();
  let { slope, value } = yield point;
  let evaluations = 1;
  const pairs: Pair[] = [];
  let step = 0;
  for (; step < maxSteps && evaluations < maxEvaluations; step++) {
    const direction = searchDirection(slope, pairs, precondition);
    const descent = dot(slope, direction);
    onStep?.(step, value, -descent / 2);
    // Newton decrement: how far a quadratic of this curvature would still fall.
    if (!(-descent / 2 > tolerance * Math.abs(value))) break;
    let length = 1;
    const next = new Float64Array(size);
    let found: Evaluated = { value: Number.NaN, slope };
    for (let tries = 0; tries < 30 && evaluations < maxEvaluations; tries++) {
      for (let i = 0; i < size; i++) next[i] = point[i] + length * direction[i];
      found = yield next;
      evaluations++;
      if (found.value <= value + 1e-4 * length * descent) break;
      // The minimum of the parabola through what is known, kept within bounds.
      const parabola = (-descent * length) / (2 * ((found.value - value) / length - descent));
      length = Number.isFinite(parabola)
        ? Math.min(0.5 * length, Math.max(0.1 * length, parabola))
        : length / 4;
    }
    if (!(found.value < value)) break;
    remember(pairs, point, next, slope, found.slope);
    [point, slope, value] = [next, found.slope, found.value];
  }
  return { point, value, steps: step, evaluations };
}

/** How many past steps the curvature is learned from. */
const memory = 12;

interface Pair {
  readonly moved: Float64Array;
  readonly bent: Float64Array;
  readonly curvature: number;
}

function remember(
  pairs: Pair[],
  point: Float64Array,
  next: Float64Array,
  slope: Float64Array,
  nextSlope: Float64Array,
): void {
  const moved = next.map((x, i) => x - point[i]);
  const bent = nextSlope.map((x, i) => x - slope[i]);
  const curvature = dot(moved, bent);
  if (!(curvature > 1e-12 * dot(bent, bent) ** 0.5 * dot(moved, moved) ** 0.5)) return;
  pairs.push({ moved, bent, curvature });
  if (pairs.length > memory) pairs.shift();
}

/** Minus the guess of the inverse curvature times the slope: the two-loop recursion. */
function searchDirection(
  slope: Float64Array,
  pairs: readonly Pair[],
  precondition: (vector: Float64Array) => void,
): Float64Array {
  const direction = slope.map((x) => -x);
  const alphas = new Float64Array(pairs.length);
  for (let k = pairs.length - 1; k >= 0; k--) {
    const { moved, bent, curvature } = pairs[k];
    alphas[k] = dot(moved, direction) / curvature;
    for (let i = 0; i < direction.length; i++) direction[i] -= alphas[k] * bent[i];
  }
  precondition(direction);
  if (pairs.length > 0) {
    const { bent, curvature } = pairs[pairs.length - 1];
    const scaled = bent.slice();
    precondition(scaled);
    const scale = curvature / dot(bent, scaled);
    for (let i = 0; i < direction.length; i++) direction[i] *= scale;
  }
  for (let k = 0; k < pairs.length; k++) {
    const { moved, bent, curvature } = pairs[k];
    const beta = dot(bent, direction) / curvature;
    for (let i = 0; i < direction.length; i++) direction[i] += (alphas[k] - beta) * moved[i];
  }
  return direction;
}
