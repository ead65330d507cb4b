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

interface MinimiseOptions {
  /** Value and slope (written into `slope`) at a point. */
  readonly evaluate: (point: Float64Array, slope: Float64Array) => number;
  /** Applies a positive definite guess of the inverse curvature, in place. */
  readonly precondition: (vector: Float64Array) => void;
  readonly maxSteps: number;
  /** Ends when the value can fall by no more than this share of itself, as far as the curvature tells. */
  readonly tolerance: number;
  readonly onStep?: (step: number, value: number, gainLeft: number) => void;
}

interface Minimum {
  readonly point: Float64Array;
  readonly value: number;
  readonly steps: number;
  readonly evaluations: number;
}

/**
 * L-BFGS (Nocedal and Wright 2006, algorithm 7.4) with a preconditioner as the first guess of the curvature,
 * and backtracking to the Armijo condition. For smooth convex functions it finds the minimum.
 */
export function minimise(start: Float64Array, options: MinimiseOptions): Minimum {
  const { evaluate, precondition, maxSteps, tolerance, onStep } = options;
  const size = start.length;
  let point = start.slice();
  let slope = new Float64Array(size);
  let value = evaluate(point, slope);
  let evaluations = 1;
  const pairs: Pair[] = [];
  let step = 0;
  for (; step < maxSteps; step++) {
    const direction = searchDirection(slope, pairs, precondition);
    const descent = dot(slope, direction);
    onStep?.(step, value, -descent / 2);
    // Newton decrement: how far a quadratic of this curvature would still fall.
    if (!(-descent / 2 > tolerance * Math.abs(value))) break;
    let length = 1;
    const next = new Float64Array(size);
    const nextSlope = new Float64Array(size);
    let nextValue = Number.NaN;
    for (let tries = 0; tries < 30; tries++) {
      for (let i = 0; i < size; i++) next[i] = point[i] + length * direction[i];
      nextValue = evaluate(next, nextSlope);
      evaluations++;
      if (nextValue <= value + 1e-4 * length * descent) break;
      // The minimum of the parabola through what is known, kept within bounds.
      const parabola = (-descent * length) / (2 * ((nextValue - value) / length - descent));
      length = Number.isFinite(parabola)
        ? Math.min(0.5 * length, Math.max(0.1 * length, parabola))
        : length / 4;
    }
    if (!(nextValue < value)) break;
    remember(pairs, point, next, slope, nextSlope);
    [point, slope, value] = [next, nextSlope, nextValue];
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
