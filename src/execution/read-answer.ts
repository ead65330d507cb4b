import { MalformedAnswerError } from '../errors/malformed-answer-error.ts';
import type { Answer, AnswerChunk } from './answer.ts';
import type { ClientAnswer } from './client.ts';

/**
 * What a client gave, with every field there.
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
  return {
    text: given.text,
    reasoning: given.reasoning ?? '',
    toolCalls,
    finishReason: given.finishReason ?? (toolCalls.length > 0 ? 'tool-calls' : 'stop'),
    usage: given.usage ?? null,
    costUsd: given.costUsd ?? null,
    ...(given.costSource === undefined ? {} : { costSource: given.costSource }),
    logprobs: given.logprobs ?? null,
    model: given.model ?? null,
    raw: given.raw,
  };
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
      raw: answer.raw,
    },
  });
  return chunks;
}
