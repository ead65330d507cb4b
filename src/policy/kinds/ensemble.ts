import * as v from 'valibot';
import { strictObject, wholeNumber } from '../../validate.ts';

import type { Combine, Plan, PlanStep } from '../plan.ts';
import {
  candidateIndex,
  composeOrder,
  type Policy,
  type PolicyContext,
  type PolicyKind,
  type PolicyParts,
  rank,
} from '../policy.ts';
import { type EnsemblePolicySpec, limited, many, name } from '../spec.ts';

export const ensemble = {
  shape: ({ target }) =>
    strictObject({
      kind: v.literal('ensemble'),
      members: v.union([v.pipe(wholeNumber, v.minValue(2), v.maxValue(1000)), many(target, 2)]),
      combine: v.variant('kind', [
        strictObject({ kind: v.literal('majority') }),
        strictObject({ kind: v.literal('weighted') }),
        strictObject({ kind: v.literal('best'), scorer: name }),
        strictObject({ kind: v.literal('judge'), judge: name }),
      ]),
      ...limited,
    }),
  create: createEnsemblePolicy,
} satisfies PolicyKind<EnsemblePolicySpec>;

interface Chosen {
  readonly step: PlanStep;
  readonly first: number;
  readonly plan: Plan | null;
}

/** Several at once, the likeliest to answer well first. Members that limits removed are left out. */
function createEnsemblePolicy(spec: EnsemblePolicySpec, parts: PolicyParts): Policy {
  const { candidates, calls, filter } = parts;
  const { combine, members } = spec;
  const makers =
    typeof members === 'number'
      ? null
      : members.map((target, i) => parts.makeMember(target, `members[${i}]`));
  const judge = combine.kind === 'judge' ? candidateIndex(candidates, combine.judge, 'combine.judge') : -1;

  const choose = (context: PolicyContext, left: readonly number[], success: Float64Array): Chosen[] => {
    if (typeof members === 'number') {
      return rank(left, success, context.predictions)
        .slice(0, members)
        .map((c) => ({ step: calls[c], first: c, plan: null }));
    }
    const chosen: Chosen[] = [];
    for (const member of makers ?? []) {
      const plan = member.decide(context);
      if (plan !== undefined) chosen.push({ step: plan.step, first: plan.order[0], plan });
    }
    return chosen.sort((a, b) => success[b.first] - success[a.first]);
  };

  return {
    spec,
    decide(context) {
      const { predictions } = context;
      const remaining = filter(context);
      const utilities = predictions.success.slice();
      const chosen = choose(context, remaining.left, utilities);
      const firsts = chosen.map(({ first }) => first);
      const { order, removed, reserve } = composeOrder(firsts, remaining, utilities, predictions);
      const names = firsts.map((c) => candidates[c].name).join(', ');
      const reasons = [
        chosen.length === 0
          ? 'Limits removed every member of the ensemble.'
          : chosen.length === 1
            ? `Of the ensemble only ${names} is left.`
            : `Asks ${names} together.`,
      ];
      const judgeRemoved = judge === -1 ? undefined : remaining.removed[judge];
      if (judgeRemoved !== undefined && chosen.length > 1) {
        reasons.push(
          `The judge ${candidates[judge].name} was removed, since ${judgeRemoved}: weighted vote.`,
        );
      }
      if (remaining.note !== undefined) reasons.push(remaining.note);
      for (const { plan } of chosen) for (const reason of plan?.reasons ?? []) reasons.push(reason);
      return {
        step:
          chosen.length < 2
            ? (chosen[0]?.step ?? calls[order[0]])
            : {
                kind: 'parallel',
                members: chosen.map(({ step }) => step),
                combine: combineOf(combine, judgeRemoved !== undefined, firsts, utilities),
              },
        order,
        reserve,
        utilities,
        removed,
        reasons,
        path: [`ensemble:${combine.kind}`],
        propensity: 1,
        changes: [],
      };
    },
  };
}

function combineOf(
  combine: EnsemblePolicySpec['combine'],
  judgeRemoved: boolean,
  firsts: readonly number[],
  success: Float64Array,
): Combine {
  if (combine.kind === 'weighted' || judgeRemoved) {
    return { kind: 'weighted', weights: firsts.map((c) => success[c]) };
  }
  return combine.kind === 'majority' ? { kind: combine.kind } : combine;
}
