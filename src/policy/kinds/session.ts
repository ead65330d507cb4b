import * as v from 'valibot';
import { amount, strictObject } from '../../validate.ts';

import type { Policy, PolicyKind, PolicyParts } from '../policy.ts';
import { limited, type SessionPolicySpec } from '../spec.ts';

export const session = {
  shape: ({ policy }) =>
    strictObject({
      kind: v.literal('session'),
      policy,
      switchMargin: v.exactOptional(amount),
      ttlMs: v.exactOptional(amount),
      mode: v.exactOptional(v.picklist(['free', 'upwards', 'pin'])),
      ...limited,
    }),
  create: createSessionPolicy,
} satisfies PolicyKind<SessionPolicySpec>;

/** What decides whether to stay is loaded with the first conversation; of a request without one the policy decides. */
function createSessionPolicy(spec: SessionPolicySpec, { make }: PolicyParts): Policy {
  const policy = make(spec.policy, 'policy');
  return {
    spec,
    decide(context) {
      const plan = policy.decide(context);
      return context.stay?.(spec, plan, context) ?? plan;
    },
  };
}
