import { NAMED_WEIGHTS, type PolicyCandidate, type PolicySpec, type UtilityWeights } from 'pointsman/policy';
import { scoreInterval } from '../off-policy/index.ts';
import {
  fewestRowsFor,
  learnThenTest,
  normalAbove,
  riskiestSetting,
  WEIGHT_SETTINGS,
} from '../policy/index.ts';
import { formatPoints, type Interval, plural } from '../words/format-number.ts';
import type { TestPredictions } from './evaluation-input.ts';
import { unknownCosts } from './off-policy-verdict.ts';
import { comparableRows, measureSettings, type SettingWorth, type WeighedRows } from './setting-worth.ts';

/** Settings that lose at most so much quality against always using the best single candidate. */
export const DIAL_LOSSES = { 'lose-1': 0.01, 'lose-2': 0.02, 'lose-5': 0.05 } as const;
/** From the highest quality to the lowest cost. */
export const DIAL_SETTINGS = ['best', 'lose-1', 'lose-2', 'lose-5', 'balanced', 'cheapest'] as const;

export type DialSettingId = (typeof DIAL_SETTINGS)[number];

/** What a router's weights are worth from the highest quality to the lowest cost. Plain JSON, in `metrics.json`. */
export interface Dial {
  /** Always using the best single candidate in training, which settings are compared with; null where nothing is. */
  readonly against: {
    readonly candidate: string;
    readonly quality: Interval;
    readonly costUsd: Interval;
  } | null;
  /** Test prompts that the settings were measured on. */
  readonly rows: number;
  /** Whether figures are doubly robust estimates. */
  readonly isEstimated: boolean;
  readonly settings: readonly DialSetting[];
  /** The setting that the router's own policy is at; null where it is at none of them. */
  readonly inUse: DialSettingId | null;
  /** Why there is no dial, in a sentence; null where there is. */
  readonly missing: string | null;
}

export interface DialSetting {
  readonly id: DialSettingId;
  /** Null where no weights can be shown to keep to the loss. */
  readonly weights: UtilityWeights | null;
  /** On the test split; null where it was not measured. */
  readonly worth: SettingWorth | null;
  /** Null where none was asked for. */
  readonly guarantee: LossShown | null;
  /** Why there are no weights, or no figures, in a sentence; null where there are both. */
  readonly reason: string | null;
}

/** That mean quality is at most `maxLoss` below that of always using one candidate. */
export interface LossShown {
  readonly maxLoss: number;
  /** 0 to 1 */
  readonly confidence: number;
  /** Prompts that show it. Nothing was fitted on them but the calibrators. */
  readonly rows: number;
  /** By Learn-then-Test; where outcomes were estimated, by a normal approximation to their mean. */
  readonly by: 'learn-then-test' | 'normal approximation';
}

/** What an evaluation needs to set the dial. */
export interface DialInput {
  /** As in the manifest, in the order of the matrix. */
  readonly candidates: readonly PolicyCandidate[];
  /** The router's own. */
  readonly policy: unknown;
  /**
   * What the artifact said of prompts of the calibrate split, by their rows in the matrix. Null: settings that keep to a loss
   * are not looked for.
   */
  readonly calibrate: { readonly rows: Int32Array; readonly predictions: TestPredictions } | null;
  /** Weights that keep to a loss, as an earlier evaluation found them. @default none */
  readonly found?: Readonly<Partial<Record<DialSettingId, UtilityWeights>>>;
}

/**
 * Finds weights on the calibrate split, and measures them on the test split: never the other way about.
 * @param test @param calibrate rows of the splits; null, or why there are none
 * @param names of candidates, in the order of the tables @param single number of the best single candidate in training
 */
export function measureDial(
  test: WeighedRows,
  calibrate: WeighedRows | string | null,
  names: readonly string[],
  single: number,
  { found = {}, policy, seed }: Pick<DialInput, 'found' | 'policy'> & { readonly seed: number },
): Dial {
  const { comparison, costsUnknown, isEstimated } = test.valued;
  if (comparison.costUsd === null) return noDial(unknownCosts({ costsUnknown }));
  const settings = DIAL_SETTINGS.map((id) => {
    if (!isLoss(id)) return { id, weights: NAMED_WEIGHTS[id], guarantee: null, reason: null };
    const weights = found[id];
    if (weights !== undefined) return { id, weights, guarantee: null, reason: null };
    if (calibrate === null || typeof calibrate === 'string')
      return { id, weights: null, guarantee: null, reason: calibrate ?? 'It is found in training.' };
    return { id, ...keepToLoss(calibrate, single, { maxLoss: DIAL_LOSSES[id], seed }) };
  });
  const measured = measureSettings(
    test.valued,
    settings.map(({ weights }) => weights && test.choose(weights)),
    single,
  );
  return {
    against: { candidate: names[single], ...measured.against },
    rows: measured.against.quality.rows,
    isEstimated,
    settings: settings.map((setting, i) => {
      const worth = measured.settings[i];
      return typeof worth === 'string'
        ? { ...setting, worth: null, reason: setting.reason ?? worth }
        : { ...setting, worth };
    }),
    inUse: settings.find(({ weights }) => weights !== null && hasWeights(policy, weights))?.id ?? null,
    missing: null,
  };
}

/** Whether a policy weighs so, as `utility` or exploring around it. */
export function hasWeights(policy: unknown, weights: UtilityWeights): boolean {
  const spec = policy as PolicySpec;
  if (spec.kind === 'explore') return hasWeights(spec.policy, weights);
  if (spec.kind !== 'utility') return false;
  const own = typeof spec.weights === 'object' ? spec.weights : NAMED_WEIGHTS[spec.weights ?? 'best'];
  return own.quality === weights.quality && own.cost === weights.cost && own.latency === weights.latency;
}

/** A dial that cannot be set. @param missing why, in a sentence */
export function noDial(missing: string): Dial {
  return { against: null, rows: 0, isEstimated: false, settings: [], inUse: null, missing };
}

function isLoss(id: Exclude<DialSettingId, never>): id is keyof typeof DIAL_LOSSES {
  return id in DIAL_LOSSES;
}

export interface KeepOptions {
  readonly maxLoss: number;
  /** @default 0.9 */
  readonly confidence?: number;
  /** Of the order in which rows are bet on. */
  readonly seed: number;
}

/**
 * The cheapest of {@link WEIGHT_SETTINGS} of which it is shown that they lose at most so much against always using one candidate.
 * Near-duplicate prompts count as one draw.
 */
export function keepToLoss(
  { choose, valued }: WeighedRows,
  single: number,
  { maxLoss, confidence = 0.9, seed }: KeepOptions,
): Pick<DialSetting, 'weights' | 'guarantee' | 'reason'> {
  const { comparison, groups, isEstimated, refuse } = valued;
  const columns = comparison.quality.length / comparison.positions.length;
  const choices = WEIGHT_SETTINGS.map(choose);
  const rows = isEstimated ? Int32Array.from(comparison.positions.keys()) : comparableRows(valued, choices);
  const lossesOf = (setting: number) =>
    Float64Array.from(
      rows,
      (row) =>
        comparison.quality[row * columns + single] -
        comparison.quality[row * columns + choices[setting][row]],
    );
  const own = Int32Array.from(rows, (row) => groups[row]);
  const delta = 1 - confidence;
  const passed = isEstimated
    ? learnThenTest(
        choices.length,
        (setting) => (refuse(choices[setting]) === null ? meanPValue(lossesOf(setting), own, maxLoss) : 1),
        delta,
      )
    : riskiestSetting(choices.length, lossesOf, own, { maxQualityLoss: maxLoss, delta, seed });
  if (passed === -1) {
    const reason = isEstimated ? refuse(choices[0]) : null;
    return { weights: null, guarantee: null, reason: reason ?? notShown(lossesOf(0), maxLoss, delta) };
  }
  const by = isEstimated ? 'normal approximation' : 'learn-then-test';
  return {
    weights: WEIGHT_SETTINGS[passed],
    guarantee: { maxLoss, confidence, rows: rows.length, by },
    reason: null,
  };
}

/** P-value for "the mean of these scores is over `limit`", by the normal interval of the mean. */
function meanPValue(scores: Float64Array, groups: Int32Array, limit: number): number {
  const { estimate, high } = scoreInterval(scores, groups);
  if (estimate === null || high === null) return 1;
  const error = (high - estimate) / 1.96;
  return error === 0 ? Number(estimate > limit) : normalAbove((limit - estimate) / error);
}

function notShown(losses: Float64Array, maxLoss: number, delta: number): string {
  const lost = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  const [rows, most] = [plural(losses.length, 'prompt'), formatPoints(maxLoss)];
  if (lost > maxLoss)
    return `Even the weights of the highest quality lose ${formatPoints(lost)} points on the ${rows} that it is looked for on.`;
  const fewest = fewestRowsFor(maxLoss, delta);
  return losses.length < fewest
    ? `${rows} are too few to show a loss of at most ${most} points; ${fewest.toLocaleString('en-US')} would do if nothing were lost.`
    : `${rows} are too few to show a loss of at most ${most} points, as the weights of the highest quality lose ${formatPoints(lost)}.`;
}
