import type { LearnerName } from '../config.ts';
import { chainHead } from '../fit/chain.ts';
import { fitMatrixFactorisation } from '../fit/factorisation.ts';
import { type FoldProgress, groupedFolds } from '../fit/folds.ts';
import { fitKnn } from '../fit/knn.ts';
import { fitMlp } from '../fit/mlp.ts';
import { tuneCurveLearner } from './curve.ts';
import { tuneDomainLearner } from './domain.ts';
import { type LearnerData, type TunedLearner, tuneByFold } from './learner.ts';
import { tuneLinearLearner } from './linear.ts';

/**
 * Tunes the named learners, one after the other. Those that the traffic has nothing for (a domain learner without
 * tasks) are left out.
 *
 * @param onMember called before each with its name, and then as its cross-validation goes on.
 */
export async function tuneLearners(
  data: LearnerData,
  names: readonly LearnerName[],
  onMember: (name: LearnerName, progress?: FoldProgress) => void = () => {},
): Promise<TunedLearner[]> {
  onMember('linear');
  const linear = await tuneLinearLearner(data, (progress) => onMember('linear', progress));
  const learners: TunedLearner[] = names.includes('linear') ? [linear] : [];
  if (names.includes('domain')) {
    onMember('domain');
    const domain = await tuneDomainLearner(data, (progress) => onMember('domain', progress));
    if (domain !== null) learners.push(domain);
  }
  if (names.includes('curve')) {
    onMember('curve');
    learners.push(await tuneCurveLearner(data, linear, (progress) => onMember('curve', progress)));
  }
  for (const [name, tune] of Object.entries(OTHERS) as [keyof typeof OTHERS, (typeof OTHERS)['mlp']][]) {
    if (!names.includes(name)) continue;
    onMember(name);
    learners.push(await tune(data));
  }
  return learners;
}

const MLP_SETTINGS = [
  { hidden: 32, dropout: 0.5 },
  { hidden: 64, dropout: 0.3 },
] as const;

/** One part in this many is held out to stop early by. */
const HELD_OUT_PARTS = 7;

const RANKS = [1, 2, 4];

const PENALTY_SHARES = [0.1, 0.01, 0.003];

const OTHERS = { mlp: tuneMlpLearner, knn: tuneKnnLearner, factorisation: tuneFactorisationLearner };

/** Prompts and candidates as short vectors whose product is the quality: what many candidates have in common is learned once. */
function tuneFactorisationLearner(data: LearnerData): Promise<TunedLearner> {
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

const KNN_SETTINGS = [
  { neighbours: 20, shrinkage: 5 },
  { neighbours: 40, shrinkage: 10 },
  { neighbours: 80, shrinkage: 10 },
] as const;

/**
 * Weighted nearest neighbours by the embedding. Strong on small data, but every stored row is compared at every
 * decision: 1,500 rows of 256 numbers take longer than everything else together.
 */
function tuneKnnLearner(data: LearnerData): Promise<TunedLearner> {
  return tuneByFold('knn', data, KNN_SETTINGS, async ({ features, targets }, { neighbours, shrinkage }) => {
    const fit = fitKnn(features, targets, { ...data.embedding, neighbours, shrinkage });
    return { head: fit.head, form: { kind: 'knn', fit } };
  });
}

/** One hidden layer of relu units with dropout, stopped early on held-out groups. */
function tuneMlpLearner(data: LearnerData): Promise<TunedLearner> {
  return tuneByFold('mlp', data, MLP_SETTINGS, async ({ features, ...known }, { hidden, dropout }, rows) => {
    const parts = groupedFolds(
      rows.map((row) => data.groups[row]),
      HELD_OUT_PARTS,
      data.seed,
    );
    const heldOut = Int32Array.from(parts.keys()).filter((row) => parts[row] === 0);
    const options = { seed: data.seed, hidden: [hidden], dropout, heldOut };
    const { chains } = await fitMlp(features, [{ ...known, loss: 'squared' }], options);
    return { head: chainHead(chains[0]), form: { kind: 'chain', chain: chains[0] } };
  });
}
