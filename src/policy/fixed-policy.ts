import { composeOrder } from './compose-order.ts';
import type { Decider, PolicyParts } from './parts.ts';

/** One candidate, whatever the predictions; when a limit removed it, the likeliest of the others to answer well. */
export function createFixedPolicy(candidate: number, { candidates, calls, filter }: PolicyParts): Decider {
  const { name } = candidates[candidate];
  return {
    decide(context) {
      const { predictions } = context;
      const remaining = filter(context);
      const utilities = predictions.success.slice();
      const why = remaining.removed[candidate];
      const firsts = why === undefined ? [candidate] : [];
      const { order, removed, reserve } = composeOrder(firsts, remaining, utilities, predictions);
      const reasons: string[] = [];
      if (why !== undefined) {
        reasons.push(`${name} was removed, since ${why}; ${candidates[order[0]].name} takes its place.`);
      }
      if (remaining.note !== undefined) reasons.push(remaining.note);
      return {
        step: calls[order[0]],
        order,
        reserve,
        utilities,
        removed,
        reasons,
        path: [],
        propensity: 1,
        changes: [],
      };
    },
  };
}
