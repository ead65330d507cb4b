import { readContent } from '../clients/message-content.ts';
import { parseJson } from '../clients/parse-json.ts';
import { type EventReader, openEvents, type ServerEvent } from '../clients/read-events.ts';
import { createToolCallReader, type ToolCallReader } from '../clients/tool-calls.ts';
import { MalformedAnswerError } from '../errors/malformed-answer-error.ts';
import type { AnswerChunk, FinishReason, Usage } from '../execution/answer.ts';
import {
  asCompletion,
  type Choice,
  firstChoice,
  isObject,
  readFinish,
  readLogprobs,
  readModel,
  readUsage,
  saidError,
} from './completion-parts.ts';
import type { Endpoint } from './endpoint.ts';
import type { TextSource } from './read-body.ts';

/**
 * A streamed chat completion. The last chunk has `finish` when the endpoint has said why it finished, and there is
 * none when it has not: the connection broke, however politely. What goes wrong after the finish takes nothing from the
 * answer, and an endpoint that keeps the connection open then is waited for no longer than `finishGraceMs`.
 *
 * @throws MalformedAnswerError when an event is no chunk.
 * @throws UpstreamError when the endpoint sends an error, or the connection is lost.
 */
export async function* readCompletionStream(
  text: TextSource,
  endpoint: Endpoint,
): AsyncGenerator<AnswerChunk> {
  const events = openEvents(text, endpoint);
  const progress = new Progress();
  try {
    yield* readChunks(events, progress, endpoint);
  } catch (error) {
    if (progress.reason === undefined) throw error;
  } finally {
    events.cancel();
  }
  const { reason, refused, hasMedia, usage, model } = progress;
  if (reason === undefined) return;
  yield {
    finish: {
      reason: refused ? 'content-filter' : reason,
      ...(hasMedia ? { hasMedia } : {}),
      ...(usage === undefined ? {} : { usage }),
      ...model,
    },
  };
}

/** What is known of an answer on its way, beside its text. */
class Progress {
  reason: FinishReason | undefined;
  usage: Usage | undefined;
  model: { readonly model?: string } = {};
  hasContent = false;
  refused = false;
  hasMedia = false;
}

const DONE = '[DONE]';

/** Milliseconds that are waited for a usage behind it, where some put theirs. */
const AFTER_DONE_MS = 50;

async function* readChunks(
  events: EventReader,
  progress: Progress,
  endpoint: Endpoint,
): AsyncGenerator<AnswerChunk> {
  const calls = createToolCallReader(endpoint);
  let isWaitedFor = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const endIn = (ms: number) => {
    clearTimeout(timer);
    timer = setTimeout(events.cancel, ms);
  };
  try {
    for (let event = await events.next(); event !== null; event = await events.next()) {
      for (const data of dataOf(event, endpoint)) {
        if (data === DONE) {
          if (progress.reason === undefined || progress.usage !== undefined) return;
          endIn(AFTER_DONE_MS);
        } else yield* readChunk(data, progress, calls, endpoint);
        if (progress.reason !== undefined && !isWaitedFor) endIn(endpoint.finishGraceMs);
        isWaitedFor = progress.reason !== undefined;
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Events that say no more than that somebody is there. */
const KEEP_ALIVE = /^(ping|heartbeat|keep-?alive)$/i;

/**
 * What an event holds: one chunk, or several where the empty lines between them were lost; nothing in one that only
 * keeps the connection alive.
 */
function dataOf({ name, data, unended }: ServerEvent, endpoint: Endpoint): unknown[] {
  const plain = data.trim();
  if (plain === '' || plain === 'null' || plain.startsWith(':') || KEEP_ALIVE.test(name)) return [];
  if (plain === DONE) return [DONE];
  const whole = parsed(plain);
  if (name === 'error') throw saidError(whole ?? plain, endpoint);
  if (whole !== undefined) return [whole];
  const lines = plain.split('\n').filter((line) => line.trim() !== '');
  const each = lines.map((line) => (line.trim() === DONE ? DONE : parsed(line)));
  if (lines.length > 1 && !each.includes(undefined)) return each;
  // Cut by the end of the stream, of which the caller learns by the finish that is missing.
  if (unended) return [];
  throw new MalformedAnswerError(
    `${endpoint.shownUrl} sent an event that is no JSON, ${data.length} characters.`,
  );
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

function* readChunk(
  data: unknown,
  progress: Progress,
  calls: ToolCallReader,
  endpoint: Endpoint,
): Generator<AnswerChunk> {
  const completion = asCompletion(data, endpoint);
  const choice = firstChoice(completion);
  progress.model = { ...progress.model, ...readModel(completion, endpoint) };
  // It may come before the finish, with it or behind it, and once more as zeros.
  const usage = readUsage(completion, choice);
  const isMore = usage !== undefined && usage.inputTokens + usage.outputTokens > 0;
  if (isMore || progress.usage === undefined) progress.usage = usage;
  if (choice === undefined) return;
  yield* readPieces(choice, progress, calls, endpoint, completion);
  const reason = readFinish(choice, endpoint);
  // Gemini's endpoint says `stop` beside what it called `tool_calls` before.
  if (reason !== undefined && (reason !== 'stop' || progress.reason === undefined)) progress.reason = reason;
}

function* readPieces(
  choice: Choice,
  progress: Progress,
  calls: ToolCallReader,
  endpoint: Endpoint,
  raw: unknown,
): Generator<AnswerChunk> {
  // A message beside or behind the pieces holds once more what they held.
  const delta = choice.delta ?? (progress.hasContent ? undefined : choice.message);
  if (!isObject(delta)) return;
  const { text, reasoning, refused, hasMedia } = readContent(delta, endpoint);
  const logprobs = readLogprobs(choice);
  progress.refused ||= refused;
  progress.hasMedia ||= hasMedia;
  if (text !== '' || reasoning !== '' || logprobs !== undefined) {
    progress.hasContent = true;
    yield {
      ...(text === '' ? {} : { text }),
      ...(reasoning === '' ? {} : { reasoning }),
      ...(logprobs === undefined ? {} : { logprobs }),
      raw,
    };
  }
  for (const toolCall of calls.read(delta)) {
    progress.hasContent = true;
    yield { toolCall, raw };
  }
}
