import * as v from 'valibot';
import { printNumber } from '../../math.ts';
import { share, strictObject } from '../../validate.ts';

import { type AcceptTest, type Change, nearestFirst, type Plan, type PlanStep } from '../plan.ts';
import { acceptTest, composeOrder, type Policy, type PolicyKind, type PolicyParts } from '../policy.ts';
import { accept, type CascadePolicySpec, limited, many, resolveWeights, weightsSchema } from '../spec.ts';
import { createWorth } from './utility.ts';

export const cascade = {
  shape: ({ target }) =>
    strictObject({
      kind: v.literal('cascade'),
      steps: many(
        strictObject({ use: target, minSuccess: v.exactOptional(share), accept: v.exactOptional(accept) }),
        2,
      ),
      weights: v.exactOptional(weightsSchema),
      ...limited,
    }),
  create: createCascadePolicy,
  readsAnswers: ({ weights }) => !!weights,
} satisfies PolicyKind<CascadePolicySpec>;

interface Usable {
  /** Of the spec. */
  readonly at: number;
  readonly plan: Plan;
  /** Calibrated success of the candidate that the step calls first. */
  readonly success: number;
  /** Likewise. */
  readonly utility: number;
}

/**
 * Steps in turn until an answer is accepted, or by what they promise. Steps that are not expected to answer well enough are left
 * out before anything is generated; so are those that limits removed. The last one that is left is always kept.
 */
function createCascadePolicy(spec: CascadePolicySpec, parts: PolicyParts): Policy {
  const { candidates, calls, filter } = parts;
  const members = spec.steps.map(({ use }, i) => parts.makeMember(use, `steps[${i}].use`));
  const minimums = spec.steps.map(({ minSuccess }) => minSuccess ?? 0);
  const tests = spec.steps.map(({ accept }, i) => acceptTest(accept, parts.options, i, `steps[${i}].accept`));
  if (spec.weights) acceptTest(ANY_ANSWER, parts.options, 0, 'weights');
  const worthOf = createWorth(candidates);

  return {
    spec,
    decide(context) {
      const { overrides, predictions } = context;
      const remaining = filter(context);
      const weights = resolveWeights(spec.weights ? (overrides.weights ?? spec.weights) : 'best');
      const { utilities } = worthOf(weights, predictions);
      const usable = members.flatMap((member, at): Usable | [] => {
        const plan = member.decide(context);
        if (plan === undefined) return [];
        const c = plan.order[0];
        return { at, plan, success: predictions.success[c], utility: utilities[c] };
      });
      const kept = usable.filter(({ at, success }, i) => i === usable.length - 1 || success >= minimums[at]);
      const changes = spec.weights ? [] : changesOf(usable, kept, minimums, parts);
      if (spec.weights) kept.sort((a, b) => placeOf(b) - placeOf(a));
      const [start] = kept;
      const firsts = kept.map(({ plan }) => plan.order[0]);
      const { order, removed, reserve } = composeOrder(firsts, remaining, utilities, predictions);
      const reasons: string[] = [];
      for (const step of usable) {
        if (kept.includes(step)) continue;
        const { at, plan, success } = step;
        reasons.push(
          `${candidates[plan.order[0]].name} is skipped: its success probability ${printNumber(success, minimums[at])} is under ${minimums[at]}.`,
        );
      }
      if (start) reasons.push(`The cascade starts with ${candidates[order[0]].name}, step ${start.at + 1}.`);
      else reasons.push('Limits removed every step of the cascade.');
      for (const { plan } of kept) for (const reason of plan.reasons) reasons.push(reason);
      if (!start && remaining.note !== undefined) reasons.push(remaining.note);
      return {
        step: start ? sequence(kept, tests, spec.weights && weights.quality) : calls[order[0]],
        order,
        reserve,
        utilities,
        perSuccess: weights.quality,
        removed,
        reasons,
        path: [`cascade:${start ? start.at + 1 : 'none'}`, ...(start?.plan.path ?? [])],
        propensity: 1,
        changes,
      };
    },
  };
}

/** @param quality what a whole success probability is worth, where promises decide who is next */
function sequence(
  kept: readonly Usable[],
  tests: readonly (AcceptTest | null)[],
  quality: number | undefined,
): PlanStep {
  if (kept.length === 1) return kept[0].plan.step;
  const steps = kept.map(({ at, plan }, i) => ({
    step: plan.step,
    accept: i === kept.length - 1 && quality === undefined ? null : tests[at],
  }));
  if (quality === undefined) return { kind: 'sequence', steps };
  const promises = kept.map(({ success, utility }) => ({ success, utility }));
  return { kind: 'sequence', steps, routing: { quality, promises } };
}

const ANY_ANSWER: AcceptTest = { kind: 'answer', threshold: 0 };

/**
 * By the best answer up to which a step is worth its price, so that a cheap one that may do goes before a dear one that surely does
 * (Weitzman 1979, "Optimal search for the best alternative"); those that are not worth it even where there is none, by utility.
 */
function placeOf({ success, utility }: Usable): number {
  return utility > 0 ? utility / success : utility;
}

/** A lower minimum brings back the last step that was skipped before the first; a higher one skips the first. */
function changesOf(
  usable: readonly Usable[],
  kept: readonly Usable[],
  minimums: readonly number[],
  { candidates }: PolicyParts,
): readonly Change[] {
  const changes: Change[] = [];
  const change = ({ at, success }: Usable, to: Plan) => {
    changes.push({
      kind: 'threshold',
      field: `steps[${at}].minSuccess`,
      from: minimums[at],
      to: success,
      candidate: candidates[to.order[0]].name,
    });
  };
  if (kept.length === 0) return changes;
  for (const step of usable) if (step.at < kept[0].at) change(step, step.plan);
  // No minimum is over 1.
  if (kept.length > 1 && kept[0].success < 1) change(kept[0], kept[1].plan);
  return nearestFirst(changes);
}
