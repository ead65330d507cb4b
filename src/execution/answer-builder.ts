import { MalformedAnswerError } from '../errors/malformed-answer-error.ts';
import type { Answer, AnswerChunk, Finish, ToolCall } from './answer.ts';
import { checkedAnswer } from './read-answer.ts';

/** Pieces of an answer, put together. */
interface AnswerBuilder {
  /** @throws MalformedAnswerError when the chunk is none. */
  add(chunk: AnswerChunk): void;
  /** UTF-16 units of text, thoughts and tool calls so far. */
  readonly characters: number;
  /** How much there is to keep: the characters, and what else comes in numbers. */
  readonly size: number;
  /**
   * The whole answer; undefined as long as the stream is not finished.
   *
   * @throws MalformedAnswerError when one of its tool calls cannot be carried out.
   */
  build(): Answer | undefined;
}

/** What a tool call takes beside its name and arguments, in characters. */
const CALL_SIZE = 100;

export function createAnswerBuilder(): AnswerBuilder {
  const texts: string[] = [];
  const reasonings: string[] = [];
  const logprobs: number[] = [];
  const calls = new Map<number, { id: string; name: string; arguments: string }>();
  let characters = 0;
  let finish: Finish | undefined;
  return {
    add(chunk) {
      if (chunk === null || typeof chunk !== 'object') {
        throw new MalformedAnswerError(
          `A chunk of an answer must be an object. Got ${chunk === null ? 'null' : typeof chunk}.`,
        );
      }
      for (const piece of [chunk.text, chunk.reasoning]) {
        if (piece === undefined || typeof piece === 'string') continue;
        throw new MalformedAnswerError(`A piece of an answer must be text. Got ${typeof piece}.`);
      }
      characters += chunkLength(chunk);
      if (chunk.text) texts.push(chunk.text);
      if (chunk.reasoning) reasonings.push(chunk.reasoning);
      if (chunk.logprobs !== undefined) for (const value of chunk.logprobs) logprobs.push(value);
      if (chunk.toolCall !== undefined) {
        const { index, id, name, arguments: piece } = chunk.toolCall;
        const call = calls.get(index) ?? { id: '', name: '', arguments: '' };
        calls.set(index, {
          id: id ?? call.id,
          name: name ?? call.name,
          arguments: call.arguments + (piece ?? ''),
        });
      }
      if (chunk.finish !== undefined) finish = chunk.finish;
    },
    get characters() {
      return characters;
    },
    get size() {
      return characters + logprobs.length + calls.size * CALL_SIZE;
    },
    build() {
      if (finish === undefined) return undefined;
      const toolCalls: ToolCall[] = [...calls].sort(([a], [b]) => a - b).map(([, call]) => call);
      return checkedAnswer({
        text: texts.join(''),
        reasoning: reasonings.join(''),
        toolCalls,
        finishReason: finish.reason,
        usage: finish.usage ?? null,
        costUsd: finish.costUsd ?? null,
        ...(finish.costSource === undefined ? {} : { costSource: finish.costSource }),
        logprobs: logprobs.length === 0 ? null : logprobs,
        model: finish.model ?? null,
        ...(finish.hasMedia === true ? { hasMedia: true } : {}),
        raw: finish.raw,
      });
    },
  };
}

/** UTF-16 units that a chunk adds to its answer: what a reader would see of it. */
export function chunkLength({ text, reasoning, toolCall }: AnswerChunk): number {
  const call = toolCall === undefined ? 0 : (toolCall.name?.length ?? 0) + (toolCall.arguments?.length ?? 0);
  return (text?.length ?? 0) + (reasoning?.length ?? 0) + call;
}
