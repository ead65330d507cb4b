import type { DenseLayer } from '../head/dense-chain.ts';
import { fitClassifiers } from '../learners/domain.ts';
import type { MemberData } from '../learners/learner.ts';
import { allRows } from './member-rows.ts';

/** Share of feature variance; between the ends of what the domain member tries. */
const PENALTY_SHARE = 0.03;

/**
 * What kind of request is it? A softmax classifier of the traffic's tasks, for the `task` signal where the domain
 * member, which is made of such a one, takes no part.
 *
 * @returns null where the traffic has fewer than two tasks
 */
export async function fitTaskClassifier(data: MemberData): Promise<DenseLayer | null> {
  if (data.tasks === null || data.taskCount < 2) return null;
  const [classifier] = await fitClassifiers(data, allRows(data.residuals), [PENALTY_SHARE]);
  return classifier;
}
