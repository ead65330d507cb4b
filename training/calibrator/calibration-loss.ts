import type { Calibrator } from 'pointsman/calibrator';
import { type CalibrationData, observedRows } from './calibration-data.ts';

/** A probability is taken as at least this: one sure mistake must not outweigh all else. */
const margin = 1e-6;

/** Log-loss of each row in nats; NaN where unobserved. */
export function calibrationLosses(calibrator: Calibrator, data: CalibrationData): Float64Array {
  const { logits, labels, rows } = observedRows(data);
  const losses = new Float64Array(data.logits.length).fill(Number.NaN);
  for (let i = 0; i < rows.length; i++) {
    const p = Math.min(1 - margin, Math.max(margin, calibrator.probability(logits[i])));
    losses[rows[i]] = -labels[i] * Math.log(p) - (1 - labels[i]) * Math.log1p(-p);
  }
  return losses;
}

/** Weighted mean log-loss in nats; NaN when nothing was observed. */
export function calibrationLoss(calibrator: Calibrator, data: CalibrationData): number {
  const losses = calibrationLosses(calibrator, data);
  let [sum, total] = [0, 0];
  losses.forEach((loss, i) => {
    const weight = data.weights?.[i] ?? 1;
    if (Number.isNaN(loss) || !(weight > 0)) return;
    sum += weight * loss;
    total += weight;
  });
  return total > 0 ? sum / total : Number.NaN;
}
