import * as v from 'valibot';
import { printNumber } from '../../math.ts';
import { share, strictObject } from '../../validate.ts';
import { limitChanges } from '../limit-filter.ts';

import type { Change } from '../plan.ts';
import { type BasicParts, candidateIndex, type Policy, type PolicyKind, rank } from '../policy.ts';
import { type ClassifierPolicySpec, limited } from '../spec.ts';

export const classifier = {
  shape: () =>
    strictObject({
      kind: v.literal('classifier'),
      abstain: v.exactOptional(
        strictObject({
          to: v.string(),
          below: v.exactOptional(share),
          outOfDistribution: v.exactOptional(v.boolean()),
        }),
      ),
      ...limited,
    }),
  create: createClassifierPolicy,
} satisfies PolicyKind<ClassifierPolicySpec>;

/**
 * The candidate that the choice head gives the highest probability; a named one instead when that is too low, or
 * when the request is unlike what the router was trained on.
 */
function createClassifierPolicy(
  spec: ClassifierPolicySpec,
  { candidates, calls, filter }: BasicParts,
): Policy {
  const { abstain } = spec;
  const safe = abstain === undefined ? -1 : candidateIndex(candidates, abstain.to, 'abstain.to');
  const below = abstain?.below ?? 0;

  return {
    spec,
    decide(context) {
      const remaining = filter(context);
      const utilities = context.predictions.choice.slice();
      const order = rank(remaining.left, utilities, context.predictions);
      const first = order[0];
      const reasons = [
        `${candidates[first].name} has the highest choice probability, ${printNumber(utilities[first], below)}.`,
      ];
      const path = ['classifier'];
      const novelty = abstain?.outOfDistribution === true ? context.novelty() : null;
      const isNovel = novelty !== null && novelty > 1;
      if (abstain !== undefined && (isNovel || utilities[first] < below)) {
        const why = isNovel
          ? `The request is ${printNumber(novelty, 1)} times as far from the training prompts as the limit`
          : `That is under ${below}`;
        const at = order.indexOf(safe);
        if (at === -1) {
          reasons.push(`${why}, but a limit removed ${abstain.to}, so it stands.`);
        } else {
          order.splice(at, 1);
          order.unshift(safe);
          reasons.push(`${why}, so it goes to ${abstain.to}.`);
          path.push(isNovel ? 'abstain:novel' : 'abstain');
        }
      }
      if (remaining.note !== undefined) reasons.push(remaining.note);
      const changes: Change[] = limitChanges(remaining, utilities, first, candidates);
      if (abstain !== undefined && !isNovel && first !== safe && order.includes(safe)) {
        changes.push({
          kind: 'threshold',
          field: 'abstain.below',
          from: below,
          to: utilities[first],
          candidate: candidates[order[0] === safe ? first : safe].name,
        });
      }
      const second = order[0] === first ? order[1] : undefined;
      if (second !== undefined) {
        const of = candidates[second].name;
        const [from, to] = [utilities[second], utilities[first]];
        changes.push({ kind: 'prediction', prediction: 'choice', of, from, to, candidate: of });
      }
      return {
        step: calls[order[0]],
        order,
        reserve: remaining.reserve,
        utilities,
        removed: remaining.removed,
        reasons,
        path,
        propensity: 1,
        changes,
      };
    },
  };
}
