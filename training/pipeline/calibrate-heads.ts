import type { CalibratorParameters } from 'pointsman';
import type { Head } from 'pointsman/head';
import { chooseCalibrator } from '../calibrate/choose-calibrator.ts';
import { fitSoftmaxTemperature } from '../calibrator/fit-softmax-temperature.ts';
import { gainIsWorth } from '../calibrator/gain-is-worth.ts';
import { predictRows } from '../head/dense-chain.ts';
import { type Matrix, takeColumn } from '../head/matrix.ts';
import { softTargets } from '../head/soft-targets.ts';
import { isFullyObserved } from '../member/squared-error.ts';
import { TARGET_TEMPERATURE } from '../train/quality.ts';

interface CalibrateInput {
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
 * Candidates get one calibrator together unless apart they are better by two standard errors of cross-validated log-loss,
 * both out of fold and of the kind that would serve: a shared one keeps the order of candidates, and has all their rows to
 * learn from.
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
  const groupOfCell = Int32Array.from(logits.values, (_, i) => groups[Math.floor(i / columns)]);
  const together = chooseCalibrator(
    { logits: logits.values, labels: quality.values, ...(weights === null ? {} : { weights }) },
    { seed, groups: groupOfCell },
  );
  const apart = Array.from({ length: columns }, (_, c) =>
    chooseCalibrator(
      {
        logits: takeColumn(logits, c),
        labels: takeColumn(quality, c),
        ...(weights === null ? {} : { weights: takeColumn({ ...quality, values: weights }, c) }),
      },
      { seed, groups },
    ),
  );
  const saved = together.rowLosses.map(
    (shared, i) => shared - apart[i % columns].rowLosses[Math.floor(i / columns)],
  );
  const better = gainIsWorth(saved, weights, groupOfCell);
  return {
    temperature,
    calibrators: apart.map(({ calibrator }) => (better ? calibrator : together.calibrator).parameters),
  };
}
