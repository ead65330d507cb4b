import { CostBudgetError } from '../errors/cost-budget-error.ts';
import type { Answer } from './answer.ts';
import type { AttemptRecord } from './attempt.ts';
import { AttemptError } from './attempt-error.ts';
import { runAttempt } from './call.ts';
import type { Client } from './client.ts';
import { readFailure } from './failure.ts';
import { beginRecord, recordFailure } from './record.ts';
import { retryDelayMs } from './retry-delay.ts';
import { isOver, type Run, type StepAnswer, type StepContext } from './run.ts';
import { settingsOf } from './settings.ts';
import { wait } from './wait.ts';

/**
 * One candidate, until it answers, or what goes wrong will not pass, or no retry is left.
 *
 * @throws what the last attempt failed with.
 */
export async function callCandidate(run: Run, context: StepContext, candidate: string): Promise<StepAnswer> {
  // Every name of a plan was looked up before it began.
  const client = run.pool.clientOf(candidate) as Client;
  for (let retry = 0; ; retry++) {
    const attempt = beginRecord(run, candidate, context.role, retry);
    try {
      return { answer: await attemptOnce(run, context, client, attempt), candidate, attempt };
    } catch (error) {
      if (!(error instanceof AttemptError)) throw error;
      const delayMs = isOver(run, context) ? null : nextDelayMs(run, error, attempt);
      if (delayMs === null) throw error.cause;
      if (delayMs > 0) await wait(delayMs, run.settings.clock, context.signal);
    }
  }
}

/** Within the budget, behind the guard. */
async function attemptOnce(
  run: Run,
  context: StepContext,
  client: Client,
  record: AttemptRecord,
): Promise<Answer> {
  const { budget, settings } = run;
  let settle: ((costUsd: number | null) => void) | undefined;
  try {
    settle = await budget.reserve(record.candidate, run.expectedCostUsd(record.candidate), context.signal);
    if (settle === undefined) {
      throw new CostBudgetError(settings.costBudgetUsd, budget.spentUsd, run.attempts, budget.isBlind);
    }
    return await run.pool
      .guardOf(record.candidate)
      .run(() => runAttempt(run, context, client, record), context.signal);
  } catch (error) {
    if (error instanceof AttemptError) throw error;
    // It was never sent: refused, or given up while it waited for a place.
    const failure = { ...readFailure(error, settings.clock.wallNow()), refused: true };
    recordFailure(run, record, context.request, failure, false);
    throw new AttemptError(error, failure, context.signal.aborted);
  } finally {
    settle?.(record.costUsd ?? (record.state === 'answered' ? null : 0));
  }
}

/** Milliseconds until the same call is sent again; null: not again. */
function nextDelayMs(
  run: Run,
  { failure }: AttemptError,
  { candidate, retry }: AttemptRecord,
): number | null {
  const { longestRetryDelayMs, random, deadlineMs } = run.settings;
  const { retries } = settingsOf(run.settings, candidate);
  if (!failure.retryable || retry >= retries) return null;
  if (failure.retryAfterMs !== null && failure.retryAfterMs > longestRetryDelayMs) return null;
  const delayMs = Math.min(
    retryDelayMs(failure.retryAfterMs, retry, run.settings.retryDelayMs, random()),
    longestRetryDelayMs,
  );
  return run.elapsedMs() + delayMs < deadlineMs ? delayMs : null;
}
