import * as v from 'valibot';
import { amount, strictObject } from '../../validate.ts';

import {
  acceptTest,
  composeOrder,
  type Policy,
  type PolicyCandidate,
  type PolicyKind,
  type PolicyParts,
} from '../policy.ts';
import { accept as acceptShape, limited, type SpeculativePolicySpec } from '../spec.ts';

export const speculative = {
  shape: ({ target }) =>
    strictObject({
      kind: v.literal('speculative'),
      fast: target,
      slow: target,
      delayMs: v.exactOptional(amount),
      accept: v.exactOptional(acceptShape),
      ...limited,
    }),
  create: createSpeculativePolicy,
} satisfies PolicyKind<SpeculativePolicySpec>;

/** p95 over mean where the traffic does not say: that of an exponential tail is 3, of calls seen in practice about 2. */
const USUAL_TAIL = 2;

/** Fast and slow, the slow one hedged. When limits removed one of them, the other alone. */
function createSpeculativePolicy(spec: SpeculativePolicySpec, parts: PolicyParts): Policy {
  const { candidates, calls, filter } = parts;
  const fastMember = parts.makeMember(spec.fast, 'fast');
  const slowMember = parts.makeMember(spec.slow, 'slow');
  const tails = candidates.map(tail);
  const accept = acceptTest(spec.accept, parts.options, 0, 'accept');

  return {
    spec,
    decide(context) {
      const { predictions } = context;
      const remaining = filter(context);
      const fast = fastMember.decide(context);
      const slow = slowMember.decide(context);
      const utilities = predictions.success.slice();
      const plans = [fast, slow].filter((plan) => plan !== undefined);
      const firsts = plans.map((plan) => plan.order[0]);
      const { order, removed, reserve } = composeOrder(firsts, remaining, utilities, predictions);
      const common = { order, reserve, utilities, removed, propensity: 1, changes: [] };
      const reasons = plans.flatMap((plan) => plan.reasons);
      if (remaining.note !== undefined) reasons.push(remaining.note);
      if (fast === undefined || slow === undefined) {
        const name = candidates[order[0]].name;
        return {
          ...common,
          step: plans[0]?.step ?? calls[order[0]],
          reasons: [`Limits removed one of the two, so ${name} is called alone.`, ...reasons],
          path: ['speculative:alone'],
        };
      }
      const [first, second] = firsts;
      const expected = predictions.latencyMs[first] * tails[first];
      const delayMs = spec.delayMs ?? (Number.isFinite(expected) ? Math.round(expected) : 0);
      return {
        ...common,
        step: { kind: 'hedge', fast: fast.step, slow: slow.step, delayMs, accept },
        reasons: [
          `${candidates[first].name} is called, and ${candidates[second].name} ` +
            `${delayMs === 0 ? 'with it' : `${delayMs} ms later`}.`,
          ...reasons,
        ],
        path: ['speculative', ...fast.path],
      };
    },
  };
}

function tail({ p95LatencyMs, meanLatencyMs }: PolicyCandidate): number {
  if (p95LatencyMs === undefined || meanLatencyMs === null || meanLatencyMs <= 0) return USUAL_TAIL;
  return p95LatencyMs / meanLatencyMs;
}
