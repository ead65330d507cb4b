import { readPrompt } from 'pointsman';
import { createRandom, mean } from 'pointsman/internal';
import type { OutcomeMatrix } from '../training/outcomes/matrix.ts';

/** How strongly a policy prefers: e to twice this for the most over the least preferred candidate, a standard deviation off. */
const PREFERENCE = 2;
/** Probability that the floor shares out among all candidates. */
const FLOOR = 0.05;

/** Probability of each candidate for a row of the table. */
export type LoggingPolicy = (row: number) => number[];

/** Longer prompts to better candidates: what decides can be seen of a prompt. */
export function byLength(matrix: OutcomeMatrix): LoggingPolicy {
  return preferring(
    matrix,
    matrix.prompts.map(({ request }) => Math.log(1 + readPrompt(request).text.length)),
  );
}

/** Prompts that most candidates fail at to better candidates: what decides cannot be seen before a prompt is answered. */
export function byHardness(matrix: OutcomeMatrix): LoggingPolicy {
  const columns = matrix.candidates.length;
  return preferring(
    matrix,
    matrix.prompts.map((_, row) => -mean(matrix.quality.subarray(row * columns, (row + 1) * columns))),
  );
}

/** Leans to candidates of higher mean quality where the score is high, to those of lower where it is low. */
function preferring(
  { candidates, quality, prompts }: OutcomeMatrix,
  scores: readonly number[],
): LoggingPolicy {
  const columns = candidates.length;
  const means = candidates.map((_, c) => mean(prompts.map((_, row) => quality[row * columns + c])));
  const places = means.map((own) => (2 * means.filter((other) => other < own).length) / (columns - 1) - 1);
  const centre = mean(scores);
  const scale = Math.sqrt(mean(scores.map((score) => (score - centre) ** 2)));
  return (row) => {
    const odds = places.map((place) => Math.exp((PREFERENCE * place * (scores[row] - centre)) / scale));
    const total = odds.reduce((sum, value) => sum + value, 0);
    return odds.map((value) => FLOOR / columns + ((1 - FLOOR) * value) / total);
  };
}

/** A log in which each prompt went to so many candidates, all sets of them equally likely. */
export function severalAnswers(matrix: OutcomeMatrix, answers: number, seed: number): OutcomeMatrix {
  const columns = matrix.candidates.length;
  const random = createRandom(seed);
  const kept = new Set<number>();
  for (let row = 0; row < matrix.prompts.length; row++) {
    const order = random.shuffle(Int32Array.from({ length: columns }, (_, c) => c));
    for (const c of order.slice(0, answers)) kept.add(row * columns + c);
  }
  const only = (values: Float32Array) => values.map((value, i) => (kept.has(i) ? value : Number.NaN));
  return {
    ...matrix,
    quality: only(matrix.quality),
    costUsd: only(matrix.costUsd),
    latencyMs: only(matrix.latencyMs),
    propensity: only(matrix.quality.map(() => answers / columns)),
  };
}
