import { mean } from 'pointsman/math';
import { baseRates } from '../head/base-rates.ts';
import { type Curvature, measureCurvature } from '../head/curvature.ts';
import type { DenseLayer } from '../head/dense-chain.ts';
import { createProgressMeter } from '../head/fit-progress.ts';
import type { LinearPathOptions } from '../head/linear-options.ts';
import { minimise } from '../head/minimise.ts';
import type { TensorFlow } from './backend.ts';
import { createLinearObjective, type LinearObjective } from './linear-objective.ts';
import { type FitData, type Loss, targetWeights } from './loss.ts';

export interface LinearSolution {
  readonly layer: DenseLayer;
  /** Kernel then bias, in double precision. */
  readonly point: Float64Array;
  readonly loss: number;
  readonly steps: number;
}

/** A linear fit whose rows are on the backend, to be solved at one strength or several. */
interface LinearProblem {
  solve(l2: number, from?: LinearSolution): LinearSolution;
  dispose(): void;
}

export function createLinearProblem(
  tf: TensorFlow,
  data: FitData,
  loss: Loss,
  options: Omit<LinearPathOptions, 'l2s'>,
): LinearProblem {
  const { features, targets } = data;
  const curvature = measureCurvature(tf, features);
  const spread = spreads(data, loss);
  const weights = { ...targets, values: targetWeights(data, loss) };
  const objective = createLinearObjective(tf, { features, targets, weights }, loss);
  return {
    solve(l2, from) {
      const point = from?.point ?? startPoint(data, loss, options);
      return descend({ data, curvature, spread, options, objective, point, l2 });
    },
    dispose: () => objective.dispose(),
  };
}

interface Descent {
  readonly data: FitData;
  readonly curvature: Curvature;
  readonly spread: Float64Array;
  readonly options: Omit<LinearPathOptions, 'l2s'>;
  readonly objective: LinearObjective;
  readonly point: Float64Array;
  readonly l2: number;
}

function descend({ data, curvature, spread, options, objective, point, l2 }: Descent): LinearSolution {
  const [inputs, outputs] = [data.features.columns, data.targets.columns];
  const weights = inputs * outputs;
  const penalties = Float64Array.from(
    { length: inputs },
    (_, j) => l2 * (options.featurePenalties?.[j] ?? 1),
  );
  const centre = options.towards === undefined ? new Float64Array(point.length) : toPoint(options.towards);
  const biasPenalty = options.towards === undefined ? 0 : l2;
  const maxSteps = options.maxSteps ?? 100;
  const tolerance = options.tolerance ?? 1e-5;
  const meter = createProgressMeter(maxSteps, tolerance, options.onProgress);
  let dataLoss = 0;
  const minimum = minimise(point, {
    evaluate(at, slope) {
      const sum = objective.evaluate(
        at.subarray(0, weights),
        at.subarray(weights),
        slope.subarray(0, weights),
        slope.subarray(weights),
      );
      dataLoss = sum / objective.totalWeight;
      let penalty = 0;
      for (let i = 0; i < at.length; i++) {
        const strength = i < weights ? penalties[Math.floor(i / outputs)] : biasPenalty;
        const away = at[i] - centre[i];
        penalty += 0.5 * strength * away * away;
        slope[i] += strength * away;
      }
      return sum + penalty;
    },
    precondition: preconditioner(curvature, objective.totalWeight, spread, penalties, biasPenalty, outputs),
    maxSteps,
    tolerance,
    onStep: (step, value, gainLeft) => meter(step, value / objective.totalWeight, gainLeft / Math.abs(value)),
  });
  return {
    layer: toLayer(minimum.point, inputs, outputs),
    point: minimum.point,
    loss: dataLoss,
    steps: minimum.steps,
  };
}

/**
 * Every output's curvature is about weight * spread * second moments + penalties. One factor, at the mean spread,
 * serves them all.
 */
function preconditioner(
  curvature: Curvature,
  totalWeight: number,
  spread: Float64Array,
  penalties: Float64Array,
  biasPenalty: number,
  outputs: number,
): (vector: Float64Array) => void {
  const middle = mean(spread);
  const factor = curvature.factor(totalWeight * middle, penalties);
  const inputs = penalties.length;
  return (vector) => {
    for (let c = 0; c < outputs; c++) {
      const relative = Math.max(spread[c], 0.02 * middle) / middle;
      if (factor === null) {
        for (let j = 0; j < inputs; j++) {
          vector[j * outputs + c] /=
            totalWeight * middle * relative * (curvature.diagonal[j] + 1e-6) + penalties[j];
        }
      } else {
        factor.solveInPlace(vector, c, outputs);
        for (let j = 0; j < inputs; j++) vector[j * outputs + c] /= relative;
      }
      vector[inputs * outputs + c] /= totalWeight * middle * relative + biasPenalty;
    }
  };
}

/** Mean second derivative of the loss by logit, per output, per unit of the objective's weight. */
function spreads(data: FitData, loss: Loss): Float64Array {
  const { observed, rates } = baseRates(data, loss);
  return rates.map((rate, c) => {
    const bend = loss === 'squared' ? 1 : Math.max(0.01, rate * (1 - rate));
    return Math.max(1e-3, observed[c]) * bend;
  });
}

function startPoint(data: FitData, loss: Loss, options: Omit<LinearPathOptions, 'l2s'>): Float64Array {
  const given = options.start ?? options.towards;
  if (given !== undefined) return toPoint(given);
  const { logits } = baseRates(data, loss);
  const point = new Float64Array((data.features.columns + 1) * data.targets.columns);
  point.set(logits, data.features.columns * data.targets.columns);
  return point;
}

function toPoint(layer: DenseLayer): Float64Array {
  const point = new Float64Array(layer.kernel.length + layer.bias.length);
  point.set(layer.kernel);
  point.set(layer.bias, layer.kernel.length);
  return point;
}

function toLayer(point: Float64Array, inputs: number, outputs: number): DenseLayer {
  return {
    inputs,
    outputs,
    kernel: Float32Array.from(point.subarray(0, inputs * outputs)),
    bias: Float32Array.from(point.subarray(inputs * outputs)),
    activation: 'linear',
  };
}
