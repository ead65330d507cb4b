import type { LogDocument, LogEntry, LogReader } from './log-entry.ts';
import { LOG_REASONS } from './log-reasons.ts';
import { otelPrompt } from './otel-prompt.ts';
import { otlpAttributes } from './otlp-attributes.ts';
import { readAnswer } from './read-answer.ts';
import { readRating } from './read-rating.ts';
import { listOf, numberOf, objectOf, textOf } from './values.ts';

const EVALUATION = 'gen_ai.evaluation.result';
const LANGUAGE_OPERATIONS = ['chat', 'text_completion', 'generate_content'];

/**
 * Spans and log records of OpenTelemetry as OTLP JSON, with the attributes of its conventions for generative AI. Spans
 * of chats are calls; `gen_ai.evaluation.result`, as event of a span, as log record or as span, is a score.
 */
export const otelLog: LogReader = {
  fields: null,
  *read(document) {
    if (document.resourceSpans === undefined && document.resourceLogs === undefined)
      yield { kind: 'refused', reason: LOG_REASONS.unknownKind };
    for (const span of inScopes(document.resourceSpans, 'scopeSpans', 'spans')) yield* readSpan(span);
    for (const record of inScopes(document.resourceLogs, 'scopeLogs', 'logRecords')) {
      const attributes = otlpAttributes(record.attributes);
      const name = record.eventName ?? attributes['event.name'];
      yield name === EVALUATION
        ? scoreOf(attributes, record.timeUnixNano ?? record.observedTimeUnixNano, record)
        : { kind: 'refused', reason: LOG_REASONS.noCall };
    }
  },
};

function* inScopes(resources: unknown, scopes: string, items: string): Generator<LogDocument> {
  for (const resource of listOf(resources) ?? [])
    for (const scope of listOf(objectOf(resource)?.[scopes]) ?? [])
      for (const item of listOf(objectOf(scope)?.[items]) ?? []) yield objectOf(item) ?? {};
}

function* readSpan(span: LogDocument): Generator<LogEntry> {
  const attributes = otlpAttributes(span.attributes);
  if (span.name === EVALUATION) {
    yield scoreOf(attributes, span.startTimeUnixNano, { traceId: span.traceId, spanId: span.parentSpanId });
    return;
  }
  if (isCall(attributes)) {
    const answer = readAnswer(
      attributes['gen_ai.output.messages'] ?? attributes['gen_ai.completion.0.content'],
    );
    yield { kind: 'call', row: rowOf(span, attributes), answer, record: attributes };
  } else yield { kind: 'refused', reason: LOG_REASONS.noCall };
  for (const each of listOf(span.events) ?? []) {
    const event = objectOf(each) ?? {};
    if (event.name === EVALUATION) yield scoreOf(otlpAttributes(event.attributes), event.timeUnixNano, span);
  }
}

function isCall(attributes: LogDocument): boolean {
  const operation = textOf(attributes['gen_ai.operation.name']);
  if (operation !== null) return LANGUAGE_OPERATIONS.includes(operation);
  // Before operations had names.
  return attributes['llm.request.type'] === 'chat' || attributes['llm.request.type'] === 'completion';
}

function scoreOf(attributes: LogDocument, time: unknown, of: LogDocument): LogEntry {
  const span = textOf(of.spanId);
  const response = textOf(attributes['gen_ai.response.id']);
  const trace = textOf(of.traceId);
  return {
    kind: 'score',
    of: span !== null ? 'call' : response !== null ? 'response' : 'trace',
    id: span ?? response ?? trace ?? '',
    name: textOf(attributes['gen_ai.evaluation.name']) ?? 'evaluation',
    value:
      attributes['gen_ai.evaluation.score.value'] ?? readRating(attributes['gen_ai.evaluation.score.label']),
    at: isoOf(time),
  };
}

function rowOf(span: LogDocument, attributes: LogDocument): Record<string, unknown> {
  const code = objectOf(span.status)?.code;
  const failed = code === 2 || code === 'STATUS_CODE_ERROR' || attributes['error.type'] !== undefined;
  const [start, end] = [nanoseconds(span.startTimeUnixNano), nanoseconds(span.endTimeUnixNano)];
  const tokens = (now: string, before: string): unknown =>
    attributes[`gen_ai.usage.${now}`] ?? attributes[`gen_ai.usage.${before}`];
  return {
    requestId: span.spanId,
    timestamp: isoOf(span.startTimeUnixNano),
    ...otelPrompt(span, attributes),
    task: attributes.task ?? attributes['gen_ai.task'],
    tier: attributes.tier,
    candidate: attributes['gen_ai.request.model'] ?? attributes['gen_ai.response.model'],
    costUsd: failed ? null : (attributes['gen_ai.usage.cost'] ?? attributes['pointsman.cost_usd']),
    latencyMs: failed || start === null || end === null ? null : Number(end - start) / 1e6,
    inputTokens: tokens('input_tokens', 'prompt_tokens'),
    outputTokens: tokens('output_tokens', 'completion_tokens'),
    source: 'otel',
    metadata: {
      traceId: textOf(span.traceId) ?? undefined,
      responseId: textOf(attributes['gen_ai.response.id']) ?? undefined,
      failed: failed || undefined,
      error: failed ? (textOf(attributes['error.type']) ?? undefined) : undefined,
    },
  };
}

/** Nanoseconds since 1970, which no JavaScript number holds to the last digit. */
function nanoseconds(value: unknown): bigint | null {
  if (typeof value === 'string' && /^\d+$/.test(value)) return BigInt(value);
  const number = numberOf(value);
  return number === null || number < 0 ? null : BigInt(Math.round(number));
}

function isoOf(time: unknown): string | null {
  const nano = nanoseconds(time);
  const date = new Date(nano === null ? Number.NaN : Number(nano / 1_000_000n));
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
