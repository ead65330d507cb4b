import { createRandom } from 'pointsman/internal';
import { groupedFolds } from '../../training/fit/rows.ts';
import type { LearnerData } from '../../training/learners/learner.ts';
import { tuneLearners } from '../../training/learners/tune-learners.ts';
import { atMost, type BenchLine, mended } from '../bench-line.ts';

const DRAWS = 20;
const [ROWS, FEATURES] = [240, 12];
/** The weakest that is ever tried. The strongest, 100, leaves nothing of what is fitted: beyond it there is nothing. */
const WEAKEST = 0.00001;

/** How many chosen penalties stand at an end of what was tried, where prompts say nothing and where they say much. */
export async function simulatePenaltyEnds(onProgress: (what: string) => void): Promise<BenchLine[]> {
  onProgress('penalty ends');
  const share = 100 * (await shareAtEnds(DRAWS));
  const note = `linear and curve members, ${DRAWS} draws with no signal and ${DRAWS} with little noise`;
  return [mended('62.5 %', atMost('penalties chosen at an end of what was tried', share, '%', 5, note))];
}

/** @returns share of the penalties */
export async function shareAtEnds(draws: number): Promise<number> {
  let [ends, all] = [0, 0];
  for (let seed = 0; seed < draws; seed++)
    for (const [signal, noise] of [
      [0, 0.4],
      [0.2, 0.12],
    ]) {
      for (const { settings } of await tuneLearners(world(signal, noise, seed), ['linear', 'curve']))
        for (const value of Object.values(settings)) {
          all++;
          if (value === WEAKEST) ends++;
        }
    }
  return ends / all;
}

function world(signal: number, noise: number, seed: number): LearnerData {
  const random = createRandom(seed);
  const values = Float32Array.from({ length: ROWS * FEATURES }, () => random.normal());
  const groups = Int32Array.from({ length: ROWS }, (_, row) => row);
  const residuals = Float32Array.from({ length: 2 * ROWS }, (_, i) => {
    const from = (i >> 1) * FEATURES;
    return signal * (values[from] + (i % 2 === 0 ? 1 : -1) * values[from + 1]) + noise * random.normal();
  });
  return {
    features: { rows: ROWS, columns: FEATURES, values },
    featureVariance: FEATURES,
    embedding: { from: 0, to: FEATURES },
    residuals: { rows: ROWS, columns: 2, values: residuals },
    weights: null,
    logged: false,
    tasks: null,
    taskCount: 0,
    candidateMeans: [0.5, 0.5],
    groups,
    folds: groupedFolds(groups, 5, seed),
    seed,
  };
}
