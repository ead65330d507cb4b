import { finishReasonOf } from 'pointsman/internal';
import type { LogDocument } from './format.ts';
import { firstGiven, isObject, jsonOf, listOf, numberOf, textOf } from './values.ts';

/** What a logged response tells of its call. */
export interface LoggedResponse {
  /** Whether there is any. */
  readonly given: boolean;
  /** Its fields (`id`, `model`, `usage`, ...), where it is an object or was put together from chunks. */
  readonly body: LogDocument | null;
  /** The words, for a judge; null where they are not known, as in a response that was cut off. */
  readonly answer: string | null;
  /** How it ended: `stop`, `length`, `tool-calls`, `content-filter`; null where nobody said. */
  readonly finishReason: string | null;
  /** The HTTP status, where the response holds it. */
  readonly status: number | null;
  /** What kind of failure the response says it is; null where it says none. */
  readonly error: string | null;
}

const NOTHING: LoggedResponse = {
  given: false,
  body: null,
  answer: null,
  finishReason: null,
  status: null,
  error: null,
};

/**
 * Reads a response as proxies and libraries keep it: the object, the object within its status, JSON text, the answer's
 * bare text, the chunks of a stream (as a list, as lines, or as server-sent events), or any of these cut off. A response
 * that cannot be read is no failure: only one that says so is.
 */
export function readResponse(value: unknown): LoggedResponse {
  const response = jsonOf(value);
  if (response == null || response === '') return NOTHING;
  if (typeof response === 'string') return ofText(response);
  if (Array.isArray(response)) {
    const items = response.map(jsonOf);
    if (items.some(isChunk)) return ofChunks(items);
    if (items.length > 0 && items.every((item) => typeof item === 'string'))
      return items.some((line) => /^\s*data:/.test(line))
        ? ofText(items.join('\n'))
        : { ...NOTHING, given: true, answer: textOf(items.join('')) };
    const finishReason = items.map((item) => (isObject(item) ? finishOf(item) : null)).findLast(Boolean);
    return {
      ...NOTHING,
      given: response.length > 0,
      answer: readLoggedAnswer(response),
      finishReason: finishReason ?? null,
    };
  }
  if (!isObject(response)) return { ...NOTHING, given: true };
  const status = numberOf(firstGiven(response, ['status_code', 'statusCode']));
  if (response.body !== undefined) return { ...readResponse(response.body), given: true, status };
  // In an answer that is JSON, a status is the answer's.
  const isAnswer = typeof value === 'string' && !RESPONSE_NAMES.some((name) => name in response);
  const error = isAnswer ? errorOf({ error: response.error }) : errorOf(response);
  const answer = readLoggedAnswer(response);
  return { given: true, body: response, answer, finishReason: finishOf(response), status, error };
}

/** What responses have one of, of whatever provider. */
const RESPONSE_NAMES = [
  'id',
  'object',
  'type',
  'choices',
  'output',
  'candidates',
  'message',
  'code',
  'detail',
];

/** What kind of failure an object says it is: its code, its type, or `error`; null where it says none. */
export function errorOf(response: LogDocument): string | null {
  const error = jsonOf(firstGiven(response, ['error', 'error_message', 'errorMessage', 'exception']));
  if (isObject(error) && Object.keys(error).length > 0)
    return textOf(firstGiven(error, ['code', 'type', 'status'])) ?? 'error';
  if (typeof error === 'string' && !/^\s*(|none|null|nil|false|undefined|n\/a)\s*$/i.test(error))
    return 'error';
  const failed =
    error === true ||
    response.type === 'error' ||
    response.success === false ||
    (Array.isArray(response.errors) && response.errors.length > 0) ||
    /^(failed|failure|error|errored|timeout|timed[-_ ]out)$/i.test(String(response.status));
  return failed ? 'error' : null;
}

function ofText(text: string): LoggedResponse {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const events = lines.filter((line) => /^\s*(data|event|id|retry):|^\s*:/.test(line));
  if (events.length > 0 && /^\s*(data|event|id|retry)?:/.test(lines[0])) {
    const data = events.flatMap((line) => /^\s*data:\s?(.*)$/.exec(line)?.[1] ?? []);
    return ofChunks(data.map(jsonOf));
  }
  const chunks = lines.map(jsonOf);
  if (lines.length > 1 && chunks.some(isChunk)) return ofChunks(chunks);
  // JSON that does not end: an answer, or an error, of which only the beginning was kept.
  if (/^\s*(\{\s*"|\[\s*\{)/.test(text))
    return { ...NOTHING, given: true, error: /^\s*\{\s*"error"\s*:\s*[{"]/.test(text) ? 'error' : null };
  return { ...NOTHING, given: true, answer: text };
}

function isChunk(value: unknown): boolean {
  if (!isObject(value)) return false;
  if (
    value.object === 'chat.completion.chunk' ||
    /^(message_|content_block_|response\.)/.test(String(value.type))
  )
    return true;
  const [choice] = listOf(value.choices) ?? [];
  return isObject(choice) && isObject(choice.delta);
}

/** The words of chunks without an end are not all there, and so not known. */
function ofChunks(chunks: readonly unknown[]): LoggedResponse {
  let body: Record<string, unknown> = {};
  let words = '';
  let ended = chunks.includes('[DONE]');
  let error: string | null = null;
  let finishReason: string | null = null;
  for (const chunk of chunks) {
    if (!isObject(chunk)) continue;
    // A message of Anthropic and a response of OpenAI come within their events.
    const inner = [chunk.message, chunk.response].find(isObject) ?? {};
    const { usage, ...fields } = { ...chunk, ...inner } as LogDocument;
    body = { ...fields, ...body };
    if (isObject(usage)) body.usage = { ...(body.usage as object | undefined), ...usage };
    error ??= errorOf(chunk) ?? (isObject(chunk.response) ? errorOf(inner) : null);
    const [choice] = (listOf(chunk.choices) ?? []).filter(isFirst);
    words += wordsOf(chunk, choice);
    finishReason = finishOf({ ...chunk, ...inner, choices: [choice] }) ?? finishReason;
    ended ||=
      (isObject(choice) && choice.finish_reason != null) ||
      ['message_stop', 'response.completed', 'response.incomplete'].includes(String(chunk.type));
  }
  return { given: true, body, answer: ended ? textOf(words) : null, finishReason, status: null, error };
}

/**
 * How a response ended, whosever it is: OpenAI (chat, completions, responses), Anthropic, Gemini, Bedrock, Cohere, Ollama;
 * one chunk of a stream as well.
 */
export function finishOf(response: LogDocument): string | null {
  const lists = [
    response.choices,
    response.candidates,
    response.results,
    response.generations,
    response.outputs,
  ];
  const [first] = lists.map(listOf).find((list) => list !== null) ?? [];
  const holders = [first, response.delta, response.messageStop, response].filter(isObject);
  const names = [
    'finish_reason',
    'finishReason',
    'stop_reason',
    'stopReason',
    'done_reason',
    'completionReason',
  ];
  for (const holder of holders) {
    const reason = finishReasonOf(firstGiven(holder, names));
    if (reason != null) return reason;
  }
  const calls = isObject(first) && isObject(first.message) ? first.message.tool_calls : response.tool_calls;
  return (listOf(calls) ?? []).length > 0 ? 'tool-calls' : ofResponses(response);
}

/** An answer and how it ended: '' for one that ended without a word. */
export function readAnswered(value: unknown): Pick<LoggedResponse, 'answer' | 'finishReason'> {
  const response = jsonOf(value);
  const last = Array.isArray(response) ? response.findLast(isObject) : response;
  const finishReason = isObject(last) ? finishOf(last) : null;
  return answered({ answer: readLoggedAnswer(value), finishReason });
}

/** The same of what was read. */
export function answered({
  answer,
  finishReason,
}: Pick<LoggedResponse, 'answer' | 'finishReason'>): Pick<LoggedResponse, 'answer' | 'finishReason'> {
  return { answer: answer ?? (finishReason === null ? null : ''), finishReason };
}

/** The Responses API says it by its status, and what is called by its items. */
function ofResponses({ incomplete_details: details, output, status }: LogDocument): string | null {
  const items = listOf(output)?.filter(isObject);
  if (items === undefined) return null;
  if (status === 'incomplete') return finishReasonOf(isObject(details) ? details.reason : null) ?? null;
  if (status !== 'completed') return null;
  return items.some(({ type }) => type === 'function_call') ? 'tool-calls' : 'stop';
}

function isFirst(choice: unknown): choice is LogDocument {
  return isObject(choice) && (choice.index ?? 0) === 0;
}

function wordsOf(chunk: LogDocument, choice: LogDocument | undefined): string {
  const ofChoice = isObject(choice?.delta) ? choice.delta.content : choice?.text;
  if (typeof ofChoice === 'string') return ofChoice;
  if (choice !== undefined) return readLoggedAnswer(ofChoice) ?? '';
  if (chunk.type === 'response.output_text.delta') return String(chunk.delta ?? '');
  return isObject(chunk.delta) && typeof chunk.delta.text === 'string' ? chunk.delta.text : '';
}

/**
 * The words of an answer, in any of the shapes that logs have it: a text, a response of OpenAI (chat, completion,
 * responses), Anthropic, Gemini or Bedrock, a message, or a list of messages. Null where there are none. JSON in which
 * there is no message is an answer in JSON.
 */
export function readLoggedAnswer(value: unknown): string | null {
  const response = jsonOf(value);
  return wordsIn(response) ?? (typeof value === 'string' && isOther(response) ? value : null);
}

function wordsIn(response: unknown): string | null {
  if (typeof response === 'string') return textOf(response);
  if (Array.isArray(response)) return joined(response);
  if (!isObject(response) || response.type === 'reasoning' || response.type === 'thinking') return null;
  for (const list of [response.choices, response.candidates])
    if (Array.isArray(list)) return list.length === 0 ? null : wordsIn(list[0]);
  return wordsIn(firstGiven(response, ['output', 'message', 'content', 'parts', 'text']));
}

/** An object that is neither a response nor a message. */
function isOther(response: unknown): boolean {
  if (!isObject(response)) return false;
  return !['choices', 'candidates', 'role', 'error', 'tool_calls', 'output', 'content'].some(
    (name) => name in response,
  );
}

/** Parts of one answer follow each other as they are, as whoever asks a model gets them; messages have lines of their own. */
function joined(items: readonly unknown[]): string | null {
  const texts = items.map(wordsIn).filter((text) => text !== null);
  const isMessage = (item: unknown) => isObject(item) && item.role !== undefined;
  return textOf(texts.join(items.some(isMessage) ? '\n' : ''));
}
