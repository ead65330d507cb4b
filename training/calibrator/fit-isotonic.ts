import { IsotonicCalibrator } from 'pointsman/calibrator';
import { type CalibrationData, observedRows } from './calibration-data.ts';

/** A run of rows that share one probability. */
interface IsotonicStep {
  /** Weighted mean logit of its rows. */
  readonly logit: number;
  /** Weighted mean label. */
  readonly label: number;
  readonly weight: number;
}

/** Rows that each step is smoothed with: without them a step of three successes would promise certainty. */
const pseudoRows = 1;

/**
 * Isotonic regression (Zadrozny and Elkan 2002): the steps of `poolAdjacentViolators`, a point at each step's mean logit and
 * straight lines between. Each step is smoothed towards the overall mean. No rows give 1/2 everywhere.
 */
export function fitIsotonic(data: CalibrationData): IsotonicCalibrator {
  const steps = poolAdjacentViolators(data);
  if (steps.length === 0)
    return new IsotonicCalibrator({ kind: 'isotonic', logits: [0], probabilities: [0.5] });
  let [sum, total] = [0, 0];
  for (const { label, weight } of steps) {
    sum += weight * label;
    total += weight;
  }
  const overall = (sum + 0.5 * pseudoRows) / (total + pseudoRows);
  // Smoothing pulls small steps further than large ones, so the order is made good once more.
  const probabilities: number[] = [];
  for (const { label, weight } of steps) {
    const smooth = (label * weight + overall * pseudoRows) / (weight + pseudoRows);
    probabilities.push(Math.max(smooth, probabilities.at(-1) ?? 0));
  }
  return new IsotonicCalibrator({
    kind: 'isotonic',
    logits: steps.map(({ logit }) => logit),
    probabilities: probabilities.map((p) => Math.min(1, p)),
  });
}

/**
 * The non-decreasing steps of least squared error (Ayer et al. 1955), by ascending logit. A function has one value at one
 * logit, so rows of equal logit are one point, whatever their order: their weighted mean, before anything is compared
 * (the secondary approach to ties: Kruskal 1964; de Leeuw, Hornik and Mair 2009, section 4.2).
 */
export function poolAdjacentViolators(data: CalibrationData): IsotonicStep[] {
  const steps: IsotonicStep[] = [];
  for (let step of pointsByLogit(data)) {
    for (let last = steps.at(-1); last !== undefined && last.label >= step.label; last = steps.at(-1)) {
      steps.pop();
      step = pooled(last, step);
    }
    steps.push(step);
  }
  return steps;
}

/** One point for each distinct logit, ascending. */
function pointsByLogit(data: CalibrationData): IsotonicStep[] {
  const { logits, labels, weights } = observedRows(data);
  const order = Int32Array.from(logits.keys()).sort((a, b) => logits[a] - logits[b]);
  const points: IsotonicStep[] = [];
  for (const i of order) {
    const row = { logit: logits[i], label: labels[i], weight: weights[i] };
    const last = points.at(-1);
    if (last === undefined || last.logit !== row.logit) points.push(row);
    else points[points.length - 1] = pooled(last, row);
  }
  return points;
}

/** @param right at a logit no lower than that of `left` */
function pooled(left: IsotonicStep, right: IsotonicStep): IsotonicStep {
  const weight = left.weight + right.weight;
  const logit = (left.logit * left.weight + right.logit * right.weight) / weight;
  return {
    // Rounding must not carry it past a neighbour.
    logit: Math.min(right.logit, Math.max(left.logit, logit)),
    label: (left.label * left.weight + right.label * right.weight) / weight,
    weight,
  };
}
