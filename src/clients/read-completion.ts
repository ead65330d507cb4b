import { MalformedAnswerError } from '../errors/malformed-answer-error.ts';
import { UpstreamError } from '../errors/upstream-error.ts';
import type { ClientAnswer, ToolCall } from '../execution/index.ts';
import {
  type CompletionLike,
  type MessageLike,
  readFinishReason,
  readLogprobs,
  readUsage,
  textOf,
} from './completion-parts.ts';

/**
 * A whole chat completion.
 *
 * @param from the endpoint, for messages.
 * @throws MalformedAnswerError when it is none, or does not say that it is finished.
 * @throws UpstreamError when it is an error that came with a good status.
 */
export function readCompletion(body: unknown, from: string): ClientAnswer {
  const completion = asCompletion(body, from);
  const choice = completion.choices?.[0];
  const message = choice?.message;
  const finishReason = readFinishReason(choice);
  if (choice == null || message == null || finishReason === undefined) {
    throw new MalformedAnswerError(
      `${from} gave no finished message. Check that it speaks OpenAI's chat completions.`,
    );
  }
  const usage = readUsage(completion);
  const logprobs = readLogprobs(choice);
  const refused = textOf(message.refusal);
  const toolCalls = readToolCalls(message);
  if (typeof message.content !== 'string' && refused === '' && toolCalls.length === 0) {
    throw new MalformedAnswerError(`${from} gave a message without content.`);
  }
  return {
    text: textOf(message.content) || refused,
    reasoning: textOf(message.reasoning_content) || textOf(message.reasoning),
    toolCalls,
    finishReason: refused === '' ? finishReason : 'content-filter',
    ...(usage === undefined ? {} : { usage }),
    ...(logprobs === undefined ? {} : { logprobs }),
    ...(typeof completion.model === 'string' ? { model: completion.model } : {}),
    raw: body,
  };
}

/** @throws UpstreamError for an error in the place of a completion. */
export function asCompletion(body: unknown, from: string): CompletionLike {
  if (typeof body !== 'object' || body === null) {
    throw new MalformedAnswerError(
      `${from} gave ${body === null ? 'null' : typeof body} in the place of an answer.`,
    );
  }
  const completion = body as CompletionLike;
  if (completion.error == null) return completion;
  const { message, code, status } = completion.error;
  const said = [status, code].find((value) => typeof value === 'number' && value >= 400 && value < 600);
  throw new UpstreamError(`${from} gave an error: ${textOf(message).slice(0, 300)}`, {
    ...(said === undefined ? {} : { status: said as number }),
  });
}

function readToolCalls({ tool_calls: calls }: MessageLike): ToolCall[] {
  if (!Array.isArray(calls)) return [];
  return calls.map((call) => ({
    id: textOf(call?.id),
    name: textOf(call?.function?.name),
    arguments: textOf(call?.function?.arguments),
  }));
}
