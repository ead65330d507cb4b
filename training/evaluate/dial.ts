import { NAMED_WEIGHTS, type PolicySpec, type UtilityWeights } from 'pointsman/policy';
import {
  DIAL_LOSSES,
  DIAL_SETTINGS,
  type DialSettingId,
  isLossSetting,
} from '../evaluation/dial-settings.ts';
import { unknownCosts } from '../evaluation/off-policy-verdict.ts';
import type { Dial } from './evaluation.ts';
import type { DialInput, FoundWeights } from './evaluation-input.ts';
import { keepToLoss } from './keep-weights.ts';
import { measureSettings, type WeighedRows } from './setting-worth.ts';

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
    if (!isLossSetting(id)) return { id, weights: NAMED_WEIGHTS[id], guarantee: null, reason: null };
    const weights = found[id];
    if (typeof weights === 'string') return { id, weights: null, guarantee: null, reason: weights };
    if (weights !== undefined) return { id, weights, guarantee: null, reason: null };
    if (calibrate === null || typeof calibrate === 'string')
      return { id, weights: null, guarantee: null, reason: calibrate ?? NOT_LOOKED_FOR };
    return { id, ...keepToLoss(calibrate, single, DIAL_LOSSES[id], { seed }) };
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
    ...((policy as PolicySpec).kind === 'explore' ? { isExploring: true } : {}),
    missing: null,
  };
}

/** Other traffic may not say it, as what finds weights must not measure them. */
const NOT_LOOKED_FOR = "Training looks for it, and what this router's training found is not known here.";

/** What a dial has found of settings that keep to a loss, to be measured on other traffic. */
export function foundWeights({ missing, settings }: Dial): FoundWeights {
  const none = (why: string): string => `The training found none: ${why}`;
  if (missing !== null) return Object.fromEntries(Object.keys(DIAL_LOSSES).map((id) => [id, none(missing)]));
  return Object.fromEntries(
    settings
      .filter(({ id }) => isLossSetting(id))
      .map(({ id, reason, weights }) => [id, weights ?? none(reason ?? 'it does not say why.')]),
  );
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

/** The setting to name as an example: one that there is; a middle loss where there is one. */
export function settingToTry({ settings }: Pick<Dial, 'settings'>): DialSettingId {
  const order: readonly DialSettingId[] = ['lose-2', 'lose-5', 'lose-1', 'balanced', 'best', 'cheapest'];
  const isThere = (id: DialSettingId) =>
    settings.some((one) => one.id === id && one.weights !== null && one.worth !== null);
  return order.find(isThere) ?? 'balanced';
}
