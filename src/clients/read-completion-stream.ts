import { MalformedAnswerError } from '../errors/malformed-answer-error.ts';
import { UpstreamError } from '../errors/upstream-error.ts';
import type { AnswerChunk, Finish, ToolCallPiece } from '../execution/index.ts';
import {
  type ChoiceLike,
  readFinishReason,
  readLogprobs,
  readUsage,
  type ToolCallLike,
  textOf,
} from './completion-parts.ts';
import type { Endpoint } from './post-json.ts';
import { asCompletion } from './read-completion.ts';
import { readEvents } from './read-events.ts';

/**
 * A streamed chat completion. The last chunk has `finish` when the endpoint has said why it finished, and there is
 * none when it has not: the connection broke, however politely.
 *
 * @throws MalformedAnswerError when an event is no chunk.
 * @throws UpstreamError when the endpoint sends an error, or the connection is lost.
 */
export async function* readCompletionStream(
  response: Response,
  { url }: Endpoint,
): AsyncGenerator<AnswerChunk> {
  let finish: Finish | undefined;
  const events = readEvents(response);
  try {
    for (;;) {
      const { done, value: data } = await nextEvent(events, url, finish !== undefined);
      if (done || data === '[DONE]') break;
      const completion = asCompletion(parseEvent(data, url), url);
      const choice = completion.choices?.[0];
      if (choice != null) yield* choiceChunks(choice, completion);
      // The usage comes after the last piece, in an event of its own.
      const reason = readFinishReason(choice);
      const usage = readUsage(completion);
      if (reason !== undefined) {
        finish = { reason, ...(typeof completion.model === 'string' ? { model: completion.model } : {}) };
      }
      if (finish !== undefined && usage !== undefined) finish = { ...finish, usage };
    }
  } finally {
    events.return(undefined).catch(() => {});
  }
  if (finish !== undefined) yield { finish };
}

async function nextEvent(
  events: AsyncGenerator<string>,
  url: string,
  finished: boolean,
): Promise<
  { readonly done: true; readonly value?: undefined } | { readonly done: false; readonly value: string }
> {
  try {
    const { done, value } = await events.next();
    return done === true ? { done } : { done: false, value: value as string };
  } catch (cause) {
    // The answer is whole; only its usage is lost.
    if (finished) return { done: true };
    if (cause instanceof MalformedAnswerError) throw cause;
    throw new UpstreamError(`The connection to ${url} was lost.`, { cause });
  }
}

function parseEvent(data: string, url: string): unknown {
  try {
    return JSON.parse(data);
  } catch (cause) {
    throw new MalformedAnswerError(`${url} sent an event that is no JSON, ${data.length} characters.`, {
      cause,
    });
  }
}

function* choiceChunks(choice: ChoiceLike, raw: unknown): Generator<AnswerChunk> {
  const delta = choice.delta ?? choice.message;
  const logprobs = readLogprobs(choice);
  const text = textOf(delta?.content) || textOf(delta?.refusal);
  const reasoning = textOf(delta?.reasoning_content) || textOf(delta?.reasoning);
  if (text !== '' || reasoning !== '' || logprobs !== undefined) {
    yield {
      ...(text === '' ? {} : { text }),
      ...(reasoning === '' ? {} : { reasoning }),
      ...(logprobs === undefined ? {} : { logprobs }),
      raw,
    };
  }
  const calls = Array.isArray(delta?.tool_calls)
    ? (delta.tool_calls as readonly (ToolCallLike | null)[])
    : [];
  for (const [i, call] of calls.entries()) yield { toolCall: toolCallPiece(call, i), raw };
}

function toolCallPiece(call: ToolCallLike | null, i: number): ToolCallPiece {
  const [id, name, written] = [call?.id, call?.function?.name, call?.function?.arguments].map(textOf);
  return {
    index: typeof call?.index === 'number' ? call.index : i,
    ...(id === '' ? {} : { id }),
    ...(name === '' ? {} : { name }),
    ...(written === '' ? {} : { arguments: written }),
  };
}
