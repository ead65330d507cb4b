import { type Calibrator, IdentityCalibrator } from 'pointsman/calibrator';
import { foldRows, groupedFolds } from '../head/grouped-folds.ts';
import { type CalibrationData, observedRows } from './calibration-data.ts';
import { calibrationLosses } from './calibration-loss.ts';
import { fitBeta } from './fit-beta.ts';
import { fitIsotonic } from './fit-isotonic.ts';
import { fitPlatt } from './fit-platt.ts';
import { fitTemperature } from './fit-temperature.ts';

export type CalibratorKind = Calibrator['parameters']['kind'];

export interface ChoiceOptions {
  readonly seed: number;
  /** Group of each row: near-duplicates never straddle folds. @default each row its own */
  readonly groups?: ArrayLike<number>;
  /** @default 5 */
  readonly folds?: number;
  /** From simple to complex. @default all five */
  readonly kinds?: readonly CalibratorKind[];
}

export interface CalibratorChoice {
  readonly calibrator: Calibrator;
  /** Cross-validated log-loss of each kind, in nats. */
  readonly losses: Readonly<Partial<Record<CalibratorKind, number>>>;
}

/** Simple first: a tie goes to the fewer parameters. */
const fitters: Readonly<Record<CalibratorKind, (data: CalibrationData) => Calibrator>> = {
  identity: () => new IdentityCalibrator(),
  temperature: fitTemperature,
  platt: fitPlatt,
  beta: fitBeta,
  isotonic: fitIsotonic,
};

/** A more complex kind must beat a simpler one by this many standard errors of the paired difference. */
const worthwhile = 2;
/** Fewer observed rows cannot tell calibrators apart, so the head is left as it is. */
const fewestRows = 20;

/**
 * Fits the kind of calibrator with the least cross-validated log-loss on all rows. With fewer than 20 observed rows
 * it is the identity.
 */
export function chooseCalibrator(data: CalibrationData, options: ChoiceOptions): CalibratorChoice {
  const { seed, folds = 5, kinds = Object.keys(fitters) as CalibratorKind[] } = options;
  const observed = observedRows(data);
  const groups = Array.from(observed.rows, (row) => options.groups?.[row] ?? row);
  const foldOf = groupedFolds(groups, folds, seed);
  const enough = observed.rows.length >= fewestRows && new Set(foldOf).size > 1;
  const considered = enough ? kinds : kinds.slice(0, 1);
  const losses: Partial<Record<CalibratorKind, number>> = {};
  let chosen: { kind: CalibratorKind; rows: Float64Array } | undefined;
  for (const kind of considered) {
    const rows = enough ? outOfFold(observed, foldOf, fitters[kind]) : new Float64Array(0);
    losses[kind] = weightedMean(rows, observed.weights).mean;
    if (chosen === undefined || gainIsWorth(chosen.rows, rows, observed.weights)) chosen = { kind, rows };
  }
  return { calibrator: fitters[chosen?.kind ?? 'identity'](data), losses };
}

function outOfFold(
  data: Required<CalibrationData>,
  foldOf: Int32Array,
  fit: (data: CalibrationData) => Calibrator,
): Float64Array {
  const losses = new Float64Array(data.logits.length);
  for (const fold of new Set(foldOf)) {
    const rows = foldRows(foldOf, fold);
    const held = take(data, rows.held);
    const found = calibrationLosses(fit(take(data, rows.fit)), held);
    rows.held.forEach((row, i) => {
      losses[row] = found[i];
    });
  }
  return losses;
}

function take(data: Required<CalibrationData>, rows: Int32Array): Required<CalibrationData> {
  return {
    logits: Float64Array.from(rows, (row) => data.logits[row]),
    labels: Float64Array.from(rows, (row) => data.labels[row]),
    weights: Float64Array.from(rows, (row) => data.weights[row]),
  };
}

function gainIsWorth(simple: Float64Array, complex: Float64Array, weights: Float64Array): boolean {
  const gains = simple.map((loss, i) => loss - complex[i]);
  const { mean, standardError } = weightedMean(gains, weights);
  return mean > worthwhile * standardError;
}

function weightedMean(values: Float64Array, weights: Float64Array): { mean: number; standardError: number } {
  let [sum, total] = [0, 0];
  values.forEach((value, i) => {
    sum += weights[i] * value;
    total += weights[i];
  });
  const mean = sum / total;
  let squares = 0;
  values.forEach((value, i) => {
    squares += (weights[i] * (value - mean)) ** 2;
  });
  return { mean, standardError: Math.sqrt(squares) / total };
}
