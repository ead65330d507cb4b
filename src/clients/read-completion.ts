import { MalformedAnswerError } from '../errors/malformed-answer-error.ts';
import type { ClientAnswer } from '../execution/client.ts';
import {
  asCompletion,
  firstChoice,
  isObject,
  type Message,
  readFinish,
  readLogprobs,
  readModel,
  readUsage,
} from '../openai/completion-parts.ts';
import type { Endpoint } from '../openai/endpoint.ts';
import { readContent } from './message-content.ts';
import { readToolCalls } from './tool-calls.ts';

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
  const message: Message = choice.message;
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
