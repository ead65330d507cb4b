import * as v from 'valibot';
import { printNumber } from '../../math.ts';
import { finiteNumber, strictObject } from '../../validate.ts';

import { candidateIndex, composeOrder, type Policy, type PolicyKind, type PolicyParts } from '../policy.ts';
import { limited, type ThresholdPolicySpec } from '../spec.ts';

export const threshold = {
  shape: () =>
    strictObject({
      kind: v.literal('threshold'),
      strong: v.string(),
      weak: v.string(),
      threshold: v.pipe(finiteNumber, v.minValue(-1), v.maxValue(1)),
      ...limited,
    }),
  create: createThresholdPolicy,
} satisfies PolicyKind<ThresholdPolicySpec>;

/** Strong or weak on one dial. When limits removed the one it points to, the other; without both, the likeliest. */
function createThresholdPolicy(
  spec: ThresholdPolicySpec,
  { candidates, calls, filter }: PolicyParts,
): Policy {
  const strong = candidateIndex(candidates, spec.strong, 'strong');
  const weak = candidateIndex(candidates, spec.weak, 'weak');

  return {
    spec,
    decide(context) {
      const { predictions } = context;
      const remaining = filter(context);
      const gap = predictions.success[strong] - predictions.success[weak];
      const pointed = gap > spec.threshold ? strong : weak;
      const other = pointed === strong ? weak : strong;
      const firsts = [pointed, other].filter((c) => remaining.removed[c] === undefined);
      const utilities = predictions.success.slice();
      const { order, removed, reserve } = composeOrder(firsts, remaining, utilities, predictions);
      const reasons = [
        `The success probability of ${spec.strong} is ${printNumber(gap, spec.threshold)} above that of ${spec.weak}, ` +
          `${pointed === strong ? 'over' : 'not over'} the threshold of ${spec.threshold}.`,
      ];
      if (order[0] !== pointed) {
        reasons.push(
          `${candidates[pointed].name} was removed, since ${remaining.removed[pointed]}; ` +
            `${candidates[order[0]].name} takes its place.`,
        );
      }
      if (remaining.note !== undefined) reasons.push(remaining.note);
      const changes =
        firsts.length < 2
          ? []
          : [
              {
                kind: 'threshold',
                field: 'threshold',
                from: spec.threshold,
                to: gap,
                candidate: candidates[other].name,
              } as const,
            ];
      const path = [pointed === strong ? 'threshold:strong' : 'threshold:weak'];
      return {
        step: calls[order[0]],
        order,
        reserve,
        utilities,
        removed,
        reasons,
        path,
        propensity: 1,
        changes,
      };
    },
  };
}
