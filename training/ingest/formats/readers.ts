import type { LogFormat } from '../../logs/log-format.ts';
import { NestedTooDeepError, valueAt } from '../record/values.ts';

/** Fields that stand together in records of a format and of no other; dots go into objects. */
type Sign = readonly string[];

/**
 * What each format is known by. Where records fit two, as a line of Vertex AI fits Gemini and pairs of OpenAI, the first
 * one named here is taken. Field names are those that the readers cite.
 */
const LOG_SIGNS: Readonly<Record<LogFormat, readonly Sign[]>> = {
  // As it is written, and as it is compacted or exported from a database.
  pointsman: [
    ['schemaVersion', 'kind'],
    ['record.schemaVersion', 'record.kind'],
  ],
  table: [
    ['outcomes', 'requestId'],
    ['requestId', 'candidate'],
    ['candidate', 'quality'],
    ['text', 'candidate'],
  ],
  bedrock: [
    ['schemaType', 'modelId'],
    ['modelId', 'operation', 'input'],
    ['message.schemaType', 'message.modelId'],
    ['recordId', 'modelInput'],
  ],
  litellm: [
    ['litellm_call_id'],
    ['call_type', 'response_cost'],
    ['call_type', 'model_group'],
    ['call_type', 'spend'],
  ],
  langsmith: [
    ['run_type', 'inputs'],
    ['run_type', 'start_time'],
  ],
  weave: [
    ['op_name', 'started_at'],
    ['op_name', 'inputs'],
  ],
  mlflow: [
    ['info', 'data.spans'],
    ['info.trace_id', 'data'],
    ['info.request_id', 'data'],
    ['trace_id', 'trace'],
    ['request_id', 'trace'],
  ],
  otel: [
    ['resourceSpans'],
    ['resourceLogs'],
    ['resource_spans'],
    ['resource_logs'],
    ['spanId', 'attributes'],
    ['span_id', 'attributes'],
    ['context.span_id', 'attributes'],
  ],
  langfuse: [
    ['provided_model_name', 'trace_id'],
    ['providedModelName', 'traceId'],
    ['type', 'trace_id', 'start_time'],
    ['type', 'traceId', 'startTime'],
    ['name', 'trace_id', 'observation_id'],
    ['name', 'traceId', 'observationId'],
    ['name', 'trace_id', 'data_type'],
    ['name', 'traceId', 'dataType'],
    ['name', 'subject', 'dataType'],
    ['observations', 'projectId'],
  ],
  helicone: [
    ['request_created_at', 'request_body'],
    ['request_created_at', 'response_status'],
    ['response_created_at', 'response_id'],
    ['helicone_request_id'],
  ],
  gemini: [['request.contents'], ['response.usageMetadata'], ['response.candidates'], ['key', 'response']],
  openrouter: [
    ['generation_id', 'model_permaslug'],
    ['model_permaslug', 'usage'],
    ['generation_id', 'cost_total'],
  ],
  llmrouterbench: [
    ['records', 'model_name'],
    ['records', 'dataset_name'],
    ['origin_query', 'prediction'],
  ],
  openai: [
    ['custom_id', 'body'],
    ['custom_id', 'response'],
    ['custom_id', 'error'],
    ['request.messages'],
    ['request.input'],
    ['request', 'response'],
    ['messages', 'choices'],
    ['object', 'choices', 'model'],
    ['object', 'output', 'model'],
  ],
};

/** The formats that a record may be of, in the order of {@link LOG_SIGNS}, each with the fields that say so. */
export function signsOf(record: object): readonly { readonly format: LogFormat; readonly sign: Sign }[] {
  return (Object.entries(LOG_SIGNS) as [LogFormat, readonly Sign[]][]).flatMap(([format, signs]) => {
    const sign = signs.find((fields) => fields.every((field) => has(record, field)));
    return sign === undefined ? [] : [{ format, sign }];
  });
}

/** What is nested too deep to be read has no sign. */
function has(record: object, field: string): boolean {
  try {
    return valueAt(record, field) !== undefined;
  } catch (error) {
    if (error instanceof NestedTooDeepError) return false;
    throw error;
  }
}
