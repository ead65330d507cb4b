import { createRandom } from 'pointsman/math';
import { learnThenTest } from './learn-then-test.ts';
import { lossesOf, measureSetting } from './measure-setting.ts';
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

/** A setting of one of several families. */
export interface TunedSetting {
  readonly family: RoutingFamily;
  readonly dial: number;
}

/**
 * The cheapest of what {@link tuneForLoss} finds along each path, each tested at its part of the level (Bonferroni): half
 * of it for the first path, which is the one to take where nothing speaks for another. With
 * probability 1-δ every setting that passed on any path keeps to the loss, so the one that is picked afterwards, by
 * what it costs on the very same rows, does too.
 *
 * @returns null when no path has a setting that can be shown to do
 */
export function tuneAlongPaths(
  paths: readonly RoutingFamily[],
  rows: TuningRows,
  { delta = 0.1, ...guarantee }: LossGuarantee,
): TunedSetting | null {
  let best: (TunedSetting & { readonly saved: number }) | null = null;
  const [first, others] = paths.length === 1 ? [delta, 0] : [delta / 2, delta / 2 / (paths.length - 1)];
  for (const family of paths) {
    const dial = tuneForLoss(family, rows, { ...guarantee, delta: family === paths[0] ? first : others });
    if (dial === null) continue;
    const { costSaved, strongShare } = measureSetting(family, dial, rows);
    const saved = costSaved ?? 1 - strongShare;
    if (best === null || saved > best.saved) best = { family, dial, saved };
  }
  return best === null ? null : { family: best.family, dial: best.dial };
}
