/** How strict the gate is. Differences are in quality, 0 to 1: 0.01 is a point. */
export interface GateOptions {
  /** A challenger may be worse than the best single candidate and the best fixed mix by this much. @default 0.02 */
  readonly tolerance?: number;
  /** How sure it must be that it is not worse than that: one-sided, 0.5 to 1. @default 0.9 */
  readonly confidence?: number;
  /** What all promotions together may lose against the best version so far: spent once, and not anew each night. @default 0.005 */
  readonly nightsTolerance?: number;
  /** Nights over which `nightsAlpha` holds. @default 30 */
  readonly nights?: number;
  /** Chance, over so many nights together, that more than `nightsTolerance` is lost. @default 0.05 */
  readonly nightsAlpha?: number;
  /** A slice may be worse by this much. @default 0.03 */
  readonly sliceTolerance?: number;
  /** Slices with fewer near-duplicate groups are not tested. @default 50 */
  readonly sliceGroups?: number;
  /** Chance, over all slices together, that an equal challenger is refused for one. @default 0.05 */
  readonly sliceAlpha?: number;
  /** Calibration error (ECE, noise taken off) that is always good enough. @default 0.1 */
  readonly calibrationLimit?: number;
  /** Fewer judged near-duplicate groups than this decide nothing: copies of one prompt are one. @default 100 */
  readonly fewestGroups?: number;
  /** Where it would choose otherwise than the champion, so many of its choices must have been seen, or one in a hundred, near-duplicates counted once. @default 10 */
  readonly fewestSeen?: number;
}

export const GATE_DEFAULTS: Required<GateOptions> = {
  tolerance: 0.02,
  confidence: 0.9,
  nightsTolerance: 0.005,
  nights: 30,
  nightsAlpha: 0.05,
  sliceTolerance: 0.03,
  sliceGroups: 50,
  sliceAlpha: 0.05,
  calibrationLimit: 0.1,
  fewestGroups: 100,
  fewestSeen: 10,
};
