import { createRandom } from 'pointsman/internal';
import type { TuningRows } from '../../../training/tune/settings.ts';

const COSTS = [1, 3, 10];

/** Answers of three candidates, each with a score that says, for one better than for the other, how likely it is right. */
export function judgedAnswers(rows: number, seed: number): TuningRows {
  const random = createRandom(seed);
  const quality = new Float32Array(3 * rows);
  const success = new Float32Array(3 * rows);
  const costUsd = new Float32Array(3 * rows);
  for (let row = 0; row < rows; row++) {
    const difficulty = random.next();
    [1, 0.7, 0.2].forEach((slope, c) => {
      const isRight = random.next() < 0.97 - slope * difficulty;
      const surprise = isRight ? random.next() ** 3 : random.next() ** 0.7;
      quality[3 * row + c] = isRight ? 1 : 0;
      success[3 * row + c] = 1 - 0.8 * surprise;
      costUsd[3 * row + c] = COSTS[c];
    });
  }
  const groups = Int32Array.from({ length: rows }, (_, row) => row);
  return { columns: 3, quality, success, costUsd, groups };
}
