import type { Decision } from '../decision.ts';
import { ExecutionError } from '../errors/execution-error.ts';
import type { DecisionLog, OutcomeInput } from '../log/decision-log.ts';
import { largest } from '../math/extremes.ts';
import type { Attempt } from './attempt.ts';
import type { ExecutionResult } from './execution-result.ts';

/**
 * Tells a router's log how its decision was carried out: whose answer it was and what that one cost, beside what
 * everything cost. A cost that the router only expected is not told: it would be learned as if it had been seen. A
 * verifier's score goes along as feedback. Of an execution that the caller cancelled nothing is told: nobody knows
 * what the answer would have been.
 */
export async function logOutcome<Result extends ExecutionResult>(
  log: DecisionLog | undefined,
  { id, candidate }: Pick<Decision, 'id' | 'candidate'>,
  execution: Promise<Result>,
): Promise<Result> {
  if (log === undefined || id === undefined) return execution;
  try {
    const result = await execution;
    tell(() => log.outcome(id, answered(result)));
    const { quality } = result.outcome;
    if (quality !== null && quality >= 0 && quality <= 1) {
      tell(() => log.feedback(id, { quality, candidate: result.candidate, source: 'verifier' }));
    }
    return result;
  } catch (error) {
    if (error instanceof ExecutionError) {
      tell(() => log.outcome(id, failed(error.code, error.attempts as readonly Attempt[], candidate)));
    }
    throw error;
  }
}

/** A log that refuses a record takes nobody's answer away. */
function tell(record: () => void): void {
  try {
    record();
  } catch {
    // What the log is not given to keep was of a decision that it has not kept either, and has counted.
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
  const sources = own.map(({ costSource }) => costSource);
  return {
    costUsd: sum(own.map((attempt) => (attempt.costSource === null ? null : seenCost(attempt)))),
    costSource: sources.every((source) => source === 'computed') ? 'computed' : 'reported',
    latencyMs: sum(own.slice(-1).map(({ latencyMs }) => latencyMs)),
    inputTokens: sum(own.map(({ inputTokens }) => inputTokens)),
    outputTokens: sum(own.map(({ outputTokens }) => outputTokens)),
  } as const;
}

/** Nothing where one attempt was all; no cost where that of one of them is not known. */
function totalsOf(attempts: readonly Attempt[]) {
  if (attempts.length < 2) return {};
  const totalCostUsd = sum(attempts.map(seenCost));
  const totalLatencyMs = largest(attempts.map(({ latencyMs, startedMs }) => startedMs + latencyMs));
  return { ...(totalCostUsd === null ? {} : { totalCostUsd }), totalLatencyMs };
}

/** Null where nothing but the router's own expectation is known. */
function seenCost({ costSource, costUsd }: Attempt): number | null {
  return costSource === 'estimated' ? null : costUsd;
}

/** Null where one of them is not known. */
function sum(values: readonly (number | null)[]): number | null {
  if (values.length === 0) return null;
  return values.reduce<number | null>(
    (total, value) => (total === null || value === null ? null : total + value),
    0,
  );
}
