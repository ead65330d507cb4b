import { argMax } from '../math.ts';
import type { Combine, HedgeStep, ParallelStep, PlanStep, SequenceStep, ToolStep } from '../policy/plan.ts';
import {
  acceptAnswer,
  acceptContext,
  callFunction,
  keepScore,
  readByHead,
  scoreAnswer,
  type Tally,
  tallyVotes,
} from './accept.ts';
import { type Answer, answerKey, type ClientAnswer, readAnswer } from './answer.ts';
import { type AbortScope, openScope } from './async.ts';
import { type AttemptRole, readFailure, SupersededError } from './attempt.ts';
import { beginRecord, callCandidate, recordAnswer, recordFailure } from './call.ts';
import { isOver, type Run, type RunStep, type StepAnswer, type StepContext } from './run.ts';

/** Members at the same time; their answers become one. */
async function runParallel(
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
  const byHead = !Object.hasOwn(run.settings.scorers, name);
  const scores = await Promise.all(
    given.map(async (each) => {
      const score = byHead
        ? await readByHead(
            run,
            each,
            context,
            given.filter((other) => other !== each),
          )
        : await scoreByFunction(run, name, each, context);
      return Number.isNaN(score) ? Number.NEGATIVE_INFINITY : score;
    }),
  );
  return given[argMax(scores)];
}

async function scoreByFunction(
  run: Run,
  name: string,
  given: StepAnswer,
  context: StepContext,
): Promise<number> {
  try {
    const score = await scoreAnswer(run, run.settings.scorers[name], name, given.answer, context);
    keepScore(given, 'scorer', score);
    return score;
  } catch (error) {
    if (isOver(run, context)) throw error;
    const message = error instanceof Error ? error.message : String(error);
    given.attempt.error = { code: 'SCORER_FAILED', message: `\`${name}\`: ${message}`, status: null };
    return Number.NaN;
  }
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

/**
 * Runs a step of a plan, and those inside it.
 *
 * @throws what the step failed with: a client's error, or what ended everything.
 */
export function runStep(run: Run, step: PlanStep, context: StepContext): Promise<StepAnswer> {
  switch (step.kind) {
    case 'call':
      return callCandidate(run, context, step.candidate);
    case 'sequence':
      return runSequence(run, step, context, runStep);
    case 'parallel':
      return runParallel(run, step, context, runStep);
    case 'hedge':
      return runHedge(run, step, context, runStep);
    case 'tool':
      return runTool(run, step, context, runStep);
  }
}

type Ending =
  | { readonly kind: 'accepted' | 'rejected'; readonly given: StepAnswer }
  | { readonly kind: 'failed'; readonly error: unknown };

/** A fast step, and a slow one beside it when the fast one keeps us waiting; the first accepted answer wins. */
async function runHedge(
  run: Run,
  { fast, slow, delayMs, accept }: HedgeStep,
  context: StepContext,
  runStep: RunStep,
): Promise<StepAnswer> {
  const fastScope = openScope(context.signal);
  const slowScope = openScope(context.signal);
  const said: StepAnswer[] = [];
  const branch = async (
    step: PlanStep,
    own: AbortScope,
    other: AbortScope,
    role: AttemptRole,
  ): Promise<Ending> => {
    const judged = acceptContext(context, accept);
    // Of two that stream, the first to commit has won: the caller reads it already.
    const sink = judged.sink?.branch(() => other.abort(new SupersededError())) ?? null;
    const inner = { ...judged, signal: own.signal, role, sink };
    try {
      const given = await runStep(run, step, inner);
      // What the other one has said by now, and was not good enough.
      const judge = { ...inner, earlier: [...inner.earlier, ...said] };
      const accepted = await acceptAnswer(run, accept, given, judge, step, runStep);
      said.push(given);
      return accepted === null ? { kind: 'rejected', given } : { kind: 'accepted', given: accepted };
    } catch (error) {
      return { kind: 'failed', error };
    }
  };

  let startSlow = () => {};
  const slowMayStart = new Promise<void>((resolve) => {
    startSlow = resolve;
  });
  const cancelTimer = delayMs === 0 ? () => {} : run.settings.clock.after(delayMs, startSlow);
  if (delayMs === 0) startSlow();
  let decided = false;

  const fastEnding = branch(fast, fastScope, slowScope, context.role);
  const slowEnding = slowMayStart.then((): Ending | Promise<Ending> => {
    if (decided || slowScope.signal.aborted) return { kind: 'failed', error: new SupersededError() };
    return branch(slow, slowScope, fastScope, 'hedge');
  });
  fastEnding.then((ending) => {
    decided = ending.kind === 'accepted';
    startSlow();
  });
  try {
    const [won, lost] = await firstAccepted(fastEnding, slowEnding);
    if (won === undefined) return neither(await fastEnding, await slowEnding);
    decided = true;
    (lost === slowEnding ? slowScope : fastScope).abort(new SupersededError());
    startSlow();
    // The loser's cost belongs to the trace; it was told to stop, so this is soon.
    await lost;
    return won;
  } finally {
    cancelTimer();
    fastScope.close();
    slowScope.close();
  }
}

/** The first accepted answer and the ending of the other, or nothing when neither is accepted. */
function firstAccepted(
  fast: Promise<Ending>,
  slow: Promise<Ending>,
): Promise<[won: StepAnswer, lost: Promise<Ending>] | [undefined]> {
  return new Promise((resolve) => {
    const pair = [fast, slow];
    pair.forEach((ending, i) => {
      ending.then((end) => {
        if (end.kind === 'accepted') resolve([end.given, pair[1 - i]]);
      });
    });
    Promise.all(pair).then(() => resolve([undefined]));
  });
}

/** The slow one's answer, though it was not accepted. Where there is none, the hedge fails. */
function neither(fast: Ending, slow: Ending): StepAnswer {
  if (slow.kind !== 'failed') {
    slow.given.attempt.state = 'answered';
    return slow.given;
  }
  // Where the slow one was stopped because the fast one had committed, it is the fast one's error that tells.
  throw fast.kind === 'failed' && slow.error instanceof SupersededError ? fast.error : slow.error;
}

/** Steps in turn, until one's answer is accepted. */
async function runSequence(
  run: Run,
  sequence: SequenceStep,
  context: StepContext,
  runStep: RunStep,
): Promise<StepAnswer> {
  const { routing, steps } = sequence;
  if (routing !== undefined) {
    const { runCascadeRouting } = await import('./cascade-routing.ts');
    return runCascadeRouting(run, { ...sequence, routing }, context, runStep);
  }
  let failure: unknown;
  let { earlier } = context;
  for (const { step, accept } of steps) {
    const inner = { ...acceptContext(context, accept), earlier };
    try {
      const given = await runStep(run, step, inner);
      const accepted = await acceptAnswer(run, accept, given, inner, step, runStep);
      if (accepted !== null) return accepted;
      earlier = [...earlier, given];
      failure = new Error('No answer of the sequence was accepted.');
    } catch (error) {
      if (isOver(run, context)) throw error;
      failure = error;
    }
  }
  throw failure;
}

/** A tool answers, or helps a candidate to; when it has nothing to say, another step answers. */
async function runTool(
  run: Run,
  { tool, before, after, otherwise }: ToolStep,
  context: StepContext,
  runStep: RunStep,
): Promise<StepAnswer> {
  const silent: StepContext = { ...context, sink: null };
  try {
    const prepared = before === null ? null : await runStep(run, before, silent);
    const given = await askTool(run, tool, prepared?.answer ?? null, context);
    if (given !== null) {
      if (after === null) return given;
      const addition = { kind: 'tool-result', tool, result: given.answer } as const;
      const request = run.settings.extendRequest(context.request, addition);
      return await runStep(run, after, { ...context, request });
    }
  } catch (error) {
    if (isOver(run, context)) throw error;
  }
  return runStep(run, otherwise, context);
}

/** null: it has no answer. */
async function askTool(
  run: Run,
  tool: string,
  answer: Answer | null,
  context: StepContext,
): Promise<StepAnswer | null> {
  const { request, signal } = context;
  const attempt = beginRecord(run, tool, 'tool', 0);
  const span = run.span.attempt(tool, 'tool', 0, request);
  let given: Answer | null = null;
  try {
    const result = await callFunction(run, signal, tool, (inner) =>
      span.run(() => run.settings.tools[tool]({ request, answer }, inner)),
    );
    if (result === null) {
      attempt.state = 'rejected';
      attempt.latencyMs = run.elapsedMs() - attempt.startedMs;
      attempt.costUsd = 0;
      return null;
    }
    const whole: ClientAnswer = typeof result === 'string' ? { text: result } : result;
    // A function that says nothing of its cost is free.
    const read = readAnswer(whole, tool);
    given = { ...read, costUsd: read.costUsd ?? 0 };
    recordAnswer(run, attempt, request, given);
    return { answer: given, candidate: tool, attempt };
  } catch (error) {
    recordFailure(run, attempt, request, readFailure(error, run.settings.clock.wallNow()), signal.aborted);
    throw error;
  } finally {
    run.budget.spend(attempt.costUsd ?? 0);
    span.end(attempt, given);
  }
}
