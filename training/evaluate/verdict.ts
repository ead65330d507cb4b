import { largest } from 'pointsman/internal';
import {
  type CostPair,
  type CostStanding,
  costStanding,
  describeCost,
  describeQuality,
  fixedMixName,
  formatCount,
  formatPercent,
  type Interval,
  plural,
  pluralInGroups,
  type QualityStanding,
  qualityStanding,
} from '../words.ts';
import type { Coverage, Evaluation, OffPolicyEvaluation, Strategy, Verdict } from './evaluation.ts';

/** Under so many near-duplicate groups, a figure is a hint. */
const FEW_GROUPS = 200;

interface VerdictInput {
  readonly strategies: readonly Strategy[];
  readonly coverage: Coverage;
  /** Names, in the order of the strategies' shares. */
  readonly candidates: readonly string[];
  /** Name of the best single candidate on the training rows; null when nothing could be compared. */
  readonly bestSingle: string | null;
  /** How the strategies' figures were estimated. @default null: they were read off */
  readonly offPolicy?: OffPolicyEvaluation | null;
}

/**
 * Says in one sentence what the router is beside the best single candidate, at which cost, and whether it beats having no router.
 * "No router" is the best fixed mix that costs no more, where costs are known, since always using one candidate is such a
 * mix; the best single candidate where they are not.
 */
export function describeVerdict({
  strategies,
  coverage,
  candidates,
  bestSingle,
  offPolicy = null,
}: VerdictInput): Verdict {
  const find = (id: string) => strategies.find((one) => one.id === id);
  const [router, single, mix] = [find('router'), find('bestSingle'), find('fixedMix')];
  if (!router || !single || bestSingle === null) {
    return {
      outcome: 'unmeasured',
      sentence: offPolicy ? refusalSentence(offPolicy) : unmeasuredSentence(coverage, candidates),
      caveats: offPolicy?.refusals.slice(1) ?? [],
      bestSingle,
      againstBestSingle: null,
      againstFixedMix: null,
    };
  }
  const isSingle = mix?.shares.some((share, c) => share > 1 - 1e-6 && single.shares[c] === 1) ?? true;
  const facts: VerdictFacts = {
    rows: router.quality.rows,
    rowsLeftOut:
      coverage.incompleteRows +
      (offPolicy ? 0 : coverage.unmeasuredChoices + (coverage.plans?.unknownRows ?? 0)),
    bestSingle,
    // Whoever always answers in the end is not always asked alone.
    onlyChoice: coverage.plans
      ? null
      : (candidates[router.shares.findIndex((share) => share > 1 - 1e-9)] ?? null),
    quality: single.difference,
    costs: costsOf(router, single),
    mix: !mix || isSingle ? null : { quality: mix.difference, costs: costsOf(router, mix) },
    isEstimated: offPolicy !== null,
  };
  return {
    ...sayVerdict(facts),
    caveats: offPolicy ? offPolicyCaveats(offPolicy, coverage) : listCaveats(coverage, router.quality),
    bestSingle,
    againstBestSingle: single.difference,
    againstFixedMix: mix?.difference ?? null,
  };
}

function costsOf(router: Strategy, other: Strategy): CostPair {
  return {
    own: router.costUsd?.estimate ?? null,
    other: other.costUsd?.estimate ?? null,
    saving: other.saving ?? null,
  };
}

/** What the sentence is made from. */
export interface VerdictFacts {
  readonly rows: number;
  /** Test rows that are not among them. */
  readonly rowsLeftOut: number;
  readonly bestSingle: string;
  /** The candidate that the router chose for all of the rows; null where there are several. */
  readonly onlyChoice: string | null;
  /** Router minus always using the best single candidate, and what both cost. */
  readonly quality: Interval | null;
  readonly costs: CostPair;
  /** The same of the best fixed mix; null without costs, and where it is the best single candidate alone. */
  readonly mix: { readonly quality: Interval | null; readonly costs: CostPair } | null;
  readonly isEstimated: boolean;
}

/** The verdict's sentence; every word of it holds for the figures in it, whatever they are. */
export function sayVerdict(facts: VerdictFacts): Pick<Verdict, 'outcome' | 'sentence'> {
  const { bestSingle, costs, isEstimated, mix, onlyChoice, quality, rows } = facts;
  const prompts = pluralInGroups(rows, quality?.groups ?? rows, 'test prompt');
  const best = `always using ${bestSingle}, the best single candidate in training`;
  if (onlyChoice === bestSingle) {
    return {
      outcome: 'same',
      sentence: `This router is no different from no router: it chose ${bestSingle}, the best single candidate in training, for ${everyPrompt(facts)}.`,
    };
  }
  const [standing, cost] = [qualityStanding(quality), costStanding(costs)];
  const how = isEstimated ? `, ${HOW_ESTIMATED},` : '';
  const beside = [describeQuality(quality, best), describeCost(costs)]
    .filter((part) => part !== '')
    .join(', ');
  if (onlyChoice !== null) {
    return {
      outcome: standing === 'worse' && (cost === 'dearer' || cost === 'same') ? 'worse' : 'same',
      sentence: `This router is no different from no router: it chose ${onlyChoice} for ${everyPrompt(facts)}. That${how} ${beside}.`,
    };
  }
  const { outcome, opening } = openingOf(standing, cost, mix && mixStanding(mix));
  const beaten = mix ? `, and it ${describeQuality(mix.quality, fixedMixName(mix.costs))}` : '';
  return { outcome, sentence: `${opening}: on ${prompts}${how} it ${beside}${beaten}.` };
}

function everyPrompt({ rows, rowsLeftOut }: VerdictFacts): string {
  if (rowsLeftOut > 0) return `each of the ${formatCount(rows)} test prompts that could be compared`;
  return rows === 1 ? 'the one test prompt' : `all ${formatCount(rows)} test prompts`;
}

/** How it stands beside the mix. One that costs more is no rival where the router is as good, and none that it loses to for sure. */
function mixStanding({ costs, quality }: NonNullable<VerdictFacts['mix']>): QualityStanding | null {
  const standing = qualityStanding(quality);
  if (costStanding(costs) !== 'cheaper') return standing;
  return standing === 'as good' ? null : standing === 'worse' ? 'unclear' : standing;
}

type Opening = { readonly outcome: Verdict['outcome']; readonly opening: string };

/** What is claimed as a whole, by how it stands beside the best single candidate and beside the mix (null: there is none). */
function openingOf(single: QualityStanding, cost: CostStanding, mix: QualityStanding | null): Opening {
  const unclear: Opening = {
    outcome: 'unclear',
    opening: 'It is not clear that this router is better than no router',
  };
  if (single === 'worse' && cost !== 'cheaper' && cost !== 'unclear') {
    return {
      outcome: 'worse',
      opening: `${cost === 'unknown' ? 'In quality, this' : 'This'} router is worse than no router`,
    };
  }
  if (mix === 'worse') {
    return {
      outcome: 'worse',
      opening: `${single === 'worse' ? 'This' : 'For what it costs, this'} router is worse than no router`,
    };
  }
  if (mix !== null && mix !== 'better') return unclear;
  if (single === 'better' || (single === 'as good' && cost === 'cheaper')) {
    return {
      outcome: 'better',
      opening: `${cost === 'unknown' ? 'In quality, this' : 'This'} router is better than no router`,
    };
  }
  return mix === 'better'
    ? { outcome: 'better', opening: 'For what it costs, this router is better than no router' }
    : unclear;
}

/** Why nothing can be compared, where every outcome that counts must have been seen. */
export function unmeasuredSentence(coverage: Coverage, candidates: readonly string[]): string {
  const { kind, notCompared, plans, unmeasuredChoices } = coverage;
  const opening = 'Whether this router is better than no router cannot be read off this data:';
  if (kind === 'none') return `${opening} no test prompt has a quality score.`;
  if (kind === 'single') {
    return `${opening} the log holds one candidate per prompt, so what another choice would have scored was never seen. Off-policy estimators (pass the propensities), or a few hundred prompts sent to every candidate, can answer it.`;
  }
  if (candidates.length - notCompared.length < 2)
    return `${opening} no two candidates have enough outcomes on the same test prompts. Send a few hundred prompts to every candidate.`;
  if (plans && plans.unknownRows > 0)
    return `${opening} its policy may ask several candidates for a prompt, and for ${plural(plans.unknownRows, 'test prompt')} with every outcome the traffic does not say what comes of that. It lacks ${plans.lacking}.`;
  if (unmeasuredChoices > 0)
    return `${opening} on each of the ${plural(unmeasuredChoices, 'test prompt')} with the quality of every other candidate, the router chose one with too few outcomes (${notCompared.join(', ')}).`;
  return `${opening} no test prompt has the quality of every candidate that is to be compared.`;
}

function listCaveats(coverage: Coverage, { rows, groups }: Interval): string[] {
  const caveats: string[] = [];
  if (groups < FEW_GROUPS) {
    caveats.push(
      `Only ${pluralInGroups(rows, groups, 'test prompt')}: read every figure as a hint, not as proof.`,
    );
  }
  if (coverage.incompleteRows > 0) {
    caveats.push(
      `${plural(coverage.incompleteRows, 'test prompt')} without the quality of every compared candidate left out; those kept may be unlike them.`,
    );
  }
  if (coverage.unmeasuredChoices > 0) {
    caveats.push(
      `On ${plural(coverage.unmeasuredChoices, 'more test prompt')} the router ${coverage.plans ? 'may ask' : 'chose'} a candidate with too few outcomes to be compared; they are left out, which may flatter or wrong it.`,
    );
  }
  if (coverage.plans && coverage.plans.unknownRows > 0) {
    caveats.push(
      `${plural(coverage.plans.unknownRows, 'test prompt')} for which the traffic does not say what comes of asking several candidates left out: it lacks ${coverage.plans.lacking}. Those kept may be unlike them.`,
    );
  }
  if (coverage.notCompared.length > 0) {
    caveats.push(`Not compared for lack of outcomes: ${coverage.notCompared.join(', ')}.`);
  }
  if (!coverage.costsKnown) caveats.push(unknownCosts(coverage));
  else if (coverage.imputedCosts > 0) {
    caveats.push(`${plural(coverage.imputedCosts, 'missing cost')} taken to be the candidate's mean.`);
  }
  return caveats;
}

/** How the figures of the verdict were got, said in the middle of its sentence. */
const HOW_ESTIMATED = 'by doubly robust estimation from a log that holds a part of their outcomes';

/** Under so many equally weighted rows, a figure is a hint. */
const FEW_ROWS = 100;

/** A share from here on is worth a sentence. */
const WORTH_SAYING = 0.02;

/** Why nothing is said of the router: the first reason; others are caveats. */
function refusalSentence({ refusals }: OffPolicyEvaluation): string {
  return `Whether this router is better than no router cannot be read off this log. ${refusals[0]}`;
}

/** What to know before trusting figures that were not read off. */
function offPolicyCaveats(
  { propensities, assumption, overlap, unratedRows }: OffPolicyEvaluation,
  coverage: Coverage,
): string[] {
  const { comparedRows, costsKnown, notCompared, unmeasuredChoices } = coverage;
  const { router } = overlap;
  const says = router.effectiveSampleSize;
  const caveats = [`This rests on ${propensities} propensities. ${assumption}`];
  caveats.push(
    `The effective sample size of the router's choices is ${plural(Math.floor(says), 'prompt')}${
      says < FEW_ROWS ? ': read every figure as a hint, not as proof' : ''
    }.`,
  );
  if (router.unsupportedShare > WORTH_SAYING) {
    caveats.push(
      router.supportKnown
        ? `${formatPercent(router.unsupportedShare)} of the router's choices are not covered by the log (no overlap); there the figures are predictions of its own model, and the intervals of quality allow for all that it may be off.`
        : `About ${formatPercent(router.unsupportedShare)} of the router's choices may not be covered by the log (no overlap); there the figures are predictions of its own model.`,
    );
  }
  if (router.clippedShare > 0) {
    caveats.push(
      `${formatPercent(router.clippedShare)} of the weights${
        router.clippedMass === undefined ? '' : `, ${formatPercent(router.clippedMass)} of their sum,`
      } were cut, which draws the figures towards what its own model expects.`,
    );
  }
  if (unratedRows > 0)
    caveats.push(
      `${plural(unratedRows, 'test prompt')} without any quality left out; those kept may be unlike them.`,
    );
  if (notCompared.length > 0) {
    const chosen = comparedRows > 0 ? unmeasuredChoices / comparedRows : 0;
    caveats.push(
      `Not compared for lack of outcomes: ${notCompared.join(', ')}${chosen > 0 ? `; the router chose one of them for ${formatPercent(chosen)} of the prompts` : ''}.`,
    );
  }
  if (!costsKnown) caveats.push(unknownCosts(coverage));
  return caveats;
}

/** What is missing to say anything of costs. */
export function unknownCosts({ costsUnknown }: Pick<Coverage, 'costsUnknown'>): string {
  return (
    `No cost is known of ${costsUnknown.join(', ')}, so nothing is said of savings or equal cost. Give their prices ` +
    'per token (`--prices`, or `candidates` of the config), or a cost in the traffic.'
  );
}

/** The few figures that the manifest and the command line show. Null is "not measured". */
export function headlineMetrics(evaluation: Evaluation): Record<string, number | null> {
  const { calibration, strategies, costQuality, decisionMicroseconds, strongWeak, verdict } = evaluation;
  const strategy = (id: string) => strategies.find((one) => one.id === id);
  const router = strategy('router');
  const eces = calibration.success.map(({ ece10 }) => ece10).filter((ece) => ece !== null);
  return {
    testPrompts: evaluation.prompts.test,
    comparedPrompts: evaluation.coverage.comparedRows,
    // Null where qualities were seen, not estimated.
    effectiveSampleSize: evaluation.offPolicy?.overlap.router.effectiveSampleSize ?? null,
    routedQuality: router?.quality.estimate ?? null,
    bestSingleQuality: strategy('bestSingle')?.quality.estimate ?? null,
    nearestQuality: strategy('nearest')?.quality.estimate ?? null,
    oracleQuality: strategy('oracle')?.quality.estimate ?? null,
    gainOverBestSingle: verdict.againstBestSingle?.estimate ?? null,
    gainOverBestSingleLow: verdict.againstBestSingle?.low ?? null,
    gainOverBestSingleHigh: verdict.againstBestSingle?.high ?? null,
    gainOverFixedMix: verdict.againstFixedMix?.estimate ?? null,
    gainOverFixedMixLow: verdict.againstFixedMix?.low ?? null,
    gainOverFixedMixHigh: verdict.againstFixedMix?.high ?? null,
    routedCostUsd: router?.costUsd?.estimate ?? null,
    bestSingleCostUsd: strategy('bestSingle')?.costUsd?.estimate ?? null,
    routedLatencyMs: router?.latencyMs?.estimate ?? null,
    apgr: strongWeak?.router.apgr.estimate ?? null,
    aiq: costQuality?.aiq?.router.estimate ?? null,
    worstEce: eces.length > 0 ? largest(eces) : null,
    decisionP50Microseconds: decisionMicroseconds?.p50 ?? null,
    decisionP99Microseconds: decisionMicroseconds?.p99 ?? null,
  };
}
