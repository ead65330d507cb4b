import type { TrainConfig } from '../config.ts';
import type { LoggingPropensities } from '../off-policy/propensities.ts';
import { formatPercent, formatSample, plural } from '../words/format-number.ts';
import type { LogWeights } from './log-weights.ts';

/**
 * How a log is learned from: all outcomes alike, weighed, filled up with doubly robust scores, or held to what the router
 * expects that is in use.
 */
export type LogMethod = Exclude<TrainConfig['offPolicy']['weights'], 'auto'> | 'anchored';

/** What training says of traffic in which a policy chose what was seen. */
export interface LogReport {
  readonly method: LogMethod;
  /** What was learned from and how, in a sentence. */
  readonly summary: string;
  /** Why so, in a sentence. */
  readonly reason: string;
  readonly propensities: LoggingPropensities['source'];
  /** What must hold for them to be right, in a sentence. */
  readonly assumption: string;
  /** Quality scores of the fit split. */
  readonly outcomes: number;
  /** How many outcomes of equal weight say as much as these do weighed by inverse propensity. */
  readonly effectiveOutcomes: number;
  /** Inverse propensities above this are cut. */
  readonly clip: number;
  readonly clippedShare: number;
}

const HOW: Readonly<Record<LogMethod, string>> = {
  none: 'all of them alike',
  ipw: 'weighed by inverse propensity',
  doublyRobust: 'filled up with doubly robust scores',
  anchored: 'held to what the router in use expects',
};

export function logReport(
  method: LogMethod,
  reason: string,
  { outcomes, effectiveOutcomes, clippedShare }: LogWeights,
  { source, assumption }: LoggingPropensities,
  clip: number,
): LogReport {
  const cut = clippedShare > 0 ? `, ${formatPercent(clippedShare)} of them cut at ${clip}` : '';
  return {
    method,
    summary:
      `${plural(outcomes, 'outcome')} of a log that holds some candidates of each prompt, ${HOW[method]}; by inverse ` +
      `propensity (${source}${cut}) their effective sample size is ${formatSample(effectiveOutcomes)}.`,
    reason,
    propensities: source,
    assumption,
    outcomes,
    effectiveOutcomes,
    clip,
    clippedShare,
  };
}
