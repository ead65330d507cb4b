import { InvalidInputError } from 'pointsman';

/** Shares that sum to 1 (0.6, 0.2, 0.2), or whole numbers of prompts. Without `test`, the rest is for testing. */
export interface SplitSizes {
  readonly fit: number;
  readonly calibrate: number;
  readonly test?: number;
}

export const DEFAULT_SPLIT_SIZES: SplitSizes = { fit: 0.6, calibrate: 0.2 };

/**
 * Prompts wanted for [fit, calibrate, test], n in all. With counts that do not use up n, a fourth part is left out.
 * @throws InvalidInputError when sizes are negative, or more than there is.
 */
export function countSplitSizes(
  { fit, calibrate, test }: SplitSizes,
  n: number,
): [number, number, number, number] {
  const given = test === undefined ? [fit, calibrate] : [fit, calibrate, test];
  const sum = given.reduce((total, size) => total + size, 0);
  const shares = sum <= 1 + 1e-9;
  const most = shares ? 1 + 1e-9 : n;
  if (given.some((size) => !(size >= 0)) || sum > most || (shares && test !== undefined && sum < 1 - 1e-9)) {
    throw new InvalidInputError(
      `\`sizes\` of a split must be shares that sum to 1, or at most ${n} prompts. Got ${JSON.stringify({ fit, calibrate, test })}.`,
    );
  }
  if (!shares && given.some((size) => !Number.isInteger(size))) {
    throw new InvalidInputError(
      `\`sizes\` of a split must be all shares or all whole numbers. Got ${JSON.stringify({ fit, calibrate, test })}.`,
    );
  }
  const count = (size: number): number => (shares ? Math.round(size * n) : size);
  const fitted = count(fit);
  const calibrated = Math.min(count(calibrate), n - fitted);
  const tested = test === undefined || shares ? n - fitted - calibrated : test;
  return [fitted, calibrated, tested, n - fitted - calibrated - tested];
}
