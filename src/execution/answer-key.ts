import type { Answer } from './answer.ts';

/** Answers with the same key say the same: compared after trimming and lower-casing, tool calls as they are. */
export function answerKey({ text, toolCalls }: Answer): string {
  const calls = toolCalls.map(({ name, arguments: given }) => [name, given]);
  return JSON.stringify([text.trim().toLowerCase(), calls]);
}
