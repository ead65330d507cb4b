import { countRequestTokens } from '../request/count-request-tokens.ts';
import type { Request } from '../request.ts';
import { estimateTokens } from '../tokens.ts';
import type { Answer } from './answer.ts';
import type { AttemptRecord, AttemptRole } from './attempt.ts';
import type { Failure } from './failure.ts';
import { answerCost, priceOf } from './price.ts';
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
export function recordAnswer(run: Run, record: AttemptRecord, request: Request, answer: Answer): void {
  record.state = 'answered';
  record.latencyMs = run.elapsedMs() - record.startedMs;
  record.inputTokens = answer.usage?.inputTokens ?? null;
  record.outputTokens = answer.usage?.outputTokens ?? null;
  const cost = answerCost(answer, record.candidate, run.settings.prices);
  if (cost === null) estimateCost(run, record, request, tokensOf(answer));
  else Object.assign(record, cost);
}

/** Closes it without one. A cost that is there already is kept. */
export function recordFailure(
  run: Run,
  record: AttemptRecord,
  request: Request,
  failure: Failure,
  aborted: boolean,
): void {
  const { code, message, status } = failure;
  record.state = aborted ? 'aborted' : failure.refused ? 'refused' : 'failed';
  record.latencyMs = run.elapsedMs() - record.startedMs;
  record.error = { code, message, status };
  if (record.costUsd !== null) return;
  // Whoever refused or could not be reached sends no bill; whoever was writing, may.
  if (!failure.refused && (aborted || MAY_BE_BILLED.has(code))) estimateCost(run, record, request, 0);
  else record.costUsd = 0;
}

const MAY_BE_BILLED = new Set(['BROKEN_STREAM', 'ATTEMPT_TIMEOUT', 'MALFORMED_ANSWER', 'DEADLINE']);

/** What the router expected, and no less than the words that are there cost at the candidate's prices. */
function estimateCost(run: Run, record: AttemptRecord, request: Request, outputTokens: number): void {
  const usage = { inputTokens: countRequestTokens(request), outputTokens };
  const expected = run.expectedCostUsd(record.candidate);
  const counted = priceOf(usage, record.candidate, run.settings.prices);
  record.costUsd = expected === null ? counted : Math.max(expected, counted ?? 0);
  record.costIsEstimated = record.costUsd !== null;
  record.costSource = record.costIsEstimated ? 'estimated' : null;
}

function tokensOf({ text, reasoning, toolCalls }: Answer): number {
  const texts = [text, reasoning, ...toolCalls.flatMap((call) => [call.name, call.arguments])];
  return Math.ceil(texts.reduce((sum, part) => sum + estimateTokens(part), 0));
}
