/** Far beyond any probability that is not 0 or 1; keeps 0 * Infinity out of a calibrator. NaN stays NaN. */
const bound = 1e6;

/** The logit, brought within ±1,000,000. */
export function clampLogit(logit: number): number {
  return Math.min(bound, Math.max(-bound, logit));
}
