import type { Decision } from '../decision/decision.ts';
import { ExecutionError } from '../errors/execution-error.ts';
import type { DecisionLog, OutcomeInput } from '../log/decision-log.ts';
import { largest } from '../math/extremes.ts';
import type { Attempt } from './attempt.ts';
import type { ExecutionResult } from './execution-result.ts';

/**
 * Tells a router's log how its decision was carried out: whose answer it was and what that one cost, beside what
 * everything cost. A verifier's score goes along as feedback. Of an execution that the caller cancelled nothing is
 * told: nobody knows what the answer would have been.
 */
export async function logOutcome<Result extends ExecutionResult>(
  log: DecisionLog | undefined,
  { id, candidate }: Pick<Decision, 'id' | 'candidate'>,
  execution: Promise<Result>,
): Promise<Result> {
  if (log === undefined || id === undefined) return execution;
  try {
    const result = await execution;
    log.outcome(id, answered(result));
    const { quality } = result.outcome;
    if (quality !== null && quality >= 0 && quality <= 1) {
      log.feedback(id, { quality, candidate: result.candidate, source: 'verifier' });
    }
    return result;
  } catch (error) {
    if (error instanceof ExecutionError) {
      log.outcome(id, failed(error.code, error.attempts as readonly Attempt[], candidate));
    }
    throw error;
  }
}

function answered({ candidate, trace }: ExecutionResult): OutcomeInput {
  const { attempts } = trace;
  const own = attempts.filter((attempt) => attempt.candidate === candidate && attempt.state === 'answered');
  return { candidate, ...amountsOf(own), ...totalsOf(attempts) };
}

function failed(code: string, attempts: readonly Attempt[], candidate: string): OutcomeInput {
  const own = attempts.filter((attempt) => attempt.candidate === candidate);
  return { candidate, status: 'failed', ...amountsOf(own), ...totalsOf(attempts), error: code };
}

/** Of several samples or retries: their costs and tokens together, and the latency of the last. */
function amountsOf(own: readonly Attempt[]) {
  return {
    costUsd: sum(own.map(({ costUsd }) => costUsd)),
    latencyMs: sum(own.slice(-1).map(({ latencyMs }) => latencyMs)),
    inputTokens: sum(own.map(({ inputTokens }) => inputTokens).filter(Number.isSafeInteger)),
    outputTokens: sum(own.map(({ outputTokens }) => outputTokens).filter(Number.isSafeInteger)),
  };
}

/** Nothing where one attempt was all. */
function totalsOf(attempts: readonly Attempt[]) {
  if (attempts.length < 2) return {};
  const ends = attempts.map(({ startedMs, latencyMs }) => startedMs + latencyMs);
  return {
    totalCostUsd: sum(attempts.map(({ costUsd }) => costUsd)) ?? 0,
    totalLatencyMs: Math.max(0, largest(ends.filter(Number.isFinite))),
  };
}

/** Null where nothing is known; a client's numbers that are no amounts are passed over. */
function sum(values: readonly (number | null)[]): number | null {
  let total: number | null = null;
  for (const value of values) {
    if (value !== null && value >= 0 && Number.isFinite(value)) total = (total ?? 0) + value;
  }
  return total;
}
