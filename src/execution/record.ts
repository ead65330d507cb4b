import type { Answer } from './answer.ts';
import type { AttemptRecord, AttemptRole } from './attempt.ts';
import type { Failure } from './failure.ts';
import { answerCost } from './price.ts';
import type { Run } from './run.ts';

/** Opens the record of an attempt that is about to be made. */
export function beginRecord(run: Run, candidate: string, role: AttemptRole, retry: number): AttemptRecord {
  const record: AttemptRecord = {
    candidate,
    role,
    retry,
    state: 'running',
    startedMs: run.elapsedMs(),
    latencyMs: 0,
    firstChunkMs: null,
    inputTokens: null,
    outputTokens: null,
    costUsd: null,
    costSource: null,
    costIsEstimated: false,
    error: null,
  };
  run.attempts.push(record);
  return record;
}

/** Closes it with an answer. */
export function recordAnswer(run: Run, record: AttemptRecord, answer: Answer): void {
  record.state = 'answered';
  record.latencyMs = run.elapsedMs() - record.startedMs;
  record.inputTokens = answer.usage?.inputTokens ?? null;
  record.outputTokens = answer.usage?.outputTokens ?? null;
  const cost = answerCost(answer, record.candidate, run.settings.prices);
  if (cost === null) estimateCost(run, record);
  else Object.assign(record, cost);
}

/** Closes it without one. */
export function recordFailure(run: Run, record: AttemptRecord, failure: Failure, aborted: boolean): void {
  const { code, message, status } = failure;
  record.state = aborted ? 'aborted' : failure.refused ? 'refused' : 'failed';
  record.latencyMs = run.elapsedMs() - record.startedMs;
  record.error = { code, message, status };
  // Whoever refused or could not be reached sends no bill; whoever was writing, may.
  if (aborted || MAY_BE_BILLED.has(code)) estimateCost(run, record);
  else record.costUsd = 0;
}

const MAY_BE_BILLED = new Set(['BROKEN_STREAM', 'ATTEMPT_TIMEOUT', 'MALFORMED_ANSWER', 'DEADLINE']);

function estimateCost(run: Run, record: AttemptRecord): void {
  record.costUsd = run.expectedCostUsd(record.candidate);
  record.costIsEstimated = record.costUsd !== null;
  record.costSource = record.costIsEstimated ? 'estimated' : null;
}
