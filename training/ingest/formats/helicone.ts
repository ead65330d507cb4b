import { LOG_REASONS, type LogDocument, type LogEntry, type LogReader } from '../record/format.ts';
import { type Conversation, readConversation, readRequest } from '../record/messages.ts';
import { answered, type LoggedResponse, readResponse } from '../record/response.ts';
import {
  firstGiven,
  isBrokenJson,
  labelScore,
  millisecondsBetween,
  numberOf,
  objectOf,
  readLogUsage,
  readRating,
  textOf,
  withCached,
} from '../record/values.ts';

/** Statuses of Helicone's own of requests that no model has answered; other ones below 0 are timeouts and the like. */
const PENDING = -2;
const THREAT = -4;

/** Helicone's name of a thumb among the scores. */
const FEEDBACK = 'helicone-score-feedback';
const BOOLEAN = '-hcone-bool';

/** What is logged beside calls of language models, and where. */
const OTHER_PATHS = /\/(embeddings|moderations|images|audio|files|fine_tuning|rerank)\b/;

/**
 * Helicone's requests, as its API and its exporters give them; bodies as objects, as JSON text, or as JSON text whose
 * quotes were doubled once more than CSV asks for.
 */
export const heliconeLog: LogReader = {
  signs: [
    ['request_created_at', 'request_body'],
    ['request_created_at', 'response_status'],
    ['response_created_at', 'response_id'],
    ['helicone_request_id'],
  ],
  fields: null,
  *read(document) {
    const bodies = objectOf(document.signed_body_content);
    const request = undoubled(document.request_body ?? bodies?.request);
    const body = objectOf(request);
    if (isOtherCall(document, body)) {
      yield { kind: 'refused', reason: LOG_REASONS.noCall };
      return;
    }
    const response = readResponse(undoubled(document.response_body ?? bodies?.response));
    const status = numberOf(document.response_status);
    if (isUnanswered(document, response, status)) yield { kind: 'refused', reason: LOG_REASONS.unanswered };
    else if (body?.helicone_message !== undefined || (request == null && document.signed_body_url != null))
      yield { kind: 'refused', reason: LOG_REASONS.bodyElsewhere };
    else
      yield {
        kind: 'call',
        row: rowOf(document, body ?? bareBody(request), response, status),
        ...answered(response),
      };
    yield* scoresOf(document);
  },
};

/** The TypeScript exporter doubles the quotes of JSON, and then those of the cell. */
function undoubled(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[{[][{[\s]*""/.test(value)) return value;
  return objectOf(value) ?? objectOf(value.replaceAll('""', '"')) ?? value;
}

/** A body that is no object: a bare text, of which Helicone's tables keep the beginning; not JSON that was cut off. */
function bareBody(body: unknown): LogDocument {
  return typeof body === 'string' && isBrokenJson(body) ? {} : { prompt: body };
}

/** Tools, databases and further data are logged as requests too. */
function isOtherCall(document: LogDocument, request: LogDocument | null): boolean {
  if (typeof request?._type === 'string') return true;
  return OTHER_PATHS.test(String(firstGiven(document, ['request_path', 'target_url']) ?? ''));
}

/** Also where nothing is known of an answer at all. */
function isUnanswered(document: LogDocument, response: LoggedResponse, status: number | null): boolean {
  if (status === PENDING || status === THREAT) return true;
  if (status || response.given) return false;
  const measured = ['completion_tokens', 'delay_ms', 'latency', 'cost', 'costUSD', 'cost_usd'];
  return measured.every((name) => !numberOf(document[name]));
}

function* scoresOf(document: LogDocument): Generator<LogEntry> {
  const id = idOf(document) ?? '';
  const at = textOf(firstGiven(document, ['response_created_at', 'request_created_at']));
  const score = { of: 'call', id, at } as const;
  const scores = objectOf(undoubled(document.scores)) ?? {};
  const rating =
    readRating(document.feedback_rating ?? objectOf(document.feedback)?.rating) ?? scores[FEEDBACK];
  if (rating != null && rating !== '')
    yield {
      kind: 'score',
      ...score,
      name: 'feedback_rating',
      value: asBoolean(objectOf(rating)?.value ?? rating),
    };
  for (const [name, given] of Object.entries(scores)) {
    const { value = given, valueType } = objectOf(given) ?? {};
    if (value == null || name === FEEDBACK) continue;
    const isBoolean = valueType === 'boolean' || name.endsWith(BOOLEAN);
    const named = { ...score, name: name.endsWith(BOOLEAN) ? name.slice(0, -BOOLEAN.length) : name };
    if (isBoolean) yield { kind: 'score', ...named, value: asBoolean(value) };
    else if (typeof value === 'string' && numberOf(value) === null) yield labelScore(named, value);
    else yield { kind: 'score', ...named, value };
  }
}

/** Yes and no are kept as 1 and 0. */
function asBoolean(value: unknown): unknown {
  const number = numberOf(value);
  return number === 1 ? true : number === 0 ? false : value;
}

/** The TypeScript exporter's CSV has the response's id alone. */
function idOf(document: LogDocument): string | null {
  return textOf(firstGiven(document, ['request_id', 'response_id']));
}

function rowOf(
  document: LogDocument,
  request: LogDocument,
  response: LoggedResponse,
  status: number | null,
): Record<string, unknown> {
  const isRefused = status !== null && (status >= 400 || status < 0);
  // Some providers answer 200 with an error.
  const failed = isRefused || response.error !== null;
  const cached = /[1-9a-f]/.test(textOf(document.cache_reference_id) ?? '');
  const unmeasured = failed || cached;
  const properties = {
    ...objectOf(undoubled(document.request_properties)),
    ...objectOf(undoubled(document.properties)),
  };
  // Where nothing is known Helicone's tables hold 0, which no call costs and no call takes.
  const known = (value: unknown): unknown => (numberOf(value) === 0 ? null : value);
  const latency = known(firstGiven(document, ['delay_ms', 'latency']));
  return {
    requestId: idOf(document),
    timestamp: document.request_created_at,
    ...conversationOf(document, request),
    task: property(properties, 'task'),
    tier: property(properties, 'tier'),
    candidate: textOf(request.model) ?? textOf(document.request_model) ?? document.model,
    costUsd: unmeasured ? null : known(firstGiven(document, ['costUSD', 'cost_usd', 'cost'])),
    latencyMs: unmeasured
      ? null
      : (latency ?? millisecondsBetween(document.request_created_at, document.response_created_at)),
    ...tokensOf(document, response),
    source: 'helicone',
    metadata: {
      timeToFirstTokenMs: unmeasured
        ? undefined
        : (numberOf(known(document.time_to_first_token)) ?? undefined),
      cached: cached || undefined,
      failed: failed || undefined,
      error: (isRefused ? textOf(status) : response.error) ?? undefined,
    },
  };
}

function conversationOf(document: LogDocument, request: LogDocument): Conversation {
  const found = readRequest(request);
  const isFound = found.text !== undefined || found.messages !== undefined;
  // Helicone's own reading of the request.
  return isFound ? found : readConversation(objectOf(document.llmSchema)?.request);
}

/** Helicone counts the cached tokens of some providers beside the others; the response itself says which they are. */
function tokensOf(
  document: LogDocument,
  response: LoggedResponse,
): Record<'inputTokens' | 'outputTokens', unknown> {
  const usage = readLogUsage(response.body?.usage ?? response.body?.usageMetadata);
  const cached =
    (numberOf(document.prompt_cache_read_tokens) ?? 0) + (numberOf(document.prompt_cache_write_tokens) ?? 0);
  const input = numberOf(document.prompt_tokens);
  const isBeside = /anthropic|bedrock/i.test(String(document.provider));
  const counted =
    input === null ? document.prompt_tokens : isBeside ? input + cached : withCached(input, cached);
  return {
    inputTokens: usage.inputTokens ?? counted,
    outputTokens: usage.outputTokens ?? document.completion_tokens,
  };
}

/** Properties are named in headers, which know no case. */
function property(properties: LogDocument, name: string): unknown {
  return Object.entries(properties).find(([key]) => key.toLowerCase() === name)?.[1];
}
