import { argMax } from '../math/arg-max.ts';
import type { Combine, ParallelStep } from '../policy/plan.ts';
import { openScope } from './abort-scope.ts';
import { answerKey } from './answer-key.ts';
import { callCandidate } from './call-candidate.ts';
import { isOver, type Run, type RunStep, type StepAnswer, type StepContext } from './run.ts';
import { asQuality, scoreAnswer } from './score-answer.ts';
import { SupersededError } from './superseded-error.ts';
import { type Tally, tallyVotes } from './tally.ts';

/** Members at the same time; their answers become one. */
export async function runParallel(
  run: Run,
  { members, combine }: ParallelStep,
  context: StepContext,
  runStep: RunStep,
): Promise<StepAnswer> {
  const scope = openScope(context.signal);
  const inner: StepContext = { ...context, signal: scope.signal, role: 'member', sink: null };
  const answers: (StepAnswer | null | undefined)[] = members.map(() => undefined);
  let failure: unknown;
  try {
    await Promise.all(
      members.map(async (member, i) => {
        try {
          answers[i] = await runStep(run, member, inner);
        } catch (error) {
          answers[i] = null;
          failure ??= error;
        }
        // Once the others cannot change the vote they are not waited for.
        if (voteOf(answers, combine)?.decided === true) scope.abort(new SupersededError());
      }),
    );
    if (isOver(run, context)) throw context.signal.reason ?? run.signal.reason;
    const given = answers.filter((answer) => answer !== null && answer !== undefined);
    if (given.length === 0) throw failure;
    return await combined(run, combine, answers, given, context);
  } finally {
    scope.close();
  }
}

async function combined(
  run: Run,
  combine: Combine,
  answers: readonly (StepAnswer | null | undefined)[],
  given: readonly StepAnswer[],
  context: StepContext,
): Promise<StepAnswer> {
  const vote = voteOf(answers, combine);
  if (vote !== null) return answers[vote.winner] as StepAnswer;
  if (combine.kind === 'best') return best(run, combine.scorer, given, context);
  if (combine.kind === 'judge' && given.length > 1) return judged(run, combine.judge, given, context);
  return given[0];
}

/** Null for combinations that do not vote. */
function voteOf(answers: readonly (StepAnswer | null | undefined)[], combine: Combine): Tally | null {
  if (combine.kind !== 'majority' && combine.kind !== 'weighted') return null;
  const keys = answers.map((given) => (given ? answerKey(given.answer) : given));
  const weights = combine.kind === 'weighted' ? combine.weights : answers.map(() => 1);
  return tallyVotes(
    keys.map((key) => key as string | null | undefined),
    weights,
  );
}

/** The answer with the highest score; of several, the first listed. One whose scoring fails is the last choice. */
async function best(
  run: Run,
  name: string,
  given: readonly StepAnswer[],
  context: StepContext,
): Promise<StepAnswer> {
  const scores = await Promise.all(
    given.map(async ({ answer, attempt }) => {
      try {
        const score = await scoreAnswer(run, run.settings.scorers[name], name, answer, context);
        return Number.isNaN(score) ? Number.NEGATIVE_INFINITY : score;
      } catch (error) {
        if (isOver(run, context)) throw error;
        const message = error instanceof Error ? error.message : String(error);
        attempt.error = { code: 'SCORER_FAILED', message: `\`${name}\`: ${message}`, status: null };
        return Number.NEGATIVE_INFINITY;
      }
    }),
  );
  const winner = argMax(scores);
  run.quality = asQuality(scores[winner]);
  return given[winner];
}

/** When the judge fails, the answer of the member listed first, which was the likeliest to answer well. */
async function judged(
  run: Run,
  judge: string,
  given: readonly StepAnswer[],
  context: StepContext,
): Promise<StepAnswer> {
  const answers = given.map(({ answer }) => answer);
  const request = run.settings.extendRequest(context.request, { kind: 'answers', answers });
  try {
    return await callCandidate(run, { ...context, request, role: 'judge' }, judge);
  } catch (error) {
    if (isOver(run, context)) throw error;
    return given[0];
  }
}
