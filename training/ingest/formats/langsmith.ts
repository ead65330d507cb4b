import {
  type CallEntry,
  LOG_REASONS,
  type LogDocument,
  type LogEntry,
  type LogReader,
  type ScoreEntry,
} from '../record/format.ts';
import { readConversation } from '../record/messages.ts';
import { answered, errorOf, finishOf, readAnswered, readLoggedAnswer } from '../record/response.ts';
import {
  firstGiven,
  isObject,
  labelScore,
  listOf,
  millisecondsBetween,
  numberOf,
  objectOf,
  readLogUsage,
  readRating,
  textOf,
} from '../record/values.ts';

/**
 * LangSmith's runs (docs.langchain.com, "Run (span) data format"), from the API, the SDKs or a bulk export: those of type
 * `llm` are calls, whose inputs LangChain wrote down serialized or a wrapper as they were sent. Feedback stands in
 * `feedback_stats`, or in records of its own with `run_id` and `key`.
 */
export const langsmithLog: LogReader = {
  signs: [
    ['run_type', 'inputs'],
    ['run_type', 'start_time'],
  ],
  fields: null,
  *read(document) {
    if (document.run_id != null && document.key != null) {
      yield feedbackOf(document);
      return;
    }
    if (document.run_type !== 'llm') {
      yield { kind: 'refused', reason: LOG_REASONS.noCall };
      return;
    }
    const inputs = objectOf(document.inputs) ?? {};
    const outputs = objectOf(document.outputs);
    const failed = errorOf(document) !== null;
    const isHere = Object.keys(inputs).length > 0;
    if (!isHere && firstGiven(document, ['inputs_s3_urls', 's3_urls']) !== undefined)
      yield { kind: 'refused', reason: LOG_REASONS.requestElsewhere };
    else if (outputs === null && !failed && document.end_time == null)
      yield { kind: 'refused', reason: LOG_REASONS.unanswered };
    else yield { kind: 'call', row: rowOf(document, inputs, outputs, failed), ...answerOf(outputs) };
    yield* statisticsOf(document);
  },
};

function rowOf(
  document: LogDocument,
  inputs: LogDocument,
  outputs: LogDocument | null,
  failed: boolean,
): Record<string, unknown> {
  const extra = objectOf(document.extra);
  const metadata = objectOf(extra?.metadata) ?? {};
  const parameters = objectOf(extra?.invocation_params);
  const result = objectOf(outputs?.llm_output);
  const usage = readLogUsage(
    outputs?.usage_metadata ?? usageOf(outputs) ?? result?.token_usage ?? metadata.usage_metadata,
  );
  return {
    requestId: document.id,
    timestamp: document.start_time,
    ...readConversation(inputs),
    task: metadata.task,
    tier: metadata.tier,
    candidate:
      textOf(metadata.ls_model_name) ??
      textOf(firstGiven(parameters, ['model', 'model_name'])) ??
      textOf(inputs.model) ??
      firstGiven(result, ['model_name', 'model']),
    costUsd: failed ? null : costOf(document),
    latencyMs: failed ? null : millisecondsBetween(document.start_time, document.end_time),
    // LangSmith counts cached tokens in.
    inputTokens: document.prompt_tokens ?? usage.inputTokens,
    outputTokens: document.completion_tokens ?? usage.outputTokens,
    source: 'langsmith',
    metadata: {
      traceId: textOf(document.trace_id) ?? undefined,
      timeToFirstTokenMs: failed
        ? undefined
        : (millisecondsBetween(document.start_time, document.first_token_time) ?? undefined),
      failed: failed || undefined,
    },
  };
}

/** A whole of 0 without parts is a model whose price LangSmith does not know. */
function costOf(document: LogDocument): unknown {
  const parts = [document.prompt_cost, document.completion_cost].filter((part) => part != null);
  return numberOf(document.total_cost) === 0 && parts.length === 0 ? null : document.total_cost;
}

/** `generations` is a list for each prompt of the run; the first of the first is the answer. */
function generationOf(outputs: LogDocument | null): LogDocument | null {
  const [first] = (listOf(outputs?.generations) ?? []).flat();
  return isObject(first) ? first : null;
}

/** LangChain's serialized message, or the message itself. */
function messageOf(generation: LogDocument | null): LogDocument | null {
  const message = objectOf(generation?.message);
  return objectOf(message?.kwargs) ?? message;
}

/** `usage_metadata` counts cached tokens in, as LangChain documents it, and so is read as OpenAI's. */
function usageOf(outputs: LogDocument | null): unknown {
  return messageOf(generationOf(outputs))?.usage_metadata ?? outputs?.usage;
}

function answerOf(outputs: LogDocument | null): Pick<CallEntry, 'answer' | 'finishReason'> {
  const generation = generationOf(outputs);
  if (generation === null) return readAnswered(outputs);
  const message = messageOf(generation);
  const holders = [generation.generation_info, message?.response_metadata, message].map(objectOf);
  const finishReason = holders.flatMap((holder) => (holder === null ? [] : (finishOf(holder) ?? []))).at(0);
  return answered({
    answer: textOf(generation.text) ?? readLoggedAnswer(message?.content),
    finishReason: finishReason ?? null,
  });
}

/** Sums of the feedback of each name: its mean, or its label where there is one only. */
function* statisticsOf(document: LogDocument): Generator<LogEntry> {
  for (const [name, value] of Object.entries(objectOf(document.feedback_stats) ?? {})) {
    const stats = objectOf(value);
    if (stats === null || numberOf(stats.n) === 0) continue;
    const score = { of: 'call', id: textOf(document.id) ?? '', name, at: null, isColumn: true } as const;
    const labels = Object.keys(objectOf(stats.values) ?? {});
    if (numberOf(stats.avg) !== null) yield { kind: 'score', ...score, value: stats.avg };
    else if (labels.length === 1) yield labelScore(score, labels[0]);
    else yield { kind: 'refused', reason: LOG_REASONS.scoreInWords };
  }
}

function feedbackOf(document: LogDocument): LogEntry {
  const score: Omit<ScoreEntry, 'kind' | 'value'> = {
    of: 'call',
    id: textOf(document.run_id) ?? '',
    name: textOf(document.key) ?? 'score',
    at: textOf(firstGiven(document, ['modified_at', 'created_at'])),
  };
  if (document.score != null) return { kind: 'score', ...score, value: readRating(document.score) };
  if (typeof document.value === 'string') return labelScore(score, document.value);
  return { kind: 'refused', reason: LOG_REASONS.scoreInWords };
}
