import { LOG_REASONS, type LogDocument, type LogEntry, type LogReader } from '../record/format.ts';
import { readRequest } from '../record/messages.ts';
import { answered, errorOf, type LoggedResponse, readResponse } from '../record/response.ts';
import {
  firstGiven,
  isObject,
  jsonOf,
  type LogUsage,
  listOf,
  numberOf,
  objectOf,
  readLogUsage,
  textOf,
} from '../record/values.ts';

/** What Bedrock adds to the last chunk of a stream; latencies in milliseconds. */
const METRICS = 'amazon-bedrock-invocationMetrics';

/** Models that answer with vectors, ranks, pictures or sound. */
const OTHER_MODELS = /embed|rerank|canvas|reel|stability\.|titan-image|sonic/i;

/**
 * Amazon Bedrock's log of model invocations ("Monitor model invocation using CloudWatch Logs and Amazon S3": records of
 * `schemaType: ModelInvocationLog`), alone or within events of CloudWatch, and the output of batch inference
 * (`recordId`, `modelInput`, `modelOutput`). Bodies above 100 KB are kept in S3, and the log has their addresses alone.
 */
export const bedrockLog: LogReader = {
  signs: [
    ['schemaType', 'modelId'],
    ['modelId', 'operation', 'input'],
    ['message.schemaType', 'message.modelId'],
    ['recordId', 'modelInput'],
  ],
  fields: null,
  *read(document) {
    const events = listOf(document.events)?.filter(isObject) ?? [];
    const message = objectOf(firstGiven(document, ['@message', 'message']));
    if (events.length > 0) for (const event of events) yield* bedrockLog.read(event);
    else if (message !== null) yield* bedrockLog.read(message);
    else if (document.modelInput !== undefined) {
      const { recordId, modelInput, modelOutput } = document;
      yield* callOf(
        { ...document, requestId: recordId },
        { inputBodyJson: modelInput },
        { outputBodyJson: modelOutput },
      );
    } else yield* callOf(document, objectOf(document.input) ?? {}, objectOf(document.output) ?? {});
  },
};

function* callOf(document: LogDocument, input: LogDocument, output: LogDocument): Generator<LogEntry> {
  const request = objectOf(input.inputBodyJson);
  const response = responseOf(output.outputBodyJson);
  const { body } = response;
  const isVector = body !== null && ['embedding', 'embeddings', 'images'].some((name) => name in body);
  const isCall = request !== null || document.modelId != null || document.errorCode != null;
  if (!isCall || isVector || OTHER_MODELS.test(String(document.modelId)))
    yield { kind: 'refused', reason: LOG_REASONS.noCall };
  else if (request === null && input.inputBodyS3Path != null)
    yield { kind: 'refused', reason: LOG_REASONS.requestElsewhere };
  else
    yield {
      kind: 'call',
      row: rowOf(document, request, response, { input, output }),
      ...answered(response),
    };
}

function rowOf(
  document: LogDocument,
  request: LogDocument | null,
  { body, error, metrics }: BedrockResponse,
  { input, output }: Readonly<Record<'input' | 'output', LogDocument>>,
): Record<string, unknown> {
  const status = numberOf(document.status);
  const code = textOf(document.errorCode) ?? errorOf(document) ?? error;
  const failed = code !== null || (status !== null && status >= 400);
  const metadata = objectOf(document.requestMetadata) ?? {};
  const first = numberOf(metrics?.firstByteLatency);
  return {
    requestId: document.requestId,
    timestamp: document.timestamp,
    // Titan's name of the prompt.
    ...readRequest(request?.inputText === undefined ? request : { ...request, prompt: request.inputText }),
    task: metadata.task,
    tier: metadata.tier,
    candidate: document.modelId ?? body?.model,
    costUsd: null,
    // The log has one time, and how long it took only where the answer says it.
    latencyMs: failed
      ? null
      : (objectOf(body?.metrics)?.latencyMs ?? firstGiven(metrics, ['invocationLatency'])),
    ...tokensOf(input, output, body, metrics),
    source: 'bedrock',
    metadata: {
      timeToFirstTokenMs: failed ? undefined : (first ?? undefined),
      failed: failed || undefined,
      error: failed ? (code ?? textOf(status) ?? undefined) : undefined,
    },
  };
}

/** Cached tokens are counted beside the others ("Prompt caching for faster model inference"). */
function tokensOf(
  input: LogDocument,
  output: LogDocument,
  body: LogDocument | null,
  metrics: LogDocument | null,
): LogUsage {
  const usage = readLogUsage(body?.usage);
  const counted = numberOf(input.inputTokenCount) ?? numberOf(metrics?.inputTokenCount);
  const cached =
    (numberOf(input.cacheReadInputTokenCount) ?? numberOf(metrics?.cacheReadInputTokenCount) ?? 0) +
    (numberOf(input.cacheWriteInputTokenCount) ?? numberOf(metrics?.cacheWriteInputTokenCount) ?? 0);
  return {
    inputTokens: usage.inputTokens ?? (counted === null ? null : counted + cached),
    outputTokens:
      usage.outputTokens ?? numberOf(output.outputTokenCount) ?? numberOf(metrics?.outputTokenCount),
  };
}

interface BedrockResponse extends LoggedResponse {
  /** Of a stream. */
  readonly metrics: LogDocument | null;
}

/** The answer of any family of models: one body, or the chunks of a stream as a list. */
function responseOf(value: unknown): BedrockResponse {
  const chunks = listOf(value)?.map(jsonOf).filter(isObject) ?? [];
  const metrics = chunks.map((chunk) => objectOf(chunk[METRICS])).findLast((each) => each !== null) ?? null;
  const response = readResponse(value);
  if (chunks.length === 0) {
    const words = response.body === null ? null : wordsOf(response.body);
    return { ...response, answer: words ?? response.answer, metrics };
  }
  const words = textOf(chunks.map((chunk) => wordsOf(chunk) ?? '').join(''));
  const usage = chunks.map((chunk) => objectOf(chunk.metadata)?.usage).find(isObject);
  const ended = chunks.some((chunk) => END.some((name) => chunk[name] != null));
  if (words === null) return { ...response, metrics };
  return {
    ...response,
    body: { ...response.body, usage: response.body?.usage ?? usage },
    answer: ended ? words : null,
    metrics,
  };
}

/** What the last chunk of a stream has, by the families of models. */
const END = ['messageStop', 'completionReason', 'stop_reason', METRICS];

/** Words under the names of Llama, Titan, old Claude, Cohere and Nova's streams; null for shapes that others have too. */
function wordsOf(body: LogDocument): string | null {
  const [result] = listOf(body.results) ?? listOf(body.generations) ?? listOf(body.outputs) ?? [];
  const delta = objectOf(objectOf(body.contentBlockDelta)?.delta);
  const words =
    firstGiven(body, ['generation', 'outputText', 'completion']) ??
    firstGiven(objectOf(result), ['outputText', 'text']) ??
    delta?.text;
  return typeof words === 'string' ? words : null;
}
