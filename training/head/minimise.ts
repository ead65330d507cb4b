import { dot } from 'pointsman/math';

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

/** How many past steps the curvature is learned from. */
const memory = 12;

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
