import { fitMatrixFactorisation } from '../fit/factorisation.ts';
import { chainHead } from '../head/dense-chain.ts';
import type { MemberData, TunedMember } from '../learners/learner.ts';
import { tuneByFold } from './tune-by-fold.ts';

const PENALTY_SHARES = [0.1, 0.01, 0.003];
const RANKS = [1, 2, 4];

/** Prompts and candidates as short vectors whose product is the quality: what many candidates have in common is learned once. */
export function tuneFactorisationMember(data: MemberData): Promise<TunedMember> {
  const ranks = RANKS.filter((rank) => rank <= data.residuals.columns);
  const settings = ranks.flatMap((rank) => PENALTY_SHARES.map((penalty) => ({ rank, penalty })));
  return tuneByFold('factorisation', data, settings, async (known, { rank, penalty }) => {
    const chain = await fitMatrixFactorisation(known, 'squared', {
      rank,
      l2: penalty * known.features.rows * data.featureVariance,
    });
    return { head: chainHead(chain), form: { kind: 'chain', chain } };
  });
}
