import * as v from 'valibot';
import { printNumber } from '../../math.ts';
import { record, share, strictObject } from '../../validate.ts';

import type { Policy, PolicyKind, PolicyParts } from '../policy.ts';
import { type HierarchicalPolicySpec, limited } from '../spec.ts';

export const hierarchical = {
  shape: ({ target }) =>
    strictObject({
      kind: v.literal('hierarchical'),
      by: v.exactOptional(v.picklist(['task', 'language', 'tier', 'quality'])),
      domains: record(target),
      otherwise: target,
      minConfidence: v.exactOptional(share),
      ...limited,
    }),
  create: createHierarchicalPolicy,
  handsOn: true,
} satisfies PolicyKind<HierarchicalPolicySpec>;

/** A signal picks the domain; the domain's own policy decides. */
function createHierarchicalPolicy(spec: HierarchicalPolicySpec, parts: PolicyParts): Policy {
  const by = spec.by ?? 'task';
  const { minConfidence = 0 } = spec;
  const domains = new Map(
    Object.entries(spec.domains).map(([name, target]) => [name, parts.make(target, `domains.${name}`)]),
  );
  const otherwise = parts.make(spec.otherwise, 'otherwise');

  return {
    spec,
    decide(context) {
      const signals = context.signals();
      const value = signals[by];
      const unsure = by === 'task' && signals.taskConfidence < minConfidence;
      const domain = unsure ? undefined : domains.get(value);
      const plan = (domain ?? otherwise).decide(context);
      const reason = unsure
        ? `The task is perhaps "${value}", but ${printNumber(signals.taskConfidence, minConfidence)} is under ${minConfidence}.`
        : `The ${by} is "${value}"${domain === undefined ? ', which has no policy of its own' : ''}.`;
      return {
        ...plan,
        reasons: [reason, ...plan.reasons],
        path: [`hierarchical:${domain === undefined ? 'otherwise' : value}`, ...plan.path],
      };
    },
  };
}
