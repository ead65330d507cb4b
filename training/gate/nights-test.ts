import type { ValueTable } from '../retrain/gate/values.ts';
import { formatConfidence, formatPoints, formatSignedPoints } from '../words/format-number.ts';
import { type Opponent, sayNotWorse, sureOf } from './comparison-tests.ts';
import type { GateOptions } from './gate-options.ts';
import type { GateTest } from './gate-verdict.ts';

/** What was found against the champion, and what the promotion would make of the tolerance. */
interface NightsTest {
  readonly test: GateTest;
  /** Of the tolerance, what is spent once the challenger is promoted. */
  readonly spent: number;
}

/** What the tolerance that all nights share has come to, once a challenger that passed is in use. */
export function sayNightsSpent(spent: number): string {
  return spent === 0
    ? 'It is surely no worse than the best version so far.'
    : `Beside the best version so far it loses ${formatPoints(spent)} points at most; later nights may not spend these again.`;
}

/** A version that was not shown to be as good spends this share of the tolerance at least: so no month has many. */
const LEAST_CHARGE = 0.5;

/**
 * Whether a challenger may follow the champion, with all nights in mind. Every night could let a version pass that is a little
 * worse, so the tolerance is spent once: `spent` is what the versions since the best so far may have lost against it,
 * and `spent` minus what this one surely gains must stay within `nightsTolerance`. A version that is surely better
 * than the champion always passes, whatever was spent, and earns back what it surely gains. Each night's confidence is its
 * part of `nightsAlpha` (Bonferroni), so all promotions of so many nights are right together.
 *
 * @param opponent the champion @param before what was spent; null: not known, so all of it @param drifted whether candidates were found to have changed:
 * then an estimate a little below the champion's is no reason against a version that knows of it
 */
export function testNights(
  opponent: Opponent,
  table: ValueTable,
  { nights, nightsAlpha, nightsTolerance }: Required<GateOptions>,
  before: number | null = 0,
  drifted = false,
): NightsTest {
  const confidence = 1 - nightsAlpha / nights;
  const interval = sureOf(opponent, table, confidence);
  const { estimate, low } = interval;
  const spent = before ?? nightsTolerance;
  const left = nightsTolerance - spent;
  const charge = low === null ? 0 : low >= 0 ? -low : Math.max(-low, LEAST_CHARGE * nightsTolerance);
  const tolerance = left >= LEAST_CHARGE * nightsTolerance ? Math.max(0, left) : 0;
  const isSure = low !== null && low >= -tolerance;
  const isWorse = estimate !== null && estimate < 0 && !drifted;
  const { name, unit } = opponent;
  const together = ` (${formatConfidence(1 - nightsAlpha)} over ${nights} nights)`;
  const reasons = [
    sayNotWorse(interval, { confidence, name, tolerance, unit }, together),
    ...(spent > 0 && low !== null && low < 0
      ? [
          `Of the ${formatPoints(nightsTolerance)} points that all nights together may lose, ${
            before === null
              ? 'nobody knows how much is spent, so all of it counts as spent'
              : `${formatPoints(spent)} are spent`
          }${tolerance === 0 ? ': only a version that is surely no worse comes into use' : ''}.`,
        ]
      : []),
    ...(isSure && isWorse
      ? [
          `Its estimate is ${formatSignedPoints(estimate)}, and no candidate has changed that would explain it.`,
        ]
      : []),
  ];
  return {
    test: {
      kind: opponent.kind,
      passed: isSure && !isWorse,
      sentence: reasons.join(' '),
      difference: interval,
      limit: -tolerance,
    },
    spent: Math.min(nightsTolerance, Math.max(0, spent + charge)),
  };
}
