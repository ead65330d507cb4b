import * as v from 'valibot';
import { strictObject } from '../../validate.ts';

import { composeOrder, type Policy, type PolicyKind, type PolicyParts } from '../policy.ts';
import { limited, name, type ToolsPolicySpec } from '../spec.ts';

export const tools = {
  shape: ({ target }) =>
    strictObject({
      kind: v.literal('tools'),
      tool: name,
      before: v.exactOptional(target),
      after: v.exactOptional(target),
      otherwise: target,
      ...limited,
    }),
  create: createToolsPolicy,
} satisfies PolicyKind<ToolsPolicySpec>;

/**
 * A function answers, alone or between candidates. The candidate of the decision is the one that answers in the end:
 * `after` where there is one, else `otherwise`.
 */
function createToolsPolicy(spec: ToolsPolicySpec, parts: PolicyParts): Policy {
  const { candidates, filter } = parts;
  const before = spec.before === undefined ? null : parts.make(spec.before, 'before');
  const after = spec.after === undefined ? null : parts.make(spec.after, 'after');
  const otherwise = parts.make(spec.otherwise, 'otherwise');

  return {
    spec,
    decide(context) {
      const { predictions } = context;
      const remaining = filter(context);
      const plans = {
        before: before?.decide(context) ?? null,
        after: after?.decide(context) ?? null,
        otherwise: otherwise.decide(context),
      };
      const utilities = predictions.success.slice();
      const inOrder = [plans.after, plans.otherwise, plans.before].filter((plan) => plan !== null);
      const firsts = inOrder.map((plan) => plan.order[0]);
      const { order, removed, reserve } = composeOrder(firsts, remaining, utilities, predictions);
      const nameOf = (plan: { readonly order: readonly number[] }) => candidates[plan.order[0]].name;
      return {
        step: {
          kind: 'tool',
          tool: spec.tool,
          before: plans.before?.step ?? null,
          after: plans.after?.step ?? null,
          otherwise: plans.otherwise.step,
        },
        order,
        reserve,
        utilities,
        removed,
        reasons: [
          `The tool "${spec.tool}" is tried${plans.before === null ? '' : ` with what ${nameOf(plans.before)} makes of the request`}` +
            `${plans.after === null ? '' : `, and ${nameOf(plans.after)} answers with its result`}; ` +
            `${nameOf(plans.otherwise)} answers when it has none.`,
          ...inOrder.flatMap((plan) => plan.reasons),
        ],
        path: [`tools:${spec.tool}`, ...plans.otherwise.path],
        propensity: 1,
        changes: [],
      };
    },
  };
}
