import { candidateIndex } from './candidate-index.ts';
import { createLimitFilter } from './limit-filter.ts';
import type { Policy, PolicyCandidate } from './policy.ts';
import type { ClassifierPolicySpec } from './policy-spec.ts';
import { rank } from './rank.ts';

/** The candidate that the choice head gives the highest probability; under a confidence, a named one instead. */
export function createClassifierPolicy(
  spec: ClassifierPolicySpec,
  candidates: readonly PolicyCandidate[],
): Policy {
  const filter = createLimitFilter(candidates, spec.limits, spec.relax);
  const { abstain } = spec;
  const safe = abstain === undefined ? -1 : candidateIndex(candidates, abstain.to, 'abstain.to');

  return {
    spec,
    decide(context) {
      const remaining = filter(context);
      const utilities = context.predictions.choice.slice();
      const order = rank(remaining.left, utilities, context.predictions);
      const first = order[0];
      const reasons = [
        `${candidates[first].name} has the highest choice probability, ${utilities[first].toFixed(3)}.`,
      ];
      const path = ['classifier'];
      if (abstain !== undefined && utilities[first] < abstain.below) {
        const at = order.indexOf(safe);
        if (at === -1) {
          reasons.push(`That is under ${abstain.below}, but a limit removed ${abstain.to}, so it stands.`);
        } else {
          order.splice(at, 1);
          order.unshift(safe);
          reasons.push(`That is under ${abstain.below}, so it goes to ${abstain.to}.`);
          path.push('abstain');
        }
      }
      if (remaining.note !== undefined) reasons.push(remaining.note);
      return { order, utilities, removed: remaining.removed, reasons, path };
    },
  };
}
