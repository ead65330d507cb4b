import type { LogDocument, LogEntry, LogReader } from './log-entry.ts';
import { LOG_REASONS } from './log-reasons.ts';
import { readAnswer } from './read-answer.ts';
import { readConversation } from './read-conversation.ts';
import { millisecondsOf, numberOf, objectOf, textOf } from './values.ts';

/**
 * Langfuse's observations and scores, in one file or several, as its exports (snake case) or its API (camel case) have
 * them. A score of an observation counts for it; one of a trace for each generation of the trace.
 */
export const langfuseLog: LogReader = {
  fields: null,
  *read(document) {
    if (either(document, 'data_type', 'dataType') !== undefined) yield scoreOf(document);
    else if (document.type !== 'GENERATION') yield { kind: 'refused', reason: LOG_REASONS.noCall };
    else yield { kind: 'call', row: rowOf(document), answer: readAnswer(document.output) };
  },
};

function either(document: LogDocument, snake: string, camel: string): unknown {
  return document[snake] ?? document[camel];
}

function scoreOf(document: LogDocument): LogEntry {
  const observation = textOf(either(document, 'observation_id', 'observationId'));
  const isBoolean = either(document, 'data_type', 'dataType') === 'BOOLEAN';
  const value = document.value ?? either(document, 'string_value', 'stringValue');
  return {
    kind: 'score',
    of: observation === null ? 'trace' : 'call',
    id: observation ?? textOf(either(document, 'trace_id', 'traceId')) ?? '',
    name: textOf(document.name) ?? 'score',
    value: isBoolean ? value === 1 || value === true || /^(true|1)$/i.test(String(value)) : value,
    at: textOf(document.timestamp ?? either(document, 'updated_at', 'updatedAt')),
  };
}

function rowOf(document: LogDocument): Record<string, unknown> {
  const failed = document.level === 'ERROR';
  const startTime = either(document, 'start_time', 'startTime');
  const start = millisecondsOf(startTime);
  const since = (time: unknown): number | null => {
    const end = millisecondsOf(time);
    return start === null || end === null ? null : end - start;
  };
  const latency = numberOf(document.latency);
  const costs = objectOf(either(document, 'cost_details', 'costDetails'));
  const usage = objectOf(either(document, 'usage_details', 'usageDetails') ?? document.usage);
  const metadata = objectOf(document.metadata);
  const first = since(either(document, 'completion_start_time', 'completionStartTime'));
  return {
    requestId: document.id,
    timestamp: startTime,
    ...readConversation(document.input),
    task: metadata?.task,
    tier: metadata?.tier,
    candidate: either(document, 'provided_model_name', 'providedModelName') ?? document.model,
    costUsd: failed
      ? null
      : (costs?.total ?? either(document, 'total_cost', 'totalCost') ?? document.calculatedTotalCost),
    // In seconds, where it is given.
    latencyMs: failed
      ? null
      : latency === null
        ? since(either(document, 'end_time', 'endTime'))
        : Math.round(latency * 1e6) / 1e3,
    inputTokens: tokensOf(usage, 'input'),
    outputTokens: tokensOf(usage, 'output'),
    source: 'langfuse',
    metadata: {
      traceId: textOf(either(document, 'trace_id', 'traceId')) ?? undefined,
      timeToFirstTokenMs: failed ? undefined : (first ?? undefined),
      failed: failed || undefined,
    },
  };
}

/** Kinds of usage exclude each other (`input`, `input_cached_tokens`), so a direction's kinds are added up. */
function tokensOf(usage: LogDocument | null, direction: 'input' | 'output'): number | null {
  const counts = Object.entries(usage ?? {})
    .filter(([kind]) => kind.toLowerCase().includes(direction))
    .flatMap(([, count]) => numberOf(count) ?? []);
  return counts.length === 0 ? null : counts.reduce((sum, count) => sum + count, 0);
}
