import { type Calibrator, sigmoid } from 'pointsman/internal';
import { clusteredMean, eachFold, groupedFolds, type Matrix, takeColumn } from '../fit/rows.ts';
import {
  type CalibrationData,
  type CalibratorKind,
  FITTERS,
  type ObservedRows,
  observedRows,
} from './fit-calibrators.ts';

interface ChoiceOptions {
  readonly seed: number;
  /** Group of each row: near-duplicates never straddle folds. @default each row its own */
  readonly groups?: ArrayLike<number>;
  /** @default 5 */
  readonly folds?: number;
  /** From simple to complex. @default all */
  readonly kinds?: readonly CalibratorKind[];
}

interface CalibratorChoice {
  readonly calibrator: Calibrator;
  /** Cross-validated log-loss of each kind, in nats. */
  readonly losses: Readonly<Partial<Record<CalibratorKind, number>>>;
  /** Log-loss of each row by the chosen kind, fitted without its fold; NaN: unobserved. `[rows]` */
  readonly rowLosses: Float64Array;
}

/** Fewer near-duplicate groups with an outcome cannot tell calibrators apart, so the head is left as it is. */
const fewestGroups = 20;

/**
 * Fits the kind of calibrator with the least cross-validated log-loss on all rows. With fewer than 20 observed
 * near-duplicate groups it is the identity.
 */
export function chooseCalibrator(data: CalibrationData, options: ChoiceOptions): CalibratorChoice {
  const { seed, folds = 5, kinds = Object.keys(FITTERS) as CalibratorKind[] } = options;
  const observed = observedRows(data);
  const groups = Array.from(observed.rows, (row) => options.groups?.[row] ?? row);
  const foldOf = groupedFolds(groups, folds, seed);
  const enough = new Set(groups).size >= fewestGroups && new Set(foldOf).size > 1;
  const considered = enough ? kinds : kinds.slice(0, 1);
  const losses: Partial<Record<CalibratorKind, number>> = {};
  let chosen: { kind: CalibratorKind; rows: Float64Array } | undefined;
  for (const kind of considered) {
    const rows = enough ? outOfFold(observed, foldOf, FITTERS[kind]) : new Float64Array(0);
    losses[kind] = weightedMean(rows, observed.weights);
    const saved = chosen?.rows.map((loss, i) => loss - rows[i]);
    if (saved === undefined || gainIsWorth(saved, observed.weights, groups)) chosen = { kind, rows };
  }
  const kind = chosen?.kind ?? 'identity';
  return { calibrator: FITTERS[kind](data), losses, rowLosses: lossesByRow(data, observed, chosen?.rows) };
}

/**
 * A calibrator for every candidate: one together unless apart they are better by two standard errors of cross-validated
 * log-loss, both out of fold and of the kind that would serve. A shared one keeps the order of candidates, and has all their
 * rows to learn from.
 *
 * @param logits `[rows, candidates]` @param labels as `logits`, 0 to 1, fractions allowed; NaN: unobserved
 * @param weights importance of each label, as `logits`; null: all alike
 * @param options `groups`: near-duplicate group of each row
 */
export function chooseCalibrators(
  logits: Matrix,
  labels: Matrix,
  weights: Float32Array | null,
  { groups, seed }: { readonly groups: ArrayLike<number>; readonly seed: number },
): ChosenCalibrators {
  const { columns } = labels;
  const groupOfCell = Int32Array.from(logits.values, (_, i) => groups[Math.floor(i / columns)]);
  const together = chooseCalibrator(
    { logits: logits.values, labels: labels.values, ...(weights === null ? {} : { weights }) },
    { seed, groups: groupOfCell },
  );
  const apart = Array.from({ length: columns }, (_, c) =>
    chooseCalibrator(
      {
        logits: takeColumn(logits, c),
        labels: takeColumn(labels, c),
        ...(weights === null ? {} : { weights: takeColumn({ ...labels, values: weights }, c) }),
      },
      { seed, groups },
    ),
  );
  const saved = together.rowLosses.map(
    (shared, i) => shared - apart[i % columns].rowLosses[Math.floor(i / columns)],
  );
  const better = gainIsWorth(saved, weights, groupOfCell);
  const losses = better
    ? saved.map((_, i) => apart[i % columns].rowLosses[Math.floor(i / columns)])
    : together.rowLosses;
  return {
    calibrators: apart.map(({ calibrator }) => (better ? calibrator : together.calibrator)),
    loss: clusteredMean(losses, groupOfCell, weights).mean,
  };
}

export interface ChosenCalibrators {
  /** `[candidates]` */
  readonly calibrators: readonly Calibrator[];
  /** Mean log-loss of those that serve, each fitted without the row that it is asked about, in nats. */
  readonly loss: number;
}

/** Groups are dealt to so many blocks, between which losses vary as much as chance has it (random groups: Wolter 2007, chapter 2). */
export const BLOCKS = 32;
/** Of equal width of probability. */
const BINS = 200;
/** Of each bin: rows, and the sums of their logits and labels. */
const OF_BIN = 3;

/**
 * What calibrators need to know of rows, as sums in bins: those of two shards, added, are those of both. Sums of labels are exact; that all
 * rows of a bin have its mean logit is all that is lost.
 */
export class CalibrationSketch {
  /** `[blocks, bins, candidates, OF_BIN]` */
  readonly values: Float64Array;
  readonly #candidates: number;

  /** @param values of rows that were added elsewhere. @default of none */
  constructor(candidates: number, values?: Float64Array) {
    this.#candidates = candidates;
    this.values = values ?? new Float64Array(CalibrationSketch.lengthOf(candidates));
  }

  static lengthOf(candidates: number): number {
    return BLOCKS * BINS * candidates * OF_BIN;
  }

  /** @param logits of one row, `[candidates]` @param labels as logits; NaN: unobserved @param block of its group */
  add(logits: ArrayLike<number>, labels: ArrayLike<number>, block: number): void {
    for (let c = 0; c < this.#candidates; c++) {
      if (Number.isNaN(labels[c]) || Number.isNaN(logits[c])) continue;
      const bin = Math.min(BINS - 1, Math.floor(BINS * sigmoid(logits[c])));
      const at = OF_BIN * ((block * BINS + bin) * this.#candidates + c);
      this.values[at]++;
      this.values[at + 1] += logits[c];
      this.values[at + 2] += labels[c];
    }
  }

  /** Calibrators as `chooseCalibrators` gives them, where each bin of a block is a row. */
  choose(seed: number): ChosenCalibrators {
    const columns = this.#candidates;
    const size = OF_BIN * columns;
    const used = Array.from({ length: BLOCKS * BINS }, (_, i) => i).filter((i) =>
      this.values.subarray(i * size, (i + 1) * size).some((value) => value !== 0),
    );
    const cells = used.flatMap((i) => Array.from({ length: columns }, (_, c) => OF_BIN * (i * columns + c)));
    const meanAt = (at: number, which: number) =>
      this.values[at] > 0 ? this.values[at + which] / this.values[at] : Number.NaN;
    const matrix = (which: number): Matrix => ({
      ...{ rows: used.length, columns },
      values: Float32Array.from(cells, (at) => meanAt(at, which)),
    });
    const weights = Float32Array.from(cells, (at) => this.values[at]);
    const groups = used.map((i) => Math.floor(i / BINS));
    return chooseCalibrators(matrix(1), matrix(2), weights, { groups, seed });
  }
}

/** With too few rows to tell nothing is fitted, and the identity's losses are out of fold as they are. */
function lossesByRow(data: CalibrationData, { rows }: ObservedRows, chosen?: Float64Array): Float64Array {
  if (chosen === undefined || chosen.length === 0) return calibrationLosses(FITTERS.identity(data), data);
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
  for (const rows of eachFold(foldOf)) {
    const found = calibrationLosses(fit(take(data, rows.fit)), take(data, rows.held));
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

/** A probability is taken as at least this: one sure mistake must not outweigh all else. */
const margin = 1e-6;

/** Log-loss of each row in nats; NaN where unobserved. */
function calibrationLosses(calibrator: Calibrator, data: CalibrationData): Float64Array {
  const { logits, labels, rows } = observedRows(data);
  const losses = new Float64Array(data.logits.length).fill(Number.NaN);
  for (let i = 0; i < rows.length; i++) {
    const p = Math.min(1 - margin, Math.max(margin, calibrator.probability(logits[i])));
    losses[rows[i]] = -labels[i] * Math.log(p) - (1 - labels[i]) * Math.log1p(-p);
  }
  return losses;
}

/** What has more parameters must beat what has fewer by this many standard errors. */
const WORTHWHILE = 2;

/**
 * Whether losses saved are more than chance: above 0 by two standard errors, groups being independent and rows of one not.
 *
 * @param gains losses saved by row, out of fold; NaN: unobserved. `[rows]`
 * @param weights importance of each row; null: all alike
 * @param groups near-duplicate group of each row
 */
export function gainIsWorth(
  gains: Float64Array,
  weights: ArrayLike<number> | null,
  groups: ArrayLike<number>,
): boolean {
  const { mean, standardError } = clusteredMean(gains, groups, weights);
  return mean > WORTHWHILE * standardError;
}
