import { logSigmoid } from './log-sigmoid.ts';

/**
 * Log-loss in nats of logit `z` against a label in [0, 1] (fractions allowed): -y ln p - (1 - y) ln(1 - p).
 * An infinite logit costs 0 when it is right and Infinity when it is wrong. NaN gives NaN.
 */
export function binaryCrossEntropy(z: number, label: number): number {
  // 0 * Infinity would be NaN where the label is certain.
  const positive = label === 0 ? 0 : -label * logSigmoid(z);
  const negative = label === 1 ? 0 : -(1 - label) * logSigmoid(-z);
  return positive + negative;
}
