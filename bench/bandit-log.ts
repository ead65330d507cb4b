import { createRandom } from 'pointsman/internal';
import type { OutcomeMatrix } from '../training/outcomes/matrix.ts';

export interface BanditLogOptions {
  readonly seed: number;
  /** Probability of each candidate for a prompt of the matrix, which add up to 1. @default all alike */
  readonly policy?: (row: number) => ArrayLike<number>;
  /** Whether the log says with which probability the candidate was drawn. @default true */
  readonly keepPropensities?: boolean;
}

/**
 * What a log would hold of a table of outcomes, had each prompt gone to one candidate drawn by the logging policy:
 * that one's quality, cost, latency and propensity. All else is NaN. The same seed draws the same.
 */
export function toBanditLog(
  matrix: OutcomeMatrix,
  { seed, policy, keepPropensities = true }: BanditLogOptions,
): OutcomeMatrix {
  const columns = matrix.candidates.length;
  const uniform = new Float64Array(columns).fill(1 / columns);
  // A stream of its own: what was made or split by the same seed must not have a say in who answers.
  const random = createRandom(Math.imul(seed + 1, 0x9e3779b1) ^ 0x6a09e667);
  const empty = () => new Float32Array(matrix.quality.length).fill(Number.NaN);
  const [quality, costUsd, latencyMs, propensity] = [empty(), empty(), empty(), empty()];
  for (let row = 0; row < matrix.prompts.length; row++) {
    const probabilities = policy?.(row) ?? uniform;
    const at = row * columns + draw(probabilities, random.next());
    quality[at] = matrix.quality[at];
    costUsd[at] = matrix.costUsd[at];
    latencyMs[at] = matrix.latencyMs[at];
    if (keepPropensities) propensity[at] = probabilities[at % columns];
  }
  return { ...matrix, quality, costUsd, latencyMs, propensity };
}

/** @param at uniform in [0, 1) */
function draw(probabilities: ArrayLike<number>, at: number): number {
  let below = 0;
  let last = 0;
  for (let c = 0; c < probabilities.length; c++) {
    if (probabilities[c] <= 0) continue;
    last = c;
    below += probabilities[c];
    if (at < below) return c;
  }
  // Rounding may leave the sum a little under 1.
  return last;
}
