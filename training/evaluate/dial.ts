import type { PolicySpec, UtilityWeights } from 'pointsman';
import { NAMED_WEIGHTS } from 'pointsman/internal';
import { z } from 'zod';
import {
  describeCost,
  describeQuality,
  formatConfidence,
  formatCost,
  formatPoints,
  plural,
} from '../words.ts';
import {
  DIAL_LOSSES,
  DIAL_SETTINGS,
  type Dial,
  type DialSettingId,
  isLossSetting,
  type SettingWorth,
  settingLabel,
  WAY_IDS,
  type Ways,
} from './evaluation.ts';
import type {
  DialInput,
  EvaluationInput,
  EvaluationOptions,
  FoundWeights,
  TestPredictions,
  TrainMeans,
} from './evaluation-input.ts';
import {
  keepToLoss,
  measureSettings,
  type ValuedRows,
  valueRows,
  type WeighedRows,
  weighRows,
} from './setting-worth.ts';
import { unknownCosts } from './verdict.ts';
import { chainTo, compareWays, NOT_FOUND, noWays } from './ways.ts';

/**
 * What an evaluation says of settings: those of the dial, and other ways to ask. Found on the calibrate split, measured on the test
 * split.
 * @param best number of the best single candidate in training; null where there is none
 * @returns null where the input asks for none
 */
export function setDial(
  input: EvaluationInput,
  means: TrainMeans,
  best: number | null,
  settings: EvaluationOptions & { readonly seed: number; readonly resamples: number },
): Dial | null {
  const { dial, matrix, predictions, splits } = input;
  if (!dial) return null;
  const valuedOf = (rows: Int32Array, said: TestPredictions) =>
    valueRows(
      { ...input, splits: { ...splits, test: { role: 'test', rows } }, predictions: said },
      means,
      settings,
    );
  const weighed = (valued: ValuedRows | string, said: TestPredictions) =>
    typeof valued === 'string' ? valued : weighRows(valued, said, dial.candidates);
  const test = valuedOf(splits.test.rows, predictions);
  if (best === null || typeof test === 'string')
    return noDial(typeof test === 'string' ? test : 'There is no candidate to compare settings with.');
  const { answers, calibrate } = dial;
  const calibrated = calibrate && valuedOf(calibrate.rows, calibrate.predictions);
  const found = measureDial(
    weighRows(test, predictions, dial.candidates),
    calibrated && weighed(calibrated, calibrate!.predictions),
    matrix.candidates,
    best,
    { ...dial, seed: settings.seed },
  );
  if (answers === undefined || found.missing !== null) return found;
  const chain = chainOf(test, calibrated, { best, means }, input);
  if (typeof chain === 'string') return { ...found, ways: noWays(chain) };
  const ways = compareWays({
    ...{ matrix, chain, dial: { ...dial, answers }, seed: settings.seed, resamples: settings.resamples },
    test: { valued: test, predictions },
    calibrate: isValued(calibrated) ? { valued: calibrated, predictions: calibrate!.predictions } : null,
  });
  return { ...found, ways };
}

function isValued(valued: ValuedRows | string | null): valued is ValuedRows {
  return valued !== null && typeof valued !== 'string';
}

/** Whom ways to ask may ask, or why they are not compared, in a sentence. */
function chainOf(
  test: ValuedRows,
  calibrated: ValuedRows | string | null,
  { best, means }: { readonly best: number; readonly means: TrainMeans },
  { dial, matrix: { candidates } }: EvaluationInput,
): number[] | string {
  if (typeof calibrated === 'string') return `Of the calibrate split: ${calibrated}`;
  const isCompared = (c: number) =>
    c !== -1 &&
    [test, ...(isValued(calibrated) ? [calibrated] : [])].every(
      ({ comparison }) => comparison.costUsd !== null && comparison.compared.includes(c),
    );
  if (calibrated === null) {
    const { chain: names, missing } = dial?.foundWays ?? noWays(NOT_FOUND);
    if (missing !== null) return missing;
    const chain = names.map((name) => candidates.indexOf(name));
    const stranger = names.find((_, i) => !isCompared(chain[i]));
    return stranger === undefined
      ? chain
      : `Too few prompts have an outcome, or none a cost, of ${stranger}.`;
  }
  const chain = isCompared(best) ? chainTo(best, [...candidates.keys()].filter(isCompared), means) : [];
  if (chain.length > 1) return chain;
  return `${candidates[best]} is the best single candidate in training, and of those that can be compared none is cheaper: there is nobody to ask before it.`;
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

/** What the settings are measured beside, in the middle of a sentence. */
export function dialSubject({ against, isEstimated, rows }: Dial): string {
  if (against === null) return '';
  const { candidate, costUsd, quality } = against;
  return (
    `${isEstimated ? 'estimated on' : 'on'} ${plural(rows, 'test prompt')}, beside always using ${candidate} ` +
    `(${formatPoints(quality.estimate ?? 0)} points, ${formatCost(costUsd.estimate)} per 1,000 requests)`
  );
}

/** A setting in a sentence: what it is beside always using one candidate, and what it saves. */
export function sayWorth({ costUsd, difference, saving }: SettingWorth, candidate: string): string {
  const own = costUsd.estimate;
  const other = own === null || saving.estimate === null ? null : own + saving.estimate;
  const parts = [
    describeQuality(difference, `always using ${candidate}`),
    describeCost({ own, other, saving }),
  ];
  return `it ${parts.filter((part) => part !== '').join(', ')}`;
}

const FOUND_BEFORE =
  'The weights that keep to a loss are those that the training found; here they are measured, and nothing more is shown of them.';

/** What is to be said beneath the table: what is guaranteed, and why a setting has no figures. */
export function dialNotes(dial: Dial): string[] {
  return [...(dial.isExploring === true ? [EXPLORING] : []), ...settingNotes(dial)];
}

const EXPLORING =
  'Settings are measured without exploring; the policy in use explores beside, so that what is said of the router itself differs.';

function settingNotes({ against, settings }: Dial): string[] {
  const shown = settings.flatMap(({ guarantee }) => (guarantee === null ? [] : [guarantee]));
  const notes = settings.flatMap(({ id, reason }) =>
    reason === null ? [] : [`${settingLabel(id)}: ${reason}`],
  );
  const isFound = settings.some(({ guarantee, id, weights }) => {
    return isLossSetting(id) && weights !== null && guarantee === null;
  });
  if (isFound) return [FOUND_BEFORE, ...notes];
  if (shown.length === 0 || against === null) return notes;
  const { by, confidence, rows } = shown[0];
  const losses = shown.map(({ maxLoss }) => String(100 * maxLoss));
  const list = losses.length === 1 ? losses[0] : `${losses.slice(0, -1).join(', ')} and ${losses.at(-1)}`;
  return [
    `At most ${list} ${losses.length === 1 && losses[0] === '1' ? 'point' : 'points'} below always using ${against.candidate}: ` +
      `${losses.length === 1 ? '' : 'each '}${by === 'learn-then-test' ? 'shown' : 'estimated, by a normal approximation,'} on ` +
      `${plural(rows, 'prompt')} of the calibrate split, with ${formatConfidence(confidence)} confidence` +
      `${by === 'learn-then-test' ? ' (Learn-then-Test)' : ''}.`,
    ...notes,
  ];
}

const interval = z
  .object({
    estimate: z.number().nullable(),
    low: z.number().nullable(),
    high: z.number().nullable(),
    rows: z.number(),
    groups: z.number().optional(),
  })
  // Those of earlier versions do not say.
  .transform(({ groups, ...rest }) => ({ ...rest, groups: groups ?? rest.rows }));
const weight = z.number().min(0).max(1e6);

const worth = z.object({
  quality: interval,
  costUsd: interval,
  difference: interval,
  saving: interval,
  savedShare: interval.nullable(),
  shares: z.array(z.number()),
});

const guarantee = z.object({
  maxLoss: z.number(),
  confidence: z.number(),
  rows: z.number(),
  by: z.enum(['learn-then-test', 'normal approximation']),
});

const point = { dial: z.number(), cost: z.number(), quality: z.number() };

const ways: z.ZodType<Ways> = z.object({
  chain: z.array(z.string()),
  singles: z.array(z.object({ cost: z.number(), quality: z.number() })),
  rows: z.number(),
  chosenOn: z.number().nullable(),
  isEstimated: z.boolean(),
  ways: z.array(
    z.object({
      id: z.enum(WAY_IDS),
      curve: z.array(z.object(point)),
      savings: z.array(
        z.object({
          maxLoss: z.number(),
          dial: z.number().nullable(),
          difference: interval.nullable(),
          savedShare: interval.nullable(),
          reason: z.string().nullable(),
        }),
      ),
      missing: z.string().nullable(),
    }),
  ),
  missing: z.string().nullable(),
});

const schema: z.ZodType<Dial> = z.object({
  against: z.object({ candidate: z.string(), quality: interval, costUsd: interval }).nullable(),
  rows: z.number(),
  isEstimated: z.boolean(),
  settings: z.array(
    z.object({
      id: z.enum(DIAL_SETTINGS),
      weights: z.object({ quality: weight, cost: weight, latency: weight }).nullable(),
      worth: worth.nullable(),
      guarantee: guarantee.nullable(),
      reason: z.string().nullable(),
    }),
  ),
  inUse: z.enum(DIAL_SETTINGS).nullable(),
  isExploring: z.boolean().optional(),
  ways: ways.optional(),
  missing: z.string().nullable(),
});

/**
 * The dial in the bytes of a `metrics.json`, which comes from whoever made the artifact.
 * @returns null where there is none, as in those of earlier versions, or what is there is no dial
 */
export function readDial(metrics: Uint8Array): Dial | null {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(metrics));
    return schema.safeParse((parsed as { dial?: unknown } | null)?.dial).data ?? null;
  } catch {
    return null;
  }
}
