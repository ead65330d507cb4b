import { createRandom } from 'pointsman/math';
import { learnThenTest } from '../policy/learn-then-test.ts';
import { countDraws, lossPValue } from '../policy/loss-draws.ts';
import { lossesOf, measureSetting } from '../policy/measure-setting.ts';
import type { TuningRows } from '../policy/tuning-rows.ts';
import type { RoutingFamily } from './settings.ts';

export interface LossGuarantee {
  /** ε: the most that mean quality may be below that of the last candidate. */
  readonly maxQualityLoss: number;
  /** δ: how likely the guarantee may fail. @default 0.1 */
  readonly delta?: number;
  /** Order in which near-duplicate groups are bet on. @default 0 */
  readonly seed?: number;
}

/**
 * The riskiest, and so cheapest, setting of which it is shown that it loses at most ε against the last candidate. They
 * must be rows that nothing was fitted on; how likely a draw of them misleads is δ.
 *
 * @returns the dial; null when not even the safest setting can be shown to do, for want of rows
 */
export function tuneForLoss(
  family: RoutingFamily,
  rows: TuningRows,
  guarantee: LossGuarantee,
): number | null {
  const passed = riskiestSetting(
    family.dials.length,
    (setting) => lossesOf(family, family.dials[setting], rows),
    rows.groups,
    guarantee,
  );
  return passed === -1 ? null : family.dials[passed];
}

/**
 * The last of a sequence of settings, safest first, of which it is shown that it keeps to the loss.
 *
 * Two things are shown at once: that the true mean loss is at most ε, at level δ/2 and without approximation; and that
 * the mean over as many further requests is too, at level δ by a normal approximation. The true mean alone would let
 * the loss that one then observes exceed ε more often than in a share δ of the cases. See `lossPValue`.
 *
 * @param settings how many; fixed beforehand, as is their order @param lossesOf losses of a setting, `[rows]`, in [-1, 1]
 * @param groups near-duplicate group of each row: rows of one are one draw, and what is shown is still the mean over rows
 * @returns its number; -1 when not even the first can be shown to
 */
export function riskiestSetting(
  settings: number,
  lossesOf: (setting: number) => Float64Array,
  groups: ArrayLike<number>,
  { maxQualityLoss, delta = 0.1, seed = 0 }: LossGuarantee,
): number {
  const draws = countDraws(groups);
  const order = createRandom(seed).shuffle(Int32Array.from(draws.sizes.keys()));
  return learnThenTest(
    settings,
    (setting) => lossPValue(lossesOf(setting), draws, maxQualityLoss, order, delta),
    delta,
  );
}

/** The fewest near-duplicate groups on which it can be shown that a setting which loses nothing keeps to a loss of ε. */
export function fewestGroupsFor(maxQualityLoss: number, delta = 0.1): number {
  const isShown = (groups: number) =>
    riskiestSetting(
      1,
      () => new Float64Array(groups),
      Int32Array.from({ length: groups }, (_, i) => i),
      {
        maxQualityLoss,
        delta,
      },
    ) === 0;
  let high = 1;
  while (!isShown(high)) {
    high *= 2;
    if (high > 1e6) return high;
  }
  let low = high / 2;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isShown(middle)) high = middle;
    else low = middle;
  }
  return high;
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
