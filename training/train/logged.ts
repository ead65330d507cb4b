import type { MemberName, TrainConfig } from '../config.ts';
import type { MemberData } from '../learners/learner.ts';
import type { LoggingPropensities } from '../off-policy/propensities.ts';
import { disagreement } from '../pipeline/disagreement.ts';
import { doublyRobustData } from '../pipeline/doubly-robust-data.ts';
import { type FittedQuality, fitTuned, type TunedQuality, tuneQuality } from '../pipeline/fit-quality.ts';
import { type LogMethod, type LogReport, logReport } from '../pipeline/log-report.ts';
import { inverselyWeighted, type LogWeights } from '../pipeline/log-weights.ts';
import type { OnStep } from '../pipeline/train-progress.ts';

interface LoggedQuality {
  /** What the quality was fitted on in the end. */
  readonly data: MemberData;
  readonly quality: FittedQuality;
  readonly report: LogReport;
}

/** Weights are used where, without them, qualities are off by more than this, in standard errors. */
const TOLERATED = 2.33;

/**
 * Fits the quality heads to a log. Unless told otherwise all outcomes count alike: what decided who answers is in the
 * prompt, and so is what the heads are fitted on. Where inverse propensities show that it was not, they are used.
 */
export async function fitLoggedQuality(
  data: MemberData,
  log: LogWeights,
  propensities: LoggingPropensities,
  options: Omit<TrainConfig['offPolicy'], 'memory'> & {
    readonly clip: number;
    readonly members: readonly MemberName[];
  },
  onStep: OnStep,
): Promise<LoggedQuality> {
  const { clip, members } = options;
  const finish = async (used: MemberData, method: LogMethod, reason: string, tuned?: TunedQuality) => ({
    data: used,
    quality: await fitTuned(used, tuned ?? (await tuneQuality(used, members, onStep)), onStep),
    report: logReport(method, reason, log, propensities, clip),
  });
  // Member data come with weights where they hold what a router in use expects, and only there.
  if (data.weights !== null) return finish(data, 'anchored', IN_USE);
  if (options.weights === 'ipw') return finish(inverselyWeighted(data, log), 'ipw', ASKED);
  const tuned = await tuneQuality(data, members, onStep);
  if (options.weights === 'doublyRobust') {
    const scores = doublyRobustData(data, tuned.stack.outOfFold, log.propensities, clip);
    return finish(scores, 'doublyRobust', ASKED);
  }
  if (options.weights === 'none') return finish(data, 'none', ASKED, tuned);
  const off = disagreement(data, tuned.stack.outOfFold, log.inverse);
  if (off <= TOLERATED) return finish(data, 'none', ALIKE, tuned);
  return finish(inverselyWeighted(data, log), 'ipw', apart(off));
}

const ASKED = 'The config asks for it.';
const IN_USE = 'A log of what a router chose says too little of the other choices to be learned from alone.';
const ALIKE =
  'Inverse propensity weights are not used: qualities with and without them do not differ significantly, and the variance ' +
  'is lower without.';

function apart(off: number): string {
  return (
    `Inverse propensity weights are used: qualities with and without them differ significantly, by ${off.toFixed(1)} standard errors: ` +
    'which candidate answered a prompt depended on more than the heads can see of it.'
  );
}
