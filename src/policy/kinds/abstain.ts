import * as v from 'valibot';
import { share, strictObject } from '../../validate.ts';

import { noUncertainty, type Policy, type PolicyKind, type PolicyParts } from '../policy.ts';
import { type AbstainPolicySpec, limited } from '../spec.ts';

export const abstain = {
  shape: ({ policy, target }) =>
    strictObject({
      kind: v.literal('abstain'),
      policy,
      to: target,
      confidence: v.exactOptional(share),
      ...limited,
    }),
  create: createAbstainPolicy,
  readsUncertainty: () => true,
} satisfies PolicyKind<AbstainPolicySpec>;

const CONFIDENCE = 0.95;

/** The policy's plan where its first is surely better than that of `to`, and the plan of `to` where it is not. */
function createAbstainPolicy(spec: AbstainPolicySpec, parts: PolicyParts): Policy {
  if (!parts.options.uncertainty) noUncertainty('abstain');
  const policy = parts.make(spec.policy, 'policy');
  const safe = parts.makeMember(spec.to, 'to');
  const { confidence = CONFIDENCE } = spec;
  return {
    spec,
    decide: (context) =>
      context
        .uncertainty()!
        .abstain(policy.decide(context), safe.decide(context), confidence, parts.candidates),
  };
}
