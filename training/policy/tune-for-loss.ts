import { createRandom } from 'pointsman/math';
import { learnThenTest } from './learn-then-test.ts';
import { lossesOf } from './measure-setting.ts';
import { bettingPValue, predictivePValue } from './p-values.ts';
import type { RoutingFamily } from './routing-family.ts';
import type { TuningRows } from './tuning-rows.ts';

export interface LossGuarantee {
  /** ε: the most that mean quality may be below that of the last candidate. */
  readonly maxQualityLoss: number;
  /** δ: how likely the guarantee may fail. @default 0.1 */
  readonly delta?: number;
  /** Order in which rows are bet on. @default 0 */
  readonly seed?: number;
}

/**
 * The riskiest, and so cheapest, setting of which it is shown that it loses at most ε against the last candidate. They
 * must be rows that nothing was fitted on; how likely a draw of them misleads is δ.
 *
 * Two things are shown at once: that the true mean loss is at most ε, at level δ/2 and without approximation; and that
 * the mean over as many further requests is too, at level δ by a normal approximation. The true mean alone would let
 * the loss that one then observes exceed ε more often than in a share δ of the cases.
 *
 * @returns the dial; null when not even the safest setting can be shown to do, for want of rows
 */
export function tuneForLoss(
  family: RoutingFamily,
  rows: TuningRows,
  { maxQualityLoss, delta = 0.1, seed = 0 }: LossGuarantee,
): number | null {
  const count = rows.quality.length / rows.columns;
  const order = createRandom(seed).shuffle(Int32Array.from({ length: count }, (_, i) => i));
  const shuffled = new Float64Array(count);
  const passed = learnThenTest(
    family.dials.length,
    (setting) => {
      const losses = lossesOf(family, family.dials[setting], rows);
      for (let i = 0; i < count; i++) shuffled[i] = losses[order[i]];
      const bets = 2 * bettingPValue(shuffled, maxQualityLoss, delta / 2);
      return bets > delta ? bets : Math.max(bets, predictivePValue(losses, maxQualityLoss));
    },
    delta,
  );
  return passed === -1 ? null : family.dials[passed];
}
