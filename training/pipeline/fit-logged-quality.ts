import type { TrainConfig } from '../config/train-config.ts';
import type { MemberData, MemberName } from '../member/index.ts';
import type { LoggingPropensities } from '../off-policy/index.ts';
import { disagreement } from './disagreement.ts';
import { doublyRobustData } from './doubly-robust-data.ts';
import { type FittedQuality, fitTuned, tuneQuality } from './fit-quality.ts';
import { inverselyWeighted, type LogWeights } from './log-weights.ts';
import type { OnStep } from './train-progress.ts';

/** How a log is learned from: all outcomes alike, weighed, or filled up with doubly robust scores. */
export type LogMethod = Exclude<TrainConfig['offPolicy']['weights'], 'auto'>;

/** What training says of traffic in which a policy chose what was seen. */
export interface LogReport {
  readonly method: LogMethod;
  /** Why this one, in a sentence. */
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

export interface LoggedQuality {
  /** What the quality was fitted on in the end. */
  readonly data: MemberData;
  readonly quality: FittedQuality;
  readonly report: LogReport;
}

/** Weights are used where, without them, qualities are off by more than this, in standard errors. */
const TOLERATED = 2.33;
/** What is used then. */
const ROBUST: LogMethod = 'ipw';

/**
 * Fits the quality heads to a log. Unless told otherwise all outcomes count alike: what decided who answers is in the
 * prompt, and so is what the heads are fitted on. Where inverse propensities show that it was not, they are used.
 */
export async function fitLoggedQuality(
  data: MemberData,
  log: LogWeights,
  { source, assumption }: LoggingPropensities,
  options: TrainConfig['offPolicy'] & { readonly members: readonly MemberName[] },
  onStep: OnStep,
): Promise<LoggedQuality> {
  const { clip, members } = options;
  const finish = async (used: MemberData, method: LogMethod, reason: string, tuned?: Tuned) => ({
    data: used,
    quality: await fitTuned(used, tuned ?? (await tuneQuality(used, members, onStep)), onStep),
    report: {
      method,
      reason,
      propensities: source,
      assumption,
      outcomes: log.outcomes,
      effectiveOutcomes: log.effectiveOutcomes,
      clip,
      clippedShare: log.clippedShare,
    },
  });
  if (options.weights === 'ipw') return finish(inverselyWeighted(data, log), 'ipw', ASKED);
  const tuned = await tuneQuality(data, members, onStep);
  const robust = () => doublyRobustData(data, tuned.stack.outOfFold, log.propensities, clip);
  if (options.weights === 'doublyRobust') return finish(robust(), 'doublyRobust', ASKED);
  if (options.weights === 'none') return finish(data, 'none', ASKED, tuned);
  const off = disagreement(data, tuned.stack.outOfFold, log.inverse);
  if (off <= TOLERATED) return finish(data, 'none', alike(off), tuned);
  return ROBUST === 'ipw'
    ? finish(inverselyWeighted(data, log), ROBUST, apart(off))
    : finish(robust(), ROBUST, apart(off));
}

type Tuned = Awaited<ReturnType<typeof tuneQuality>>;

const ASKED = 'The config asks for it.';

function alike(off: number): string {
  return `Weighed by inverse propensity, qualities come out as they do without weights (${off.toFixed(1)} standard errors apart), which are less noisy.`;
}

function apart(off: number): string {
  return `Weighed by inverse propensity, qualities come out differently (${off.toFixed(1)} standard errors): who answered a prompt depended on more than the heads can see of it.`;
}
