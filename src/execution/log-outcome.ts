import type { Decision } from '../decision/decision.ts';
import { ExecutionError } from '../errors/execution-error.ts';
import type { DecisionLog, OutcomeInput } from '../log/decision-log.ts';
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
    if (error instanceof ExecutionError) log.outcome(id, failed(error, candidate));
    throw error;
  }
}

function answered({ candidate, outcome, trace }: ExecutionResult): OutcomeInput {
  const { attempts } = trace;
  const own = attempts.filter((attempt) => attempt.candidate === candidate && attempt.state === 'answered');
  return {
    candidate,
    ...amountsOf(own),
    ...(attempts.length === 1
      ? {}
      : { totalCostUsd: outcome.costUsd, totalLatencyMs: Math.max(0, outcome.latencyMs) }),
  };
}

function failed({ code, attempts }: ExecutionError, candidate: string): OutcomeInput {
  const own = attempts.filter((attempt) => attempt.candidate === candidate);
  const ends = attempts.map(({ startedMs, latencyMs }) => startedMs + latencyMs);
  return {
    candidate,
    status: 'failed',
    ...amountsOf(own),
    ...(attempts.length < 2
      ? {}
      : { totalCostUsd: sum(attempts, 'costUsd') ?? 0, totalLatencyMs: Math.max(0, ...ends) }),
    error: code,
  };
}

/** Of several samples or retries: their costs and tokens together, and the latency of the last. */
function amountsOf(own: readonly Attempt[]) {
  return {
    costUsd: sum(own, 'costUsd'),
    latencyMs: own.length === 0 ? null : Math.max(0, own[own.length - 1].latencyMs),
    inputTokens: sum(own, 'inputTokens'),
    outputTokens: sum(own, 'outputTokens'),
  };
}

/** Null where nothing is known, or a client's bill is no amount. */
function sum(attempts: readonly Attempt[], field: 'costUsd' | 'inputTokens' | 'outputTokens'): number | null {
  let total: number | null = null;
  for (const attempt of attempts) {
    const value = attempt[field];
    if (value !== null && value >= 0 && Number.isFinite(value)) total = (total ?? 0) + value;
  }
  return total;
}
