import type { HedgeStep, PlanStep } from '../policy/plan.ts';
import { type AbortScope, openScope } from './abort-scope.ts';
import { judgeAnswer, judgedContext } from './accept.ts';
import type { AttemptRole } from './attempt.ts';
import type { Run, RunStep, StepAnswer, StepContext } from './run.ts';
import { SupersededError } from './superseded-error.ts';

type Ending =
  | { readonly kind: 'accepted' | 'rejected'; readonly given: StepAnswer }
  | { readonly kind: 'failed'; readonly error: unknown };

/** A fast step, and a slow one beside it when the fast one keeps us waiting; the first accepted answer wins. */
export async function runHedge(
  run: Run,
  { fast, slow, delayMs, accept }: HedgeStep,
  context: StepContext,
  runStep: RunStep,
): Promise<StepAnswer> {
  const fastScope = openScope(context.signal);
  const slowScope = openScope(context.signal);
  const branch = async (
    step: PlanStep,
    own: AbortScope,
    other: AbortScope,
    role: AttemptRole,
  ): Promise<Ending> => {
    const judged = judgedContext(context, accept);
    // Of two that stream, the first to commit has won: the caller reads it already.
    const sink = judged.sink?.branch(() => other.abort(new SupersededError())) ?? null;
    const inner = { ...judged, signal: own.signal, role, sink };
    try {
      const given = await runStep(run, step, inner);
      const accepted = await judgeAnswer(run, accept, given, inner, step, runStep);
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
