import * as v from 'valibot';
import { printNumber } from '../../math.ts';
import { strictObject } from '../../validate.ts';
import { acceptTest, composeOrder, type PolicyKind, type PolicyParts } from '../parts.ts';
import type { AcceptTest, Change, Plan, PlanStep } from '../plan.ts';
import type { Policy } from '../policy.ts';
import { accept, type CascadePolicySpec, limited, many, share } from '../spec.ts';

export const cascade = {
  shape: ({ target }) =>
    strictObject({
      kind: v.literal('cascade'),
      steps: many(
        strictObject({ use: target, minSuccess: v.exactOptional(share), accept: v.exactOptional(accept) }),
        2,
      ),
      ...limited,
    }),
  create: createCascadePolicy,
} satisfies PolicyKind<CascadePolicySpec>;

interface Usable {
  /** Of the spec. */
  readonly at: number;
  readonly plan: Plan;
  /** Calibrated success of the candidate that the step calls first. */
  readonly predicted: number;
}

/**
 * Steps in turn until an answer is accepted. Steps that are not expected to answer well enough are left out before
 * anything is generated; so are those that limits removed. The last one that is left is always kept.
 */
function createCascadePolicy(spec: CascadePolicySpec, parts: PolicyParts): Policy {
  const { candidates, calls, filter } = parts;
  const members = spec.steps.map(({ use }, i) => parts.makeMember(use, `steps[${i}].use`));
  const minimums = spec.steps.map(({ minSuccess }) => minSuccess ?? 0);
  const tests = spec.steps.map(({ accept }, i) => acceptTest(accept, parts.options, i, `steps[${i}].accept`));

  return {
    spec,
    decide(context) {
      const { predictions } = context;
      const remaining = filter(context);
      const usable: Usable[] = [];
      for (let at = 0; at < members.length; at++) {
        const plan = members[at].decide(context);
        if (plan !== undefined) usable.push({ at, plan, predicted: predictions.success[plan.order[0]] });
      }
      const kept = usable.filter(
        ({ at, predicted }, i) => i === usable.length - 1 || predicted >= minimums[at],
      );
      const utilities = predictions.success.slice();
      const firsts = kept.map(({ plan }) => plan.order[0]);
      const { order, removed, reserve } = composeOrder(firsts, remaining, utilities, predictions);
      const reasons: string[] = [];
      for (const { at, plan, predicted } of usable) {
        if (kept.some((step) => step.at === at)) continue;
        const name = candidates[plan.order[0]].name;
        reasons.push(
          `${name} is skipped: its success probability ${printNumber(predicted, minimums[at])} is under ${minimums[at]}.`,
        );
      }
      if (kept.length === 0) reasons.push('Limits removed every step of the cascade.');
      else reasons.push(`The cascade starts with ${candidates[order[0]].name}, step ${kept[0].at + 1}.`);
      for (const { plan } of kept) for (const reason of plan.reasons) reasons.push(reason);
      if (kept.length === 0 && remaining.note !== undefined) reasons.push(remaining.note);
      return {
        step: kept.length === 0 ? calls[order[0]] : sequence(kept, tests),
        order,
        reserve,
        utilities,
        removed,
        reasons,
        path: [`cascade:${kept.length === 0 ? 'none' : kept[0].at + 1}`, ...(kept[0]?.plan.path ?? [])],
        propensity: 1,
        changes: changesOf(usable, kept, minimums, parts),
      };
    },
  };
}

function sequence(kept: readonly Usable[], tests: readonly (AcceptTest | null)[]): PlanStep {
  if (kept.length === 1) return kept[0].plan.step;
  const steps: { step: PlanStep; accept: AcceptTest | null }[] = kept.map(({ at, plan }, i) => ({
    step: plan.step,
    accept: i === kept.length - 1 ? null : tests[at],
  }));
  return { kind: 'sequence', steps };
}

/** A lower minimum brings back the last step that was skipped before the first; a higher one skips the first. */
function changesOf(
  usable: readonly Usable[],
  kept: readonly Usable[],
  minimums: readonly number[],
  { candidates }: PolicyParts,
): readonly Change[] {
  const changes: Change[] = [];
  const change = ({ at, predicted }: Usable, to: Plan) => {
    changes.push({
      kind: 'threshold',
      field: `steps[${at}].minSuccess`,
      from: minimums[at],
      to: predicted,
      candidate: candidates[to.order[0]].name,
    });
  };
  if (kept.length === 0) return changes;
  for (const step of usable) if (step.at < kept[0].at) change(step, step.plan);
  // No minimum is over 1.
  if (kept.length > 1 && kept[0].predicted < 1) change(kept[0], kept[1].plan);
  return changes.sort((a, b) => distance(a) - distance(b));
}

function distance(change: Change): number {
  return Math.abs(change.to - change.from);
}
