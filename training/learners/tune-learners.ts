import { LEARNER_NAMES, type LearnerName } from '../config.ts';
import { fitKnn } from '../fit/knn.ts';
import { fitMatrixFactorisation } from '../fit/low-rank.ts';
import { fitMlp } from '../fit/mlp.ts';
import { type FoldProgress, groupedFolds, type OnFold } from '../fit/rows.ts';
import { tuneCurveLearner } from './curve.ts';
import { tuneDomainLearner } from './domain.ts';
import { fittedChain, type LearnerData, type TunedLearner, tuneByFold } from './learner.ts';
import { type LinearLearner, tuneLinearLearner } from './linear.ts';

/**
 * Tunes the named learners, one after the other. Those that the traffic has nothing for (a domain learner without
 * tasks) are left out.
 *
 * @param onLearner called before each with its name, and then as its cross-validation goes on.
 */
export async function tuneLearners(
  data: LearnerData,
  names: readonly LearnerName[],
  onLearner: (name: LearnerName, progress?: FoldProgress) => void = () => {},
): Promise<TunedLearner[]> {
  // Named or not: others are made of it.
  onLearner('linear');
  const linear = await tuneLinearLearner(data, (progress) => onLearner('linear', progress));
  const learners: TunedLearner[] = [];
  for (const name of LEARNER_NAMES) {
    if (!names.includes(name)) continue;
    if (name !== 'linear') onLearner(name);
    const tuned = await TUNERS[name](data, linear, (progress) => onLearner(name, progress));
    if (tuned !== null) learners.push(tuned);
  }
  return learners;
}

type Tuner = (
  data: LearnerData,
  linear: LinearLearner,
  onFold: OnFold,
) => TunedLearner | null | Promise<TunedLearner | null>;

const TUNERS: Readonly<Record<LearnerName, Tuner>> = {
  linear: (_, linear) => linear,
  domain: (data, _, onFold) => tuneDomainLearner(data, onFold),
  curve: tuneCurveLearner,
  mlp: tuneMlpLearner,
  knn: tuneKnnLearner,
  factorisation: tuneFactorisationLearner,
};

const MLP_SETTINGS = [
  { hidden: 32, dropout: 0.5 },
  { hidden: 64, dropout: 0.3 },
] as const;

/** One part in this many is held out to stop early by. */
const HELD_OUT_PARTS = 7;

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
    return fittedChain(chains[0]);
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
  return tuneByFold('knn', data, KNN_SETTINGS, async ({ features, targets }, setting) =>
    fitKnn(features, targets, { ...data.embedding, ...setting }),
  );
}

const RANKS = [1, 2, 4];

const PENALTY_SHARES = [0.1, 0.01, 0.003];

/** Prompts and candidates as short vectors whose product is the quality: what many candidates have in common is learned once. */
function tuneFactorisationLearner(data: LearnerData): Promise<TunedLearner> {
  const ranks = RANKS.filter((rank) => rank <= data.residuals.columns);
  const settings = ranks.flatMap((rank) => PENALTY_SHARES.map((penalty) => ({ rank, penalty })));
  return tuneByFold('factorisation', data, settings, async (known, { rank, penalty }) => {
    const l2 = penalty * known.features.rows * data.featureVariance;
    return fittedChain(await fitMatrixFactorisation(known, 'squared', { rank, l2 }));
  });
}
