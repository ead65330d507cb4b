import { argMax } from 'pointsman/internal';
import { parseTrainConfig, type TrainConfigInput } from '../training/config.ts';
import { openEmbedder } from '../training/embed/embedders.ts';
import { nearestNeighbours } from '../training/evaluate/nearest.ts';
import type { Matrix } from '../training/fit/rows.ts';
import type { OutcomeMatrix } from '../training/outcomes/matrix.ts';
import type { NearDuplicateGroups } from '../training/split/near-duplicates.ts';
import { type SplitSizes, type Splits, splitOutcomes } from '../training/split/split.ts';
import { type TrainedRouter, trainRouter } from '../training/train/train-router.ts';
import { embedPrompts } from './outcome-sets.ts';

/** One seed of a bench: the router, and the split it was trained on. */
export interface TrainedOnce {
  readonly trained: TrainedRouter;
  readonly splits: Splits;
  /** Router's quality minus that of plain kNN (k = 40), for each test row. */
  readonly differenceToNearest: Float64Array;
}

/** Splits by seed and trains with the defaults that `pointsman train` has. */
export async function trainOnce(
  matrix: OutcomeMatrix,
  groups: NearDuplicateGroups,
  sizes: SplitSizes,
  seed: number,
  config: TrainConfigInput = {},
): Promise<TrainedOnce> {
  const { splits } = splitOutcomes(matrix, { sizes, seed, groups });
  const trained = await trainOn(matrix, groups, splits, seed, config);
  const nearest = await embedPrompts(matrix, parseTrainConfig(config).embedder);
  return { trained, splits, differenceToNearest: differences(trained, matrix, splits, nearest) };
}

/** Trains on given splits. */
export async function trainOn(
  matrix: OutcomeMatrix,
  groups: NearDuplicateGroups,
  splits: Splits,
  seed: number,
  config: TrainConfigInput = {},
): Promise<TrainedRouter> {
  const parsed = parseTrainConfig({ resamples: 200, ...config, seed });
  return trainRouter({
    name: 'bench',
    matrix,
    splits,
    groups: groups.groups,
    dataFingerprint: 'bench',
    config: parsed,
    embedder: await openEmbedder(parsed.embedder),
  });
}

function differences(
  { predictions }: TrainedRouter,
  matrix: OutcomeMatrix,
  { fit, calibrate, test }: Splits,
  embeddings: Matrix,
): Float64Array {
  const columns = matrix.candidates.length;
  const train = Int32Array.from([...fit.rows, ...calibrate.rows]).sort();
  const estimates = nearestNeighbours(matrix, embeddings, train, test.rows, {
    neighbours: 40,
    maxTrainRows: 10_000,
    seed: 0,
    fallback: new Float64Array(columns),
  });
  return Float64Array.from(test.rows, (row, i) => {
    const nearest = argMax(estimates.subarray(i * columns, (i + 1) * columns));
    return matrix.quality[row * columns + predictions.chosen[i]] - matrix.quality[row * columns + nearest];
  });
}
