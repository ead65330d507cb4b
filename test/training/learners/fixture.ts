import { createRandom } from 'pointsman/internal';
import { groupedFolds, type Matrix } from '../../../training/fit/rows.ts';
import type { LearnerData } from '../../../training/learners/learner.ts';

export interface FixtureOptions {
  readonly rows: number;
  readonly candidates: number;
  readonly seed: number;
  /** Expected quality minus the candidate's mean, of features of unit variance. */
  readonly truth: (features: Float32Array, candidate: number) => number;
  /** Standard deviation of what cannot be known. */
  readonly noise: number;
  /** Task of a row by its features. */
  readonly task?: (features: Float32Array) => number;
}

const FEATURES = 6;

/** Member data with a planted truth, and the truth itself: `[rows, candidates]`. */
export function memberFixture({ rows, candidates, seed, truth, noise, task }: FixtureOptions): {
  data: LearnerData;
  expected: Matrix;
} {
  const random = createRandom(seed);
  const features = {
    rows,
    columns: FEATURES,
    values: new Float32Array(rows * FEATURES).map(() => random.normal()),
  };
  const row = (i: number) => features.values.subarray(i * FEATURES, (i + 1) * FEATURES);
  const expected = Float32Array.from({ length: rows * candidates }, (_, i) =>
    truth(row(Math.floor(i / candidates)), i % candidates),
  );
  const groups = Int32Array.from({ length: rows }, (_, i) => i);
  const tasks = task === undefined ? null : groups.map((i) => task(row(i)));
  return {
    expected: { rows, columns: candidates, values: expected },
    data: {
      features,
      featureVariance: FEATURES,
      embedding: { from: 0, to: FEATURES },
      residuals: { rows, columns: candidates, values: expected.map((x) => x + noise * random.normal()) },
      weights: null,
      logged: false,
      tasks,
      taskCount: tasks === null ? 0 : Math.max(...tasks) + 1,
      candidateMeans: Array.from({ length: candidates }, (_, c) => 0.6 - 0.05 * c),
      groups,
      folds: groupedFolds(groups, 4, seed),
      seed,
    },
  };
}
