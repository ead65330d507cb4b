import type { Coverage } from '../evaluate/evaluation.ts';
import { formatPercent, plural } from '../words/format-number.ts';
import type { OffPolicyEvaluation } from './off-policy-evaluation.ts';

/** How the figures of the verdict were got, said in the middle of its sentence. */
export const HOW_ESTIMATED = 'by doubly robust estimation from a log that holds a part of their outcomes';

/** Under so many equally weighted rows, a figure is a hint. */
const FEW_ROWS = 100;

/** A share from here on is worth a sentence. */
const WORTH_SAYING = 0.02;

/** Why nothing is said of the router: the first reason; others are caveats. */
export function refusalSentence({ refusals }: OffPolicyEvaluation): string {
  return `Whether this router is better than no router cannot be read off this log. ${refusals[0]}`;
}

/** What to know before trusting figures that were not read off. */
export function offPolicyCaveats(
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
