import { LOG_REASONS, type LogFormat, type LogReader } from '../record/format.ts';
import { NestedTooDeepError, valueAt } from '../record/values.ts';
import { bedrockLog } from './bedrock.ts';
import { geminiLog } from './gemini.ts';
import { heliconeLog } from './helicone.ts';
import { langfuseLog } from './langfuse.ts';
import { langsmithLog } from './langsmith.ts';
import { litellmLog } from './litellm.ts';
import { llmrouterbenchLog } from './llmrouterbench.ts';
import { mlflowLog } from './mlflow.ts';
import { openaiLog } from './openai.ts';
import { otelLog } from './otel.ts';
import { pointsmanLog } from './pointsman.ts';
import { weaveLog } from './weave.ts';

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

const ELSEWHERE = 'in the same command, or --append to the table that has them';

/** What to do about a reason that is seldom that of one record alone: a sentence. */
const ADVICE: Readonly<Partial<Record<string, string>>> = {
  [LOG_REASONS.promptNotKept]:
    'Have LiteLLM keep prompts from now on: store_prompts_in_spend_logs: true under general_settings; what it did not keep cannot be had back.',
  [LOG_REASONS.batchInputMissing]: 'Give the input file of the batch in the same command.',
  [LOG_REASONS.spanWithoutPrompt]:
    'Have prompts recorded (OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true), and where they stand in log records, give these in the same command.',
  [LOG_REASONS.redacted]:
    'Have the program that writes the log keep the words; what was redacted cannot be had back.',
  [LOG_REASONS.scoreWithoutCall]: `Give the calls that the scores are of (of Langfuse the observations, of LangSmith the runs) ${ELSEWHERE}.`,
  [LOG_REASONS.outcomeWithoutDecision]: `Give the decisions that the outcomes are of ${ELSEWHERE}.`,
};

/** @returns null where a reason says all there is to say */
export function adviceOn(reason: string): string | null {
  return ADVICE[reason] ?? null;
}

/**
 * OpenRouter's activity: the CSV files of its page (`generation_id`, `model_permaslug`, `cost_total`, `tokens_prompt`), the
 * answers of its API `/activity`, which are sums of a day, and of `/generation`. None of them holds what was asked, so
 * that every record is refused with what to do instead.
 */
const openrouterLog: LogReader = {
  fields: [],
  *read() {
    yield { kind: 'refused', reason: LOG_REASONS.withoutPrompts };
  },
};

/** The reader of each format that is no table. */
export const LOG_READERS: Readonly<Record<Exclude<LogFormat, 'table'>, LogReader>> = {
  pointsman: pointsmanLog,
  litellm: litellmLog,
  langfuse: langfuseLog,
  helicone: heliconeLog,
  openai: openaiLog,
  otel: otelLog,
  mlflow: mlflowLog,
  weave: weaveLog,
  langsmith: langsmithLog,
  bedrock: bedrockLog,
  gemini: geminiLog,
  openrouter: openrouterLog,
  llmrouterbench: llmrouterbenchLog,
};
