import { formatSignedPoints } from '../evaluation/format-points.ts';
import type { Alarm } from './alarm.ts';
import type { CandidateShift } from './find-shifts.ts';

/** A candidate's shift in a sentence that names it. */
export function describeShift({ candidate, changedOn, measure, shift, z }: CandidateShift): Alarm {
  const size = shift ?? 0;
  const says =
    measure === 'quality'
      ? `${size < 0 ? 'Worse' : 'Better'} answers of ${candidate} since ${changedOn}: ${formatSignedPoints(size)} points beside what the router expects`
      : `The ${measure === 'costUsd' ? 'cost' : 'latency'} of ${candidate} is ${Math.exp(size).toFixed(2)} times what it was, since ${changedOn}`;
  return {
    kind: 'candidate',
    subject: candidate,
    sentence: `${says} (${Math.abs(z ?? 0).toFixed(1)} standard errors).`,
  };
}
