import type { Manifest } from 'pointsman/artifact';
import { amendmentsOf } from '../artifact/amend-artifact.ts';
import type { CandidatePosterior } from './posterior.ts';

/** What was found out about a new candidate, and how sure it is. */
export interface OnboardedCandidate {
  readonly name: string;
  readonly probes: number;
  /** Mean quality over the traffic, with its 95 % interval. */
  readonly quality: Interval;
  /** What it is routed by: the estimate less `caution` standard deviations. */
  readonly routedBy: number;
  /** Over the best of the others that are in use. */
  readonly advantage: Interval & { readonly over: string };
  /** Those that it is most like, by their weight in what is expected of it. */
  readonly like: readonly { readonly name: string; readonly weight: number }[];
}

export interface Interval {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

/** Those of a router that came in without training, as they were found then. */
export function onboardedOf(manifest: Manifest): OnboardedCandidate[] {
  return amendmentsOf(manifest).flatMap(({ details }) =>
    typeof details === 'object' && details !== null && 'onboarded' in details
      ? [details.onboarded as OnboardedCandidate]
      : [],
  );
}

/** Of a normal distribution 95 % are within so many standard deviations. */
const WITHIN = 1.96;
const MOST_LIKE = 3;

/** @param name of the new candidate @param manifest of the version without it */
export function onboardedCandidate(
  name: string,
  { candidates }: Manifest,
  { weights, mean, deviation }: CandidatePosterior,
  routedBy: number,
  probes: number,
): OnboardedCandidate {
  const inUse = candidates.filter(({ retired }) => retired !== true);
  const best = inUse.reduce((a, b) => (b.meanQuality > a.meanQuality ? b : a), inUse[0] ?? candidates[0]);
  const interval = (estimate: number): Interval => ({
    estimate,
    low: estimate - WITHIN * deviation,
    high: estimate + WITHIN * deviation,
  });
  const like = candidates
    .map((candidate, c) => ({ name: candidate.name, weight: weights[c] }))
    .sort((a, b) => b.weight - a.weight)
    .slice(0, MOST_LIKE);
  const advantage = { over: best.name, ...interval(mean - best.meanQuality) };
  return { name, probes, quality: interval(mean), routedBy, advantage, like };
}
