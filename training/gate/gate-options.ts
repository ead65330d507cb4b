/** How strict the gate is. Differences are in quality, 0 to 1: 0.01 is a point. */
export interface GateOptions {
  /** A challenger may be worse by this much. @default 0.02 */
  readonly tolerance?: number;
  /** How sure it must be that it is not worse than that: one-sided, 0.5 to 1. @default 0.9 */
  readonly confidence?: number;
  /** A slice may be worse by this much. @default 0.03 */
  readonly sliceTolerance?: number;
  /** Slices with fewer rows are not tested. @default 50 */
  readonly sliceRows?: number;
  /** Chance, over all slices together, that an equal challenger is refused for one. @default 0.05 */
  readonly sliceAlpha?: number;
  /** Calibration error (ECE, noise taken off) that is always good enough. @default 0.1 */
  readonly calibrationLimit?: number;
  /** Fewer judged rows than this decide nothing. @default 100 */
  readonly fewestRows?: number;
  /** Where it would choose otherwise than the champion, so many of its choices must have been seen, or one in a hundred. @default 10 */
  readonly fewestSeen?: number;
  /** Bootstrap resamples. @default 2000 */
  readonly resamples?: number;
  /** @default 0 */
  readonly seed?: number;
}

export const GATE_DEFAULTS: Required<GateOptions> = {
  tolerance: 0.02,
  confidence: 0.9,
  sliceTolerance: 0.03,
  sliceRows: 50,
  sliceAlpha: 0.05,
  calibrationLimit: 0.1,
  fewestRows: 100,
  fewestSeen: 10,
  resamples: 2000,
  seed: 0,
};
