import { type Calibrator, IdentityCalibrator } from 'pointsman/calibrator';
import { type CalibrationData, type ObservedRows, observedRows } from '../calibrator/calibration-data.ts';
import { calibrationLosses } from '../calibrator/calibration-loss.ts';
import { fitBeta } from '../calibrator/fit-beta.ts';
import { fitIsotonic } from '../calibrator/fit-isotonic.ts';
import { fitPlatt } from '../calibrator/fit-platt.ts';
import { fitTemperature } from '../calibrator/fit-temperature.ts';
import { gainIsWorth } from '../calibrator/gain-is-worth.ts';
import { foldRows, groupedFolds } from '../head/grouped-folds.ts';

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
  /** Log-loss of each row by the chosen kind, fitted without its fold; NaN: unobserved. `[rows]` */
  readonly rowLosses: Float64Array;
}

/** Simple first: a tie goes to the fewer parameters. */
const fitters: Readonly<Record<CalibratorKind, (data: CalibrationData) => Calibrator>> = {
  identity: () => new IdentityCalibrator(),
  temperature: fitTemperature,
  platt: fitPlatt,
  beta: fitBeta,
  isotonic: fitIsotonic,
};

/** Fewer near-duplicate groups with an outcome cannot tell calibrators apart, so the head is left as it is. */
const fewestGroups = 20;

/**
 * Fits the kind of calibrator with the least cross-validated log-loss on all rows. With fewer than 20 observed
 * near-duplicate groups it is the identity.
 */
export function chooseCalibrator(data: CalibrationData, options: ChoiceOptions): CalibratorChoice {
  const { seed, folds = 5, kinds = Object.keys(fitters) as CalibratorKind[] } = options;
  const observed = observedRows(data);
  const groups = Array.from(observed.rows, (row) => options.groups?.[row] ?? row);
  const foldOf = groupedFolds(groups, folds, seed);
  const enough = new Set(groups).size >= fewestGroups && new Set(foldOf).size > 1;
  const considered = enough ? kinds : kinds.slice(0, 1);
  const losses: Partial<Record<CalibratorKind, number>> = {};
  let chosen: { kind: CalibratorKind; rows: Float64Array } | undefined;
  for (const kind of considered) {
    const rows = enough ? outOfFold(observed, foldOf, fitters[kind]) : new Float64Array(0);
    losses[kind] = weightedMean(rows, observed.weights);
    const saved = chosen?.rows.map((loss, i) => loss - rows[i]);
    if (saved === undefined || gainIsWorth(saved, observed.weights, groups)) chosen = { kind, rows };
  }
  const kind = chosen?.kind ?? 'identity';
  return { calibrator: fitters[kind](data), losses, rowLosses: lossesByRow(data, observed, chosen?.rows) };
}

/** With too few rows to tell nothing is fitted, and the identity's losses are out of fold as they are. */
function lossesByRow(data: CalibrationData, { rows }: ObservedRows, chosen?: Float64Array): Float64Array {
  if (chosen === undefined || chosen.length === 0) return calibrationLosses(fitters.identity(data), data);
  const losses = new Float64Array(data.logits.length).fill(Number.NaN);
  chosen.forEach((loss, i) => {
    losses[rows[i]] = loss;
  });
  return losses;
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

function weightedMean(values: Float64Array, weights: Float64Array): number {
  let [sum, total] = [0, 0];
  values.forEach((value, i) => {
    sum += weights[i] * value;
    total += weights[i];
  });
  return sum / total;
}
