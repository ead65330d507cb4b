import { expect, test } from 'vitest';
import { apartShare } from '../../../bench/simulations/shared-calibrator.ts';
import { chooseCalibrator, gainIsWorth } from '../../../training/calibrate/choose-calibrator.ts';

test('candidates that are off by different amounts get calibrators of their own', () => {
  expect(apartShare(5, 1)).toBe(1);
});

test('the losses by row are those of the chosen kind, out of fold', () => {
  const logits = Float64Array.from({ length: 200 }, (_, i) => Math.sin(i));
  const labels = logits.map((_, i) => (i === 3 ? Number.NaN : i % 2));
  const { calibrator, losses, rowLosses } = chooseCalibrator({ logits, labels }, { seed: 1 });
  expect(Number.isNaN(rowLosses[3])).toBe(true);
  const seen = rowLosses.filter((loss) => !Number.isNaN(loss));
  expect(seen).toHaveLength(199);
  const { kind } = calibrator.parameters;
  expect(seen.reduce((sum, loss) => sum + loss, 0) / 199).toBeCloseTo(losses[kind]!, 9);
});

test('a gain that one prompt and its copies make is not worth more parameters', () => {
  const gains = Float64Array.from({ length: 200 }, (_, i) => (i < 100 ? 1 : -0.01 * (i % 3)));
  const apart = Int32Array.from(gains, (_, i) => i);
  const copies = Int32Array.from(gains, (_, i) => (i < 100 ? 0 : i));
  expect(gainIsWorth(gains, null, apart)).toBe(true);
  expect(gainIsWorth(gains, null, copies)).toBe(false);
  expect(gainIsWorth(gains.fill(Number.NaN), null, apart)).toBe(false);
});
