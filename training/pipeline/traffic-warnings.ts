import type { TrainConfig } from '../config.ts';
import type { IngestReport } from '../ingest/report.ts';
import { describeScale } from '../ingest/score-scale.ts';
import { countKinds } from '../outcomes/count-records.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import { costsWithout, latencyDoubt } from '../outcomes/report-doubts.ts';
import { plural } from '../words/format-number.ts';
import { scoresOf } from './check-trainable.ts';
import { exploringWarning } from './exploring-warning.ts';
import { FEWEST_OF_KIND, MOST_KINDS, type TaskKinds, taskKinds } from './task-kinds.ts';
import { withoutRouters } from './without-routers.ts';

/** Under so many scores, what is learned of a candidate is a guess. */
const FEW_SCORES = 50;

/** How the prompts were parted. */
interface PartedTraffic {
  /** Prompts to fit. */
  readonly fit: Int32Array;
  /** Near-duplicate group of each prompt. */
  readonly groups: Int32Array;
  /** How many prompts are in no split. */
  readonly leftOut: number;
}

/** What about the traffic could make the router worse than it need be: sentences. */
export function trafficWarnings(
  matrix: OutcomeMatrix,
  ingest: IngestReport,
  config: TrainConfig,
  { fit, groups, leftOut }: PartedTraffic,
): string[] {
  const { candidates, quality } = matrix;
  const warnings: string[] = [];
  const strangers = Object.keys(config.candidates).filter((name) => !candidates.includes(name));
  if (strangers.length > 0)
    warnings.push(`The config names candidates that the traffic does not have: ${strangers.join(', ')}.`);
  const scores = scoresOf(quality, candidates.length);
  const few = candidates.flatMap((name, c) => (scores[c] < FEW_SCORES ? [`${name} (${scores[c]})`] : []));
  if (few.length > 0)
    warnings.push(
      `Fewer than ${FEW_SCORES} quality scores, so what is learned of these candidates is a guess: ${few.join(', ')}.`,
    );
  for (const { kind, rejected, total } of countKinds(ingest)) {
    const lost = rejected.reduce((sum, { count }) => sum + count, 0);
    if (lost > 0.05 * total)
      warnings.push(
        `${lost} of ${plural(total, kind)} could not be used; pointsman ingest tells which and why.`,
      );
  }
  const prices = ingest.pricesOfNobody.filter((name) => !strangers.includes(name));
  if (prices.length > 0)
    warnings.push(`The prices name candidates that the traffic does not have: ${prices.join(', ')}.`);
  const { costsWithout: without, rowsAccepted } = ingest;
  if (without.tokens + without.prices > 0.05 * rowsAccepted)
    warnings.push(`${plural(ingest.costsMissing, 'row')} without a cost${costsWithout(ingest)}.`);
  const latency = latencyDoubt(ingest);
  if (latency?.includes('though') === true) warnings.push(`The column ${latency}.`);
  const scale = describeScale(ingest.scoreScale);
  if (scale !== null && ingest.scoreScale.by === 'found') warnings.push(`Scores were read as ${scale}.`);
  const only = onlyQuality(quality);
  if (ingest.scoreScale.allOnes)
    warnings.push(
      'Every score is 1, which is taken for the best. If it is the worst of a scale, say the scale: --score-range 1..5.',
    );
  else if (only !== null)
    warnings.push(
      `Every score is the same, a quality of ${Number(only.toPrecision(3))} on 0 (worst) to 1 (best): nothing tells a good answer from a bad one, so that only costs differ.`,
    );
  const tasks = tasksLeftOut(taskKinds(matrix, fit, groups), fit.length);
  if (tasks !== null) warnings.push(tasks);
  if (areAlike(matrix))
    warnings.push(
      'The embeddings of all prompts are the same and their words are not kept: nothing can tell prompts apart, and the ' +
        'router can only find the best single candidate.',
    );
  const exploring = exploringWarning(
    config.policy,
    candidates.filter((name) => config.candidates[name]?.retired !== true).length,
    config.offPolicy.clip,
  );
  if (exploring !== null) warnings.push(exploring);
  const { routers } = withoutRouters(config.policy);
  if (routers.length > 0)
    warnings.push(
      `The policy hands over to other routers (${routers.join(', ')}), which training does not know: it is measured with ` +
        "this router's own most likely candidate there. Give them to loadRouter in `routers`.",
    );
  if (leftOut > 0)
    warnings.push(`${leftOut} later repeats of earlier prompts are in no split, since the split is by time.`);
  return warnings;
}

/** The quality that all rows with one have; null where they differ. */
function onlyQuality(quality: Float32Array): number | null {
  const first = quality.find((value) => !Number.isNaN(value));
  if (first === undefined) return null;
  return quality.every((value) => Number.isNaN(value) || value === first) ? first : null;
}

/** A sentence where tasks that are not learned have more than one prompt in twenty. */
function tasksLeftOut({ leftOut, names }: TaskKinds, prompts: number): string | null {
  if (leftOut.prompts <= 0.05 * prompts) return null;
  const all = leftOut.tasks + names.length;
  const learned = names.length < 2 ? 'none is' : `${names.length} are`;
  return (
    `\`task\` has ${all.toLocaleString('en-US')} values among the prompts to fit, of which ${learned} learned: at most ${MOST_KINDS} are, each with ` +
    `${FEWEST_OF_KIND} different prompts or more and a name of 1 to 200 characters. A task says what kind of request it is, not which one.`
  );
}

/** Whether nothing of any prompt is known that could tell it from another. */
function areAlike({ prompts }: OutcomeMatrix): boolean {
  const first = prompts[0]?.embedding;
  if (first === undefined) return false;
  return prompts.every(
    ({ embedding }) => embedding?.length === first.length && embedding.every((x, i) => x === first[i]),
  );
}
