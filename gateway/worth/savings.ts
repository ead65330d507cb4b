import type { Router } from 'pointsman';
import type { ReadSample, SampledDecision } from '../sample/decision-sample.ts';
import { type Estimate, estimate, type Scored } from './estimate.ts';

/** What a router did beside what another way to choose would have done, on the same requests. */
export interface Comparison {
  /** `best single`, `dearest`, `best fixed mix`. */
  readonly kind: 'best single' | 'dearest' | 'best fixed mix';
  /** Who would have answered; of a mix several, with their shares. */
  readonly who: Shares;
  /** US dollars a request that it would have cost more than what was spent; below 0, less. */
  readonly savedUsd: Estimate;
  /** Mean quality of the router minus its, 0 to 1, over rated answers; null while none is rated. */
  readonly gainedQuality: Estimate | null;
}

/** What decisions of a router were worth. */
export interface Savings {
  /** Decisions that were looked at; 0 where there are none yet. */
  readonly decisions: number;
  /** The probability with which each of the period is among them. */
  readonly share: number;
  readonly since: string | null;
  readonly rated: number;
  /** Decisions whose cost is not known: left out. */
  readonly unknownCosts: number;
  /** US dollars a request that were spent, retries and second attempts included. */
  readonly meanCostUsd: number | null;
  /** Mean rating, 0 to 1. */
  readonly meanQuality: number | null;
  readonly comparisons: readonly Comparison[];
}

/** @param sample decisions of this router's versions */
export function savingsOf(router: Router, { decisions: sample, share }: ReadSample): Savings {
  const priced = sample.filter(({ costUsd }) => costUsd !== null);
  const rated = priced.filter(({ quality }) => quality !== null);
  const meanOf = (values: readonly number[]) =>
    values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanCostUsd = meanOf(priced.map(({ costUsd }) => costUsd as number));
  const common = {
    decisions: priced.length,
    share,
    since: priced[0]?.decision.at ?? null,
    rated: rated.length,
    unknownCosts: sample.length - priced.length,
    meanCostUsd,
    meanQuality: meanOf(rated.map(({ quality }) => quality as number)),
  };
  if (meanCostUsd === null) return { ...common, comparisons: [] };
  const worths = router.manifest.candidates.map(({ meanQuality, name }) => ({
    name,
    cost: estimate(
      priced.map((row) => costScore(row, { [name]: 1 })).filter((score) => score !== null),
      `choices of ${name}`,
    ),
    expectedQuality: meanQuality,
  }));
  // Of a candidate whose cost nobody expects, there is nothing to compare with.
  const known = worths.filter(({ cost }) => cost.rows >= 0.9 * priced.length);
  const compare = (kind: Comparison['kind'], who: Shares): Comparison => {
    const subject = `choices of ${Object.keys(who).join(' and ')}`;
    const costs = priced
      .map((row) => costScore(row, who, row.costUsd as number))
      .filter((score) => score !== null);
    const qualities = rated
      .map((row) => qualityScore(row, who, row.quality as number))
      .filter((score) => score !== null);
    return {
      kind,
      who,
      savedUsd: estimate(costs, subject),
      gainedQuality: qualities.length === 0 ? null : negated(estimate(qualities, `rated ${subject}`)),
    };
  };
  // As training chose it: to choose by the ratings that it is compared on would flatter it.
  const best = largest(known, ({ expectedQuality }) => expectedQuality ?? Number.NEGATIVE_INFINITY);
  const dearest = largest(known, ({ cost }) => cost.value);
  const mix = bestMix(
    known.map(({ cost, expectedQuality, name }) => ({ name, cost: cost.value, quality: expectedQuality })),
    meanCostUsd,
  );
  return {
    ...common,
    comparisons: [
      ...(best === undefined || best.expectedQuality === null
        ? []
        : [compare('best single', { [best.name]: 1 })]),
      ...(dearest === undefined ? [] : [compare('dearest', { [dearest.name]: 1 })]),
      ...(mix === null ? [] : [compare('best fixed mix', mix)]),
    ],
  };
}

/**
 * What one decision says of what a choice would have cost. Null where nothing is expected of it.
 * @param who may have been chosen, with probabilities that sum to 1. @param minus what is taken off
 */
export function costScore(row: SampledDecision, who: Shares, minus: number | null = null): Scored | null {
  return scoreOf(row, who, minus, ({ expectedCostUsd }) => expectedCostUsd, row.costUsd);
}

/** The same of how good the answer would have been. */
export function qualityScore(row: SampledDecision, who: Shares, minus: number | null = null): Scored | null {
  return scoreOf(row, who, minus, ({ successProbability }) => successProbability, row.quality);
}

type Shares = Readonly<Record<string, number>>;
type Prediction = SampledDecision['decision']['predictions'][number];

function scoreOf(
  { decision, isPlain }: SampledDecision,
  who: Shares,
  minus: number | null,
  expectationOf: (prediction: Prediction) => number | null,
  seen: number | null,
): Scored | null {
  const expectedOf = (name: string) => {
    const prediction = decision.predictions.find(({ candidate }) => candidate === name);
    return prediction === undefined ? null : expectationOf(prediction);
  };
  let expected = 0;
  for (const [name, share] of Object.entries(who)) {
    const amount = expectedOf(name);
    if (amount === null) return null;
    expected += share * amount;
  }
  const own = expectedOf(decision.candidate) ?? 0;
  const share = who[decision.candidate] ?? 0;
  const isSeen = share > 0 && isPlain && seen !== null;
  return {
    expected,
    error: isSeen ? (seen as number) - own : 0,
    weight: isSeen ? share / propensityOf(decision, decision.candidate) : 0,
    // What was chosen and then answered by several calls was not seen as such.
    isCovered: Object.keys(who).every((name) => propensityOf(decision, name) > 0) && (isSeen || share === 0),
    minus: minus ?? 0,
    minusExpected: minus === null ? 0 : own,
    group: decision.promptHash,
  };
}

/** Probability with which the policy would have decided for a candidate. */
function propensityOf(
  { candidate, propensities, propensity }: SampledDecision['decision'],
  name: string,
): number {
  return propensities?.[name] ?? (name === candidate ? propensity : 0);
}

/** How much the router gained on it is the other way round what it gained on the router. */
function negated({ high, low, value, ...rest }: Estimate): Estimate {
  return { ...rest, value: -value, low: high === null ? null : -high, high: low === null ? null : -low };
}

function largest<T>(list: readonly T[], of: (item: T) => number): T | undefined {
  let found: T | undefined;
  for (const item of list) if (found === undefined || of(item) > of(found)) found = item;
  return found;
}

interface Point {
  readonly name: string;
  readonly cost: number;
  readonly quality: number | null;
}

/** Shares of two candidates, drawn without looking at the request, that cost as much as was spent and are expected to be best. Null where no two do. */
export function bestMix(points: readonly Point[], costUsd: number): Shares | null {
  let found: { readonly who: Shares; readonly quality: number } | null = null;
  for (const cheap of points)
    for (const dear of points) {
      if (cheap.quality === null || dear.quality === null || !(cheap.cost <= costUsd && costUsd < dear.cost))
        continue;
      const share = (costUsd - cheap.cost) / (dear.cost - cheap.cost);
      const quality = (1 - share) * cheap.quality + share * dear.quality;
      if (found !== null && quality <= found.quality) continue;
      found = {
        who: share === 0 ? { [cheap.name]: 1 } : { [cheap.name]: 1 - share, [dear.name]: share },
        quality,
      };
    }
  return found?.who ?? null;
}
