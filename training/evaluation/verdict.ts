import type { Interval } from './bootstrap.ts';
import type { Contender, Coverage, Verdict } from './evaluation.ts';
import { formatPoints, formatSignedPoints } from './format-points.ts';
import type { OffPolicyEvaluation } from './off-policy-evaluation.ts';
import { HOW_ESTIMATED, offPolicyCaveats, refusalSentence } from './off-policy-verdict.ts';
import { plural } from './plural.ts';

/** Under so many rows, a figure is a hint. */
const FEW_ROWS = 200;

/**
 * Says in one sentence whether the router beats having no router. "No router" is the best fixed mix at equal
 * cost where costs are known, since always using one candidate is such a mix; the best single one where not.
 * @param bestSingle name of the best single candidate, null when nothing could be compared
 * @param offPolicy how the contenders' figures were estimated; null where they were read off
 */
export function judge(
  contenders: readonly Contender[],
  coverage: Coverage,
  bestSingle: string | null,
  offPolicy: OffPolicyEvaluation | null = null,
): Verdict {
  const router = contenders.find(({ id }) => id === 'router');
  const single = contenders.find(({ id }) => id === 'bestSingle');
  if (!router || !single || bestSingle === null) {
    return {
      outcome: 'unmeasured',
      sentence: offPolicy ? refusalSentence(offPolicy) : unmeasuredSentence(coverage),
      caveats: offPolicy?.refusals.slice(1) ?? [],
      bestSingle,
      againstBestSingle: null,
      againstFixedMix: null,
    };
  }
  const mix = contenders.find(({ id }) => id === 'fixedMix');
  const mixIsSingle = mix?.shares.some((share, c) => share > 1 - 1e-6 && single.shares[c] === 1) ?? true;
  const main = mix ?? single;
  const outcome = outcomeOf(main.difference!, router.shares);
  const clauses = [
    ...(mix && !mixIsSingle
      ? [describe(mix.difference!, 'the best fixed mix of candidates at equal cost')]
      : []),
    describe(single.difference!, `always using ${bestSingle}, the best single candidate`),
  ];
  const sentence =
    outcome === 'same'
      ? `This router is no different from no router: it chose ${bestSingle} for all ${router.quality.rows} test prompts.`
      : `${OPENINGS[outcome]}: on ${plural(router.quality.rows, 'test prompt')}${offPolicy ? HOW_ESTIMATED : ''} it ${clauses.join(', and it ')}${costClause(router, single)}.`;
  return {
    outcome,
    sentence,
    caveats: offPolicy ? offPolicyCaveats(offPolicy, coverage) : listCaveats(coverage, main.difference!),
    bestSingle,
    againstBestSingle: single.difference,
    againstFixedMix: mix?.difference ?? null,
  };
}

const OPENINGS = {
  better: 'This router is better than no router',
  worse: 'This router is worse than no router',
  unclear: 'It is not clear that this router is better than no router',
} as const;

function outcomeOf(
  { low, high }: Interval,
  shares: readonly number[],
): 'better' | 'worse' | 'unclear' | 'same' {
  if (low !== null && low > 0) return 'better';
  if (high !== null && high < 0) return 'worse';
  return low === 0 && high === 0 && shares.some((share) => share > 1 - 1e-9) ? 'same' : 'unclear';
}

function describe(difference: Interval, other: string): string {
  const { estimate, low, high } = difference;
  if (estimate === null || low === null || high === null) return `could not be compared with ${other}`;
  const range = `95 % interval ${formatSignedPoints(low)} to ${formatSignedPoints(high)}`;
  if (low > 0) return `scores ${formatPoints(estimate)} points of quality more than ${other} (${range})`;
  if (high < 0) return `scores ${formatPoints(-estimate)} points of quality less than ${other} (${range})`;
  return `cannot be told apart from ${other} (${formatSignedPoints(estimate)} points of quality, ${range})`;
}

function costClause(router: Contender, single: Contender): string {
  const own = router.costUsd?.estimate;
  const other = single.costUsd?.estimate;
  if (own === undefined || own === null || !other) return '';
  return `, at ${(100 * (own / other)).toFixed(0)} % of that candidate's cost`;
}

function unmeasuredSentence({ kind }: Coverage): string {
  const opening = 'Whether this router is better than no router cannot be read off this data:';
  if (kind === 'none') return `${opening} no test prompt has a quality score.`;
  if (kind === 'single') {
    return `${opening} the log holds one candidate per prompt, so what another choice would have scored was never seen. Off-policy estimators (pass the propensities), or a few hundred prompts sent to every candidate, can answer it.`;
  }
  return `${opening} no test prompt has the quality of every candidate that is to be compared.`;
}

function listCaveats(coverage: Coverage, { rows }: Interval): string[] {
  const caveats: string[] = [];
  if (rows < FEW_ROWS) {
    caveats.push(`Only ${plural(rows, 'test prompt')}: read every figure as a hint, not as proof.`);
  }
  if (coverage.incompleteRows > 0) {
    caveats.push(
      `${plural(coverage.incompleteRows, 'test prompt')} without the quality of every compared candidate left out; those kept may be unlike them.`,
    );
  }
  if (coverage.unmeasuredChoices > 0) {
    caveats.push(
      `On ${plural(coverage.unmeasuredChoices, 'more test prompt')} the router chose a candidate with too few outcomes to be compared; they are left out, which may flatter or wrong it.`,
    );
  }
  if (coverage.notCompared.length > 0) {
    caveats.push(`Not compared for lack of outcomes: ${coverage.notCompared.join(', ')}.`);
  }
  if (!coverage.costsKnown) {
    caveats.push(
      'Costs are not known for every compared candidate, so nothing is said of savings or equal cost.',
    );
  } else if (coverage.imputedCosts > 0) {
    caveats.push(`${plural(coverage.imputedCosts, 'missing cost')} taken to be the candidate's mean.`);
  }
  return caveats;
}
