import type { PolicySpec } from 'pointsman';
import { HIGHEST_WEIGHT, LEAST_FLOOR } from '../off-policy/clip-weights.ts';
import { formatCount, formatPercent } from '../words/format-number.ts';

/**
 * Warns of a policy that explores each candidate less often than weights allow for: ε / K under 1 / clip. What it explores
 * would then count for less than it should.
 *
 * @param candidates how many it explores among @param clip as configured; undefined: as the log's floor allows
 * @returns null where the two agree, or the policy does not explore so
 */
export function exploringWarning(
  policy: unknown,
  candidates: number,
  clip: number | undefined,
): string | null {
  const spec = policy as PolicySpec;
  if (spec.kind !== 'explore' || spec.method !== 'epsilon-greedy' || !(spec.epsilon > 0)) return null;
  const weight = candidates / spec.epsilon;
  const allowed = clip ?? 1 / LEAST_FLOOR;
  // The inverse of a rounded number.
  if (weight <= allowed * (1 + 1e-9)) return null;
  const most = clip ?? HIGHEST_WEIGHT;
  const enough = Math.ceil((1000 * candidates) / allowed) / 1000;
  return (
    `The policy asks each of ${candidates} candidates with probability ${(1 / weight).toPrecision(2)} to explore (epsilon / candidates), and weights above ` +
    `${formatCount(most)} are cut: what it explores will count for ${formatPercent(most / weight, 0)} of what it should. ` +
    (enough < 1 ? `Raise \`epsilon\` to ${enough}` : 'Explore among fewer candidates') +
    (clip === undefined ? '.' : `, or \`clip\` to ${formatCount(Math.ceil(weight))}.`)
  );
}
