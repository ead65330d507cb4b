import { expect, test } from 'vitest';
import { apartShare } from '../../../bench/simulations/shared-calibrator.ts';

test('candidates that one calibrator is right for share it, copies of prompts or not', () => {
  expect(apartShare(8, 0)).toBe(0);
  expect(apartShare(8, 0, 4)).toBe(0);
});
