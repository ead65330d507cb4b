import type { CalibratorParameters } from 'pointsman';
import type { Head } from 'pointsman/head';
import { smallest } from 'pointsman/math';
import { calibrationLoss, chooseCalibrator, fitSoftmaxTemperature } from '../calibrator/index.ts';
import { type Matrix, predictRows, softTargets, takeColumn } from '../head/index.ts';
import { isFullyObserved } from '../member/index.ts';
import { TARGET_TEMPERATURE } from './fit-choice.ts';

export interface CalibrateInput {
  readonly choice: Head;
  readonly success: Head;
  /** Of the calibrate split, `[rows, features]`. */
  readonly features: Matrix;
  readonly quality: Matrix; // [rows, candidates], NaN: unobserved
  /** Importance of each outcome, `[rows, candidates]`; null: all alike. */
  readonly weights: Float32Array | null;
  /** Near-duplicate group of each row. */
  readonly groups: Int32Array;
  readonly seed: number;
}

/**
 * Fits the choice head's temperature and a calibrator for every candidate's success, on the calibrate split.
 *
 * Candidates get one calibrator together unless apart they are better by cross-validated log-loss: a shared one keeps
 * the order of candidates, and has all their rows to learn from.
 */
export function calibrateHeads({
  choice,
  success,
  features,
  quality,
  weights,
  groups,
  seed,
}: CalibrateInput): {
  readonly temperature: number;
  readonly calibrators: readonly CalibratorParameters[];
} {
  // A row with a candidate or two has no choice to compare with.
  const temperature = isFullyObserved(quality)
    ? fitSoftmaxTemperature(predictRows(choice, features), {
        targets: softTargets(quality, TARGET_TEMPERATURE),
      })
    : 1;
  const logits = predictRows(success, features);
  const { columns } = quality;
  const together = chooseCalibrator(
    { logits: logits.values, labels: quality.values, ...(weights === null ? {} : { weights }) },
    { seed, groups: Int32Array.from(logits.values, (_, i) => groups[Math.floor(i / columns)]) },
  );
  const apart = Array.from({ length: columns }, (_, c) => {
    const data = {
      logits: takeColumn(logits, c),
      labels: takeColumn(quality, c),
      ...(weights === null ? {} : { weights: takeColumn({ ...quality, values: weights }, c) }),
    };
    const observed = data.labels.reduce(
      (sum, label, row) => (Number.isNaN(label) ? sum : sum + (data.weights?.[row] ?? 1)),
      0,
    );
    const own = chooseCalibrator(data, { seed, groups });
    const ownLoss = smallest(Object.values(own.losses));
    return { own: own.calibrator, ownLoss, sharedLoss: calibrationLoss(together.calibrator, data), observed };
  });
  const gain = apart.reduce(
    (sum, { ownLoss, sharedLoss, observed }) => sum + observed * (sharedLoss - ownLoss),
    0,
  );
  // The shared one has seen these very rows, if as one of many candidates: that speaks for it only a little.
  const better = Number.isFinite(gain) && gain > 0;
  return {
    temperature,
    calibrators: apart.map(({ own }) => (better ? own : together.calibrator).parameters),
  };
}
