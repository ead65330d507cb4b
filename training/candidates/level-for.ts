import type { CalibratorParameters } from 'pointsman';
import type { Manifest } from 'pointsman/artifact';
import { createCalibrator } from 'pointsman/calibrator';
import { logit } from 'pointsman/math';
import type { Probes } from './read-probes.ts';

/** As `LogitHead` holds qualities back from 0 and 1. */
const MARGIN = 0.002;
const HALVINGS = 60;

/** Where a new candidate's success head stands, and what calibrates it. */
interface SuccessLevel {
  /** Its prior, where the head is a `logit`; else what is added to its output. */
  readonly value: number;
  readonly calibrator: CalibratorParameters;
}

/**
 * The level at which the new candidate's calibrated success, over the probes, is on average what it is to be routed by:
 * a calibrator cannot be fitted on so few. Where all others share one it is that, so that the order of candidates means the same;
 * else the expected quality is taken as it is.
 *
 * @param weights of the others' outputs in its own, which sum to 1
 * @param routedBy mean success over the traffic; prompts of the probes may be easier or harder than that
 */
export function levelFor(
  { heads: { success }, candidates }: Manifest,
  { expected, own }: Probes,
  weights: Float64Array,
  routedBy: number,
): SuccessLevel {
  const columns = candidates.length;
  const count = own.quality.length;
  const prior = success.head.kind === 'logit' ? success.head.prior : null;
  const shared = new Set(success.calibrators.map((parameters) => JSON.stringify(parameters))).size === 1;
  const calibrator: CalibratorParameters = shared ? success.calibrators[0] : { kind: 'identity' };
  const calibrated = createCalibrator(calibrator);
  const shapes = new Float64Array(count);
  let target = 0;
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < columns; c++) {
      const p = expected[i * columns + c];
      shapes[i] +=
        weights[c] * (prior === null ? logit(Math.min(1 - MARGIN, Math.max(MARGIN, p))) : p - prior[c]);
      target += (weights[c] * (p - candidates[c].meanQuality)) / count;
    }
  }
  const wanted = Math.min(1 - MARGIN, Math.max(MARGIN, routedBy + target));
  const meanAt = (level: number) => {
    let sum = 0;
    for (const shape of shapes) {
      const output = level + shape;
      sum += calibrated.probability(
        prior === null ? output : logit(Math.min(1 - MARGIN, Math.max(MARGIN, output))),
      );
    }
    return sum / count;
  };
  let [low, high] = prior === null ? [-30, 30] : [-2, 3];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (meanAt(middle) < wanted) low = middle;
    else high = middle;
  }
  return { value: (low + high) / 2, calibrator };
}
