import { LOG_REASONS, type LogDocument, type LogEntry, type LogReader } from '../record/format.ts';
import { readConversation } from '../record/messages.ts';
import { isoOf, type Span, spansIn } from '../record/otel-span.ts';
import { answered, readResponse } from '../record/response.ts';
import {
  firstGiven,
  isObject,
  jsonOf,
  type LogUsage,
  labelScore,
  listOf,
  numberOf,
  objectOf,
  readLogUsage,
  readRating,
  textOf,
  withCached,
} from '../record/values.ts';

const INPUTS = 'mlflow.spanInputs';
const OUTPUTS = 'mlflow.spanOutputs';

/**
 * Traces of MLflow (mlflow.org, "Trace Data Model"): `info`, and `data.spans`, whose attributes are JSON texts, of version 2
 * or 3; one a record, a page of them, or a table of `search_traces` with the column `trace`. Spans of type CHAT_MODEL or
 * LLM are calls; where one stands within another, the inner one is. Assessments of a span count for it, those of a trace
 * for each of its calls.
 */
export const mlflowLog: LogReader = {
  signs: [
    ['info', 'data.spans'],
    ['info.trace_id', 'data'],
    ['info.request_id', 'data'],
    ['trace_id', 'trace'],
    ['request_id', 'trace'],
  ],
  fields: null,
  *read(document) {
    const traces = listOf(document.traces)?.filter(isObject) ?? [];
    const within = objectOf(document.trace);
    if (traces.length > 0) for (const trace of traces) yield* mlflowLog.read(trace);
    else if (within !== null) yield* mlflowLog.read(within);
    else yield* traceEntries(document);
  },
};

function* traceEntries(document: LogDocument): Generator<LogEntry> {
  const info = objectOf(document.info) ?? objectOf(document.trace_info) ?? document;
  const listed = listOf(objectOf(document.data)?.spans ?? document.spans);
  const spans = [...spansIn({ spans: (listed ?? []).map(jsonOf) })];
  const ids = new Map(spans.map((span) => [span.spanId, span]));
  const calls = spans.filter(isModel);
  // A library that calls another notes one call twice: the inner span knows more of it.
  const outer = new Set(calls.flatMap((span) => [...ancestorsOf(span, ids)]));
  const traceId = textOf(firstGiven(info, ['trace_id', 'request_id']));
  const inner = calls.filter((span) => !outer.has(span));
  for (const span of inner) yield callOf(span, info, traceId);
  if (inner.length === 0)
    yield { kind: 'refused', reason: listed === null ? LOG_REASONS.requestElsewhere : LOG_REASONS.noCall };
  for (const assessment of listOf(info.assessments) ?? [])
    if (isObject(assessment) && assessment.valid !== false) yield scoreOf(assessment, traceId);
}

function isModel({ attributes }: Span): boolean {
  return ['CHAT_MODEL', 'LLM'].includes(String(jsonOf(attributes['mlflow.spanType'])).toUpperCase());
}

function* ancestorsOf(span: Span, ids: ReadonlyMap<string | null, Span>): Generator<Span> {
  const seen = new Set<Span>([span]);
  for (
    let at = ids.get(span.parentSpanId);
    at !== undefined && !seen.has(at);
    at = ids.get(at.parentSpanId)
  ) {
    if (at.spanId === null) return;
    seen.add(at);
    yield at;
  }
}

function callOf(span: Span, info: LogDocument, traceId: string | null): LogEntry {
  const { attributes, failed } = span;
  const inputs = objectOf(attributes[INPUTS]);
  const response = readResponse(attributes[OUTPUTS]);
  if (!failed && !response.given && span.end === null)
    return { kind: 'refused', reason: LOG_REASONS.unanswered };
  const parameters = objectOf(attributes.invocation_params);
  const named = (...names: string[]): string | null => textOf(jsonOf(firstGiven(attributes, names)));
  const tags = objectOf(info.tags) ?? {};
  const cost = objectOf(attributes['mlflow.llm.cost']);
  const isKnown = !failed && span.start !== null && span.end !== null && span.end >= span.start;
  const row = {
    requestId: hexOf(span.spanId),
    timestamp: isoOf(span.start),
    ...readConversation(attributes[INPUTS]),
    task: named('task') ?? tags.task,
    tier: named('tier') ?? tags.tier,
    candidate:
      textOf(inputs?.model) ??
      textOf(firstGiven(parameters, ['model', 'model_name'])) ??
      named('mlflow.llm.model', 'model', 'model_name', 'gen_ai.request.model') ??
      response.body?.model,
    costUsd: failed ? null : cost?.total_cost,
    latencyMs: isKnown ? Number(span.end! - span.start!) / 1e6 : null,
    ...tokensOf(objectOf(attributes['mlflow.chat.tokenUsage']), response.body),
    source: 'mlflow',
    metadata: { traceId: traceId ?? span.traceId ?? undefined, failed: failed || undefined },
  };
  return { kind: 'call', row, ...answered(response) };
}

/** The provider's own count says where cached tokens are; MLflow's may have them inside or beside, as the provider. */
function tokensOf(counted: LogDocument | null, body: LogDocument | null): LogUsage {
  const usage = readLogUsage(body?.usage ?? body?.usage_metadata ?? body?.usageMetadata);
  if (usage.inputTokens !== null) return usage;
  const input = numberOf(counted?.input_tokens);
  const cached =
    (numberOf(counted?.cache_read_input_tokens) ?? 0) + (numberOf(counted?.cache_creation_input_tokens) ?? 0);
  return {
    inputTokens: input === null ? null : withCached(input, cached),
    outputTokens: usage.outputTokens ?? numberOf(counted?.output_tokens),
  };
}

/** Version 3 writes the eight bytes of an id in base64; assessments have them in hexadecimal digits. */
function hexOf(id: string | null): string | null {
  return id !== null && /^[A-Za-z0-9+/]{11}=$/.test(id) ? Buffer.from(id, 'base64').toString('hex') : id;
}

function scoreOf(assessment: LogDocument, traceId: string | null): LogEntry {
  const feedback = objectOf(assessment.feedback);
  // What was expected is no judgement of what was answered.
  if (feedback === null) return { kind: 'refused', reason: LOG_REASONS.scoreInWords };
  const span = hexOf(textOf(assessment.span_id)?.replace(/^0x/, '') ?? null);
  const score = {
    of: span === null ? 'trace' : 'call',
    id: span ?? traceId ?? '',
    name: textOf(firstGiven(assessment, ['assessment_name', 'name'])) ?? 'assessment',
    at: textOf(firstGiven(assessment, ['last_update_time', 'create_time'])),
  } as const;
  const value = jsonOf(feedback.value);
  if (value === null || value === undefined) return { kind: 'refused', reason: LOG_REASONS.scoreNotNumber };
  if (typeof value === 'string' && numberOf(value) === null) return labelScore(score, value);
  return { kind: 'score', ...score, value: readRating(value) };
}
