import { MalformedAnswerError } from '../errors.ts';
import type { AnswerChunk, ClientAnswer, FinishReason, Usage } from '../execution/answer.ts';
import {
  asCompletion,
  type CompletionChoice,
  type CompletionMessage,
  createToolCallReader,
  firstChoice,
  isObject,
  readFinish,
  readLogprobs,
  readModel,
  readToolCalls,
  readUsage,
  saidError,
  type ToolCallReader,
} from './completion-parts.ts';
import type { Endpoint } from './endpoint.ts';
import {
  DONE,
  type EventReader,
  openEvents,
  parsed,
  type ServerEvent,
  type TextSource,
  tooLong,
} from './read-body.ts';

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

/** Milliseconds that are waited for a usage behind it, where some put theirs. */
const AFTER_DONE_MS = 50;

async function* readChunks(
  events: EventReader,
  progress: Progress,
  endpoint: Endpoint,
): AsyncGenerator<AnswerChunk> {
  const calls = createToolCallReader(endpoint);
  let isWaitedFor = false;
  let silent = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const endIn = (ms: number) => {
    clearTimeout(timer);
    timer = setTimeout(events.cancel, ms);
  };
  try {
    for (let event = await events.next(); event !== null; event = await events.next()) {
      // With the first piece that is read of it; as a piece of its own where there is none.
      let { source } = event;
      const withSource = (chunk: AnswerChunk): AnswerChunk => {
        if (!endpoint.rawText) return chunk;
        const { raw: _, ...rest } = chunk;
        const sent = source;
        source = '';
        return sent === '' ? rest : { ...rest, raw: sent };
      };
      for (const data of dataOf(event, endpoint)) {
        if (data === DONE) {
          if (source !== '') yield withSource({});
          if (progress.reason === undefined || progress.usage !== undefined) return;
          endIn(AFTER_DONE_MS);
        } else for (const chunk of readChunk(data, progress, calls, endpoint)) yield withSource(chunk);
        if (progress.reason !== undefined && !isWaitedFor) endIn(endpoint.finishGraceMs);
        isWaitedFor = progress.reason !== undefined;
      }
      if (source === '') continue;
      // Until something is said, whoever passes them on holds them back.
      if (!progress.hasContent) silent += source.length;
      if (silent > endpoint.maxResponseBytes) throw tooLong(endpoint);
      yield withSource({});
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
  choice: CompletionChoice,
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

/** What is to be read in a message, or in a piece of one. */
interface Content {
  readonly text: string;
  readonly reasoning: string;
  /** Whether its text is why there is no answer. */
  readonly refused: boolean;
  /** Whether there are images or sounds. */
  readonly hasMedia: boolean;
}

/**
 * Content is a text, or a list of parts: Mistral's models that think give their thoughts so, and others give images.
 *
 * @throws MalformedAnswerError when it is neither: what cannot be read must not be left out.
 */
function readContent(message: CompletionMessage, endpoint: Endpoint): Content {
  const found = { text: '', reasoning: '', refused: false, hasMedia: false };
  for (const part of listOf(message.content)) {
    if (typeof part === 'string') found.text += part;
    else if (isObject(part)) addPart(found, part);
    else {
      throw new MalformedAnswerError(
        `\`content\` of what ${endpoint.shownUrl} gave must be text or a list of parts. Got ${typeof part}.`,
      );
    }
  }
  const {
    reasoning_content: content,
    reasoning,
    reasoning_text: text,
    thinking,
    refusal,
    audio,
    images,
  } = message;
  found.reasoning +=
    [content, reasoning, text, thinking].map(textIn).find((thoughts) => thoughts !== '') ?? '';
  if (isObject(audio)) {
    found.hasMedia = true;
    if (found.text === '') found.text = textIn(audio.transcript);
  }
  if (Array.isArray(images) && images.length > 0) found.hasMedia = true;
  const refused = textIn(refusal);
  if (refused === '') return found;
  return { ...found, text: found.text === '' ? refused : found.text, refused: true };
}

function listOf(content: unknown): readonly unknown[] {
  if (content === undefined || content === null) return [];
  return Array.isArray(content) ? content : [content];
}

function addPart(
  found: { text: string; reasoning: string; refused: boolean; hasMedia: boolean },
  part: Record<string, unknown>,
): void {
  const type = typeof part.type === 'string' ? part.type : 'text';
  if (/^(thinking|reasoning)/.test(type)) {
    found.reasoning += textIn(part.thinking ?? part.reasoning ?? part.text ?? part.content ?? part.summary);
  } else if (type === 'refusal') {
    found.text += textIn(part.refusal);
    found.refused = true;
  } else if (/image|audio|video|file/.test(type)) found.hasMedia = true;
  else if (/text$/.test(type)) found.text += textIn(part.text ?? part.content);
}

/** Deeper ones are made to be deep. */
const DEEPEST = 4;

/** The text in a text, in `{ text }`, `{ value }`, or in a list of such. */
function textIn(value: unknown, depth = 0): string {
  if (typeof value === 'string') return value;
  if (depth > DEEPEST) return '';
  if (Array.isArray(value)) return value.map((item) => textIn(item, depth + 1)).join('');
  return isObject(value) ? textIn(value.text ?? value.value ?? value.content, depth + 1) : '';
}

/**
 * A whole chat completion.
 *
 * @throws MalformedAnswerError when it is none, or does not say that it is finished.
 * @throws UpstreamError when it is an error that came with a good status, or ended without being whole.
 */
export function readCompletion(body: unknown, endpoint: Endpoint): ClientAnswer {
  const completion = asCompletion(body, endpoint);
  const choice = firstChoice(completion);
  const finishReason = choice === undefined ? undefined : readFinish(choice, endpoint);
  if (choice === undefined || !isObject(choice.message) || finishReason === undefined) {
    throw new MalformedAnswerError(
      `${endpoint.shownUrl} gave no finished message. Check that it speaks OpenAI's chat completions.`,
    );
  }
  const message: CompletionMessage = choice.message;
  const { text, reasoning, refused, hasMedia } = readContent(message, endpoint);
  const toolCalls = readToolCalls(message, endpoint);
  const isSilent = message.content == null && text === '' && toolCalls.length === 0 && !hasMedia;
  if (isSilent && finishReason !== 'content-filter') {
    throw new MalformedAnswerError(`${endpoint.shownUrl} gave a message without content.`);
  }
  const usage = readUsage(completion, choice);
  const logprobs = readLogprobs(choice);
  return {
    text,
    reasoning,
    toolCalls,
    finishReason: refused ? 'content-filter' : finishReason,
    ...(hasMedia ? { hasMedia } : {}),
    ...(usage === undefined ? {} : { usage }),
    ...(logprobs === undefined ? {} : { logprobs }),
    ...readModel(completion, endpoint),
    raw: body,
  };
}
