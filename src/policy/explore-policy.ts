import { explorationProbabilities } from './kinds/explore.ts';
import type { PolicyParts } from './parts.ts';
import type { Policy } from './policy.ts';
import type { ExplorePolicySpec } from './spec.ts';

/**
 * Draws the candidate to call from probabilities around the policy's first, and says with which. What is drawn is
 * drawn from those very numbers, with one random number, so the propensity is exact. The policy's first keeps its
 * whole plan; another candidate is called alone.
 */
export function createExplorePolicy(spec: ExplorePolicySpec, parts: PolicyParts): Policy {
  const { candidates, calls } = parts;
  const policy = parts.make(spec.policy, 'policy');

  return {
    spec,
    decide(context) {
      const plan = policy.decide(context);
      const { order } = plan;
      const probabilities = explorationProbabilities(
        spec,
        order,
        plan.utilities,
        context.predictions.success,
      );
      const at = draw(probabilities, context.random());
      const path = [`explore:${spec.method}`, ...plan.path];
      const propensity = probabilities[at];
      const propensities = new Float64Array(candidates.length);
      for (let i = 0; i < order.length; i++) propensities[order[i]] = probabilities[i];
      if (at === 0) return { ...plan, path, propensity, propensities };
      const drawn = order[at];
      const rest = order.filter((c) => c !== drawn);
      return {
        ...plan,
        step: calls[drawn],
        order: [drawn, ...rest],
        reasons: [
          `${candidates[drawn].name} was drawn, with probability ${propensity.toPrecision(3)}, to explore; ` +
            `otherwise ${candidates[order[0]].name}.`,
          ...plan.reasons,
        ],
        path,
        propensity,
        propensities,
        changes: [],
      };
    },
  };
}

/** Where a uniform number falls; the last that is possible when rounding leaves a rest. */
function draw(probabilities: Float64Array, uniform: number): number {
  let sum = 0;
  let last = 0;
  for (let i = 0; i < probabilities.length; i++) {
    if (probabilities[i] <= 0) continue;
    last = i;
    sum += probabilities[i];
    if (uniform < sum) return i;
  }
  return last;
}
