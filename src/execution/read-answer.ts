import { MalformedAnswerError } from '../errors/malformed-answer-error.ts';
import type { Answer, AnswerChunk } from './answer.ts';
import type { ClientAnswer } from './client.ts';
import { soundCost, soundUsage } from './price.ts';

/**
 * What a client gave, with every field there. Numbers that cannot be true are unknown.
 *
 * @throws MalformedAnswerError when it is no answer.
 */
export function readAnswer(given: ClientAnswer, from: string): Answer {
  if (given === null || typeof given !== 'object' || typeof given.text !== 'string') {
    throw new MalformedAnswerError(
      `\`text\` of the answer of \`${from}\` must be text. Got ${given === null ? 'null' : typeof given?.text}.`,
    );
  }
  const toolCalls = given.toolCalls ?? [];
  return checkedAnswer({
    text: given.text,
    reasoning: given.reasoning ?? '',
    toolCalls,
    finishReason: given.finishReason ?? (toolCalls.length > 0 ? 'tool-calls' : 'stop'),
    usage: given.usage ?? null,
    costUsd: given.costUsd ?? null,
    ...(given.costSource === undefined ? {} : { costSource: given.costSource }),
    logprobs: given.logprobs ?? null,
    model: given.model ?? null,
    ...(given.hasMedia === true ? { hasMedia: true } : {}),
    raw: given.raw,
  });
}

/**
 * An answer whose numbers can be believed; what cannot be true is unknown.
 *
 * @throws MalformedAnswerError when one of its tool calls cannot be carried out.
 */
export function checkedAnswer(answer: Answer): Answer {
  for (const { name, arguments: given } of answer.toolCalls) {
    if (typeof name === 'string' && name !== '' && typeof given === 'string') continue;
    throw new MalformedAnswerError('A tool call must have a `name`, and `arguments` as text.');
  }
  const { logprobs } = answer;
  return {
    ...answer,
    usage: soundUsage(answer.usage),
    costUsd: soundCost(answer.costUsd),
    // A probability a hair above 1 is rounding.
    logprobs: logprobs?.every((value) => value <= 1e-6) === true ? logprobs : null,
  };
}

/** Whether it says nothing at all. That something was filtered, or refused, is an answer. */
export function isEmptyAnswer({ text, toolCalls, hasMedia, finishReason }: Answer): boolean {
  const saysNothing = text.trim() === '' && toolCalls.length === 0 && hasMedia !== true;
  return saysNothing && finishReason !== 'content-filter';
}

/** A whole answer as chunks, for callers that read it as a stream. */
export function answerChunks(answer: Answer): AnswerChunk[] {
  const chunks: AnswerChunk[] = [];
  if (answer.reasoning !== '') chunks.push({ reasoning: answer.reasoning });
  if (answer.text !== '') chunks.push({ text: answer.text });
  answer.toolCalls.forEach((call, index) => {
    chunks.push({ toolCall: { index, ...call } });
  });
  chunks.push({
    ...(answer.logprobs === null ? {} : { logprobs: answer.logprobs }),
    finish: {
      reason: answer.finishReason,
      ...(answer.usage === null ? {} : { usage: answer.usage }),
      ...(answer.costUsd === null ? {} : { costUsd: answer.costUsd }),
      ...(answer.costSource === undefined ? {} : { costSource: answer.costSource }),
      ...(answer.model === null ? {} : { model: answer.model }),
      ...(answer.hasMedia === true ? { hasMedia: true } : {}),
      raw: answer.raw,
    },
  });
  return chunks;
}
