import type { UtilityWeights } from 'pointsman';
import { type ScoreDoubt, scoreDoubt, scoreInterval } from '../off-policy/score-interval.ts';
import { fewestGroupsFor, learnThenTest, riskiestSetting } from '../tune/guarantee.ts';
import { WEIGHT_SETTINGS } from '../tune/settings.ts';
import { formatCount, formatDollars, formatPoints, plural, pluralInGroups } from '../words/format-number.ts';
import type { LossShown } from './evaluation.ts';
import { comparableRows, type WeighedRows } from './setting-worth.ts';

/** That the mean cost of a request is at most `maxCostUsd`; by a normal approximation. */
export interface CostShown {
  readonly maxCostUsd: number;
  /** 0 to 1 */
  readonly confidence: number;
  readonly rows: number;
}

/** Weights that keep to something, or why there are none. */
interface Kept<Shown> {
  readonly weights: UtilityWeights | null;
  readonly guarantee: Shown | null;
  /** In a sentence; null where there are weights. */
  readonly reason: string | null;
}

interface KeepOptions {
  /** 0 to 1. @default 0.9 */
  readonly confidence?: number;
  /** Of the order in which near-duplicate groups are bet on. @default 0 */
  readonly seed?: number;
}

/**
 * The cheapest of {@link WEIGHT_SETTINGS} of which it is shown that they lose at most so much against always using one
 * candidate: Learn-then-Test, from the highest quality on.
 *
 * @param single number of the candidate
 */
export function keepToLoss(
  weighed: WeighedRows,
  single: number,
  maxLoss: number,
  { confidence = 0.9, seed = 0 }: KeepOptions = {},
): Kept<LossShown> {
  const { choices, columns, doubtOf, groups, refuse, rows } = triedRows(weighed);
  const { comparison, isEstimated } = weighed.valued;
  const lossesOf = (setting: number) =>
    Float64Array.from(rows, (row) => {
      const at = row * columns;
      return comparison.quality[at + single] - comparison.quality[at + choices[setting][row]];
    });
  const delta = 1 - confidence;
  const passed = isEstimated
    ? learnThenTest(
        choices.length,
        (setting) =>
          refuse(setting) === null &&
          isShown(lossesOf(setting), groups, maxLoss, delta, doubtOf(setting, single))
            ? delta
            : 1,
        delta,
      )
    : riskiestSetting(choices.length, lossesOf, groups, {
        maxQualityLoss: maxLoss,
        delta,
        seed,
      });
  if (passed === -1)
    return {
      weights: null,
      guarantee: null,
      reason: refuse(0) ?? lossNotShown(lossesOf(0), new Set(groups).size, maxLoss, delta),
    };
  const by = isEstimated ? 'normal approximation' : 'learn-then-test';
  return {
    weights: WEIGHT_SETTINGS[passed],
    guarantee: { maxLoss, confidence, rows: rows.length, by },
    reason: null,
  };
}

/**
 * Those of the highest quality of which it is shown that a request costs at most so much on average, from the cheapest on.
 * Costs have no bound, so that it is shown by a normal approximation.
 *
 * @param maxCostUsd US dollars a request
 */
export function keepToCost(
  weighed: WeighedRows,
  maxCostUsd: number,
  { confidence = 0.9 }: Omit<KeepOptions, 'seed'> = {},
): Kept<CostShown> {
  const { choices, columns, doubtOf, groups, refuse, rows } = triedRows(weighed);
  const delta = 1 - confidence;
  const { costUsd } = weighed.valued.comparison;
  const last = choices.length - 1;
  const costsOf = (setting: number) =>
    Float64Array.from(rows, (row) => costUsd![row * columns + choices[setting][row]]);
  const passed = learnThenTest(
    choices.length,
    (step) =>
      refuse(last - step) === null &&
      isShown(costsOf(last - step), groups, maxCostUsd, delta, doubtOf(last - step, null))
        ? delta
        : 1,
    delta,
  );
  if (passed === -1) {
    const cheapest = costsOf(last).reduce((sum, cost) => sum + cost, 0) / rows.length;
    return {
      weights: null,
      guarantee: null,
      reason: refuse(last) ?? costNotShown(cheapest, rows.length, maxCostUsd),
    };
  }
  return {
    weights: WEIGHT_SETTINGS[last - passed],
    guarantee: { maxCostUsd, confidence, rows: rows.length },
    reason: null,
  };
}

/** What every setting chooses, and the rows on which that can be valued. */
function triedRows({ choose, valued }: WeighedRows) {
  const { comparison, isEstimated, refuse } = valued;
  const choices = WEIGHT_SETTINGS.map(choose);
  const rows = isEstimated ? Int32Array.from(comparison.positions.keys()) : comparableRows(valued, choices);
  const isRefused = isEstimated || rows.length === 0;
  return {
    choices,
    rows,
    columns: comparison.quality.length / comparison.positions.length,
    groups: Int32Array.from(rows, (row) => comparison.groups[row]),
    /** What is to be doubted of a setting's loss against one candidate, or of its cost, where they are estimated. */
    doubtOf: (setting: number, single: number | null): ScoreDoubt | null => {
      const { doubt, positions } = comparison;
      if (doubt === undefined) return null;
      const chosen = { chosen: choices[setting] };
      return single === null
        ? scoreDoubt(doubt, chosen, null, null)
        : scoreDoubt(doubt, { chosen: new Int32Array(positions.length).fill(single) }, chosen);
    },
    /** Why a setting cannot be valued; where none can on any row, why another cannot. */
    refuse: (setting: number): string | null => {
      if (!isRefused) return null;
      const own = refuse(choices[setting]);
      if (own !== null || isEstimated) return own;
      return choices.map((chosen) => refuse(chosen)).find((why) => why !== null) ?? null;
    },
  };
}

/** Whether it is shown that the mean of these scores is at most `limit`, but for a chance of `delta`: by its one-sided interval. */
function isShown(
  scores: Float64Array,
  groups: Int32Array,
  limit: number,
  delta: number,
  doubt: ScoreDoubt | null,
): boolean {
  const { high } = scoreInterval(scores, groups, { level: 1 - 2 * delta, doubt });
  return high !== null && high <= limit;
}

function lossNotShown(losses: Float64Array, groups: number, maxLoss: number, delta: number): string {
  const lost = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  const [rows, most] = [pluralInGroups(losses.length, groups, 'prompt'), formatPoints(maxLoss)];
  const quality = 'the weights of the highest quality';
  if (lost > maxLoss)
    return `Even ${quality} lose ${formatPoints(lost)} points on the ${rows} that it is looked for on.`;
  const fewest = fewestGroupsFor(maxLoss, delta);
  const few = `${rows} are too few to show a loss of at most ${most} points`;
  if (groups < fewest) return `${few}; ${formatCount(fewest)} would do if nothing were lost.`;
  return `${few}, as ${quality} ${lost > 0 ? `lose ${formatPoints(lost)}` : 'gain too little for sure'}.`;
}

function costNotShown(cheapest: number, rows: number, maxCostUsd: number): string {
  const most = `${formatDollars(maxCostUsd)} a request`;
  return cheapest > maxCostUsd
    ? `Even the cheapest weights cost ${formatDollars(cheapest)} a request, and ${most} is the most that it may cost.`
    : `${plural(rows, 'prompt')} are too few to show a cost of at most ${most}, as the cheapest weights cost ${formatDollars(cheapest)}.`;
}
