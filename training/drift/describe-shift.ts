import type { CandidateShift } from '../retrain/watch/candidate-shifts.ts';
import { formatSignedPoints, formatTimes } from '../words/format-number.ts';
import type { Alarm } from './alarm.ts';

/** A candidate's shift in a sentence that names it. */
export function describeShift({ candidate, changedOn, measure, shift, z }: CandidateShift): Alarm {
  const size = shift ?? 0;
  const says =
    measure === 'quality'
      ? `${size < 0 ? 'Worse' : 'Better'} answers of ${candidate} since ${changedOn}: beside what the router expects, ${formatSignedPoints(size)} points against before`
      : `The ${measure === 'costUsd' ? 'cost' : 'latency'} of ${candidate}, beside what the router expects, is ${formatTimes(Math.exp(size))} times what it was before ${changedOn}`;
  return {
    kind: 'candidate',
    subject: candidate,
    sentence: `${says} (${Math.abs(z ?? 0).toFixed(1)} standard errors).`,
  };
}
