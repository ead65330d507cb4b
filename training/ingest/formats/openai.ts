import { LOG_REASONS, type LogDocument, type LogEntry, type LogReader } from '../record/format.ts';
import { readRequest } from '../record/messages.ts';
import { answered, errorOf, type LoggedResponse, readResponse } from '../record/response.ts';
import {
  firstGiven,
  isBrokenJson,
  isObject,
  jsonOf,
  numberOf,
  objectOf,
  readLogUsage,
  readRating,
  textOf,
} from '../record/values.ts';

const COST = ['costUsd', 'cost_usd', 'cost'];
const LATENCY = ['latencyMs', 'latency_ms', 'duration_ms', 'response_ms'];

/** What a batch that ended early says of each request that it had not come to. */
const NEVER_ASKED = /^batch_(expired|cancell?ed)$/;

/** Ends of addresses at which no language model answers. */
const OTHER_URLS = /\/(embeddings|moderations|images\/\w+|audio\/\w+|rerank)\/?$/;

/**
 * Pairs of an OpenAI request and its response (chat, responses, or Anthropic's messages), as a proxy writes them:
 * `{ request, response }`, and beside them whatever is known of the call. Also stored completions, requests with their
 * answer among their fields, and the input, output and error files of batches of OpenAI or Anthropic, whose lines are
 * joined by `custom_id`.
 */
export const openaiLog: LogReader = {
  signs: [
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
  promptNotFound: LOG_REASONS.batchInputMissing,
  fields: null,
  *read(document) {
    const request = requestOf(document);
    const given = responseOf(document);
    const response = readResponse(given);
    if (isOtherCall(document, response)) yield { kind: 'refused', reason: LOG_REASONS.noCall };
    else if (!isAnswered(document, response) && isBatchLine(document) && request !== null)
      yield batchInput(document, request);
    else if (!isAnswered(document, response)) yield { kind: 'refused', reason: LOG_REASONS.unanswered };
    else
      yield {
        kind: 'call',
        row: rowOf(document, request, response),
        ...answered(response),
        promptMayBeApart: isBatchLine(document),
      };
  },
};

/** A line of a batch, and not a pair that has an id of the user's own. */
function isBatchLine(document: LogDocument): boolean {
  return document.custom_id != null && document.request == null;
}

function batchInput(document: LogDocument, request: LogDocument): LogEntry {
  const metadata = objectOf(request.metadata) ?? {};
  const row = { ...readRequest(request), candidate: request.model, task: metadata.task, tier: metadata.tier };
  return { kind: 'prompt', id: textOf(document.custom_id) ?? '', traceId: null, row, at: null };
}

/** The request as an object of its own, as the body of a batch's line, or as the document itself. */
function requestOf(document: LogDocument): LogDocument | null {
  const given = jsonOf(firstGiven(document, ['request', 'request_body', 'requestBody', 'body', 'params']));
  if (isObject(given)) return objectOf(given.body ?? given.json) ?? given;
  if (Array.isArray(given) || (typeof given === 'string' && !isBrokenJson(given)))
    return { messages: given, model: document.model };
  if (given !== undefined) return null;
  return ['messages', 'prompt', 'input'].some((name) => document[name] != null) ? document : null;
}

function responseOf(document: LogDocument): unknown {
  const given = firstGiven(document, ['response', 'response_body', 'responseBody', 'completion', 'answer']);
  if (given !== undefined) return given;
  // Anthropic's batches say what came of a request: a message, an error, or that it was never asked.
  const result = objectOf(document.result);
  if (result !== null) return result.message ?? (result.error === undefined ? undefined : result);
  // A completion that OpenAI stored.
  return ['choices', 'output'].some((name) => document[name] != null) ? document : undefined;
}

function isOtherCall(document: LogDocument, { body }: LoggedResponse): boolean {
  const url = String(firstGiven(document, ['url', 'path', 'endpoint']) ?? '').split('?')[0];
  const [first] = Array.isArray(body?.data) ? body.data : [];
  return (
    OTHER_URLS.test(url) ||
    (isObject(first) && (first.embedding !== undefined || first.b64_json !== undefined))
  );
}

/** Whether anything tells of an answer or a failure: a line of what was only asked has neither. */
function isAnswered(document: LogDocument, response: LoggedResponse): boolean {
  if (NEVER_ASKED.test(errorOf(document) ?? '')) return false;
  if (response.given || errorOf(document) !== null) return true;
  const measured = ['status_code', 'rating', 'quality', 'score', 'feedback', 'usage', ...COST, ...LATENCY];
  return measured.some((name) => document[name] != null && document[name] !== '') || isEnd(document.status);
}

/** An HTTP status, or a word that says that a call has ended. */
function isEnd(status: unknown): boolean {
  return numberOf(status) !== null || /^(ok|success|succeeded|completed|done)$/i.test(String(status));
}

function rowOf(
  document: LogDocument,
  request: LogDocument | null,
  response: LoggedResponse,
): Record<string, unknown> {
  const status = numberOf(firstGiven(document, ['status_code', 'status'])) ?? response.status;
  const { body } = response;
  const error = response.error ?? (document === body ? null : errorOf(document));
  const failed = error !== null || (status !== null && status >= 400);
  const code = error === 'error' ? null : error;
  const metadata = objectOf(request?.metadata) ?? objectOf(body?.metadata) ?? {};
  const custom = isBatchLine(document) ? document.custom_id : undefined;
  return {
    requestId: custom ?? firstGiven(document, ['requestId', 'request_id', 'id', 'custom_id']) ?? body?.id,
    timestamp:
      firstGiven(document, ['timestamp', 'created_at', 'createdAt', 'time']) ??
      firstGiven(body, ['created', 'created_at']),
    ...readRequest(request),
    task: document.task ?? metadata.task,
    tier: document.tier ?? metadata.tier,
    // The name that was asked for: the response may name a dated version of it.
    candidate: document.candidate ?? request?.model ?? request?.modelId ?? body?.model,
    quality: ratingOf(firstGiven(document, ['quality', 'score', 'rating', 'feedback'])),
    costUsd: failed ? null : firstGiven(document, COST),
    latencyMs: failed ? null : firstGiven(document, LATENCY),
    // Ollama counts beside the answer.
    ...readLogUsage(body?.usage ?? body?.usageMetadata ?? document.usage ?? body),
    propensity: document.propensity,
    source: 'openai',
    metadata: {
      failed: failed || undefined,
      error: failed ? (code ?? textOf(status) ?? undefined) : undefined,
    },
  };
}

/** A rating, also where it stands within an object. */
function ratingOf(value: unknown): unknown {
  const holder = objectOf(value);
  return readRating(
    holder === null ? value : firstGiven(holder, ['quality', 'score', 'rating', 'value', 'thumbs']),
  );
}
