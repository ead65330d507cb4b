import { fitKnn } from '../fit/knn.ts';
import type { MemberData, TunedMember } from '../learners/learner.ts';
import { tuneByFold } from './tune-by-fold.ts';

const SETTINGS = [
  { neighbours: 20, shrinkage: 5 },
  { neighbours: 40, shrinkage: 10 },
  { neighbours: 80, shrinkage: 10 },
] as const;

/**
 * Weighted nearest neighbours by the embedding. Strong on small data, but every stored row is compared at every
 * decision: 1,500 rows of 256 numbers take longer than everything else together.
 */
export function tuneKnnMember(data: MemberData): Promise<TunedMember> {
  return tuneByFold('knn', data, SETTINGS, async ({ features, targets }, { neighbours, shrinkage }) => {
    const fit = fitKnn(features, targets, { ...data.embedding, neighbours, shrinkage });
    return { head: fit.head, form: { kind: 'knn', fit } };
  });
}
