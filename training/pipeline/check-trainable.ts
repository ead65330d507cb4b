import { InvalidInputError } from 'pointsman';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import type { Splits } from '../split/split.ts';

/** Fewer prompts than these teach nothing that could be told from chance. */
const FEWEST_PROMPTS = 50;
const FEWEST_IN_SPLIT = 8;

/**
 * Refuses traffic that no router can be learned from, and says what is missing.
 * @throws InvalidInputError
 */
export function checkTraffic({ candidates, prompts, quality }: OutcomeMatrix): void {
  const scored = scoresOf(quality, candidates.length);
  const withScores = candidates.filter((_, c) => scored[c] > 0);
  if (withScores.length === 0) {
    throw new InvalidInputError(
      `Training needs to know how good the answers were: \`quality\`, 0 to 1. None of ${prompts.length} prompts has it. ` +
        'Add the column, or name yours: --map quality=your_score',
    );
  }
  if (withScores.length < 2) {
    throw new InvalidInputError(
      `Training needs at least 2 candidates with a quality score to choose among. Got 1: ${withScores[0]}. ` +
        'Add answers of another candidate, best of all to the same prompts.',
    );
  }
  let known = 0;
  for (let row = 0; row < prompts.length; row++) {
    const from = row * candidates.length;
    if (quality.subarray(from, from + candidates.length).some((value) => !Number.isNaN(value))) known++;
  }
  if (known < FEWEST_PROMPTS) {
    throw new InvalidInputError(
      `Training needs at least ${FEWEST_PROMPTS} prompts with a quality score, and some 1,000 for a router that can be ` +
        `trusted. Got ${known}. Collect more traffic.`,
    );
  }
}

/**
 * Refuses splits too small to be of use: near-duplicates share a split, so few distinct prompts make few rows.
 * @throws InvalidInputError
 */
export function checkSplits({ fit, calibrate, test }: Splits): void {
  const sizes = [fit, calibrate, test].map(({ rows }) => rows.length);
  if (sizes.every((size) => size >= FEWEST_IN_SPLIT)) return;
  throw new InvalidInputError(
    `Each split needs at least ${FEWEST_IN_SPLIT} prompts. Got ${sizes[0]} to fit, ${sizes[1]} to calibrate and ` +
      `${sizes[2]} to test; near-duplicate prompts are kept in one split. Collect more prompts that differ, or change ` +
      '`split` in the config.',
  );
}

/** Quality scores of each candidate: `[candidates]` */
export function scoresOf(quality: Float32Array, candidates: number): number[] {
  const counts = new Array<number>(candidates).fill(0);
  quality.forEach((value, i) => {
    if (!Number.isNaN(value)) counts[i % candidates]++;
  });
  return counts;
}
