import type { Message, Request } from '../request.ts';
import type { Answer } from './answer.ts';

/** What is added to a request before somebody else answers it. */
export type Addition =
  /** To be judged and made one. */
  | { readonly kind: 'answers'; readonly answers: readonly Answer[] }
  /** What a tool gave. */
  | { readonly kind: 'tool-result'; readonly tool: string; readonly result: Answer };

/** The request with one more message of the user, or with more text. */
export function extendRequest<R extends Request>(request: R, addition: Addition): R {
  const text = additionText(addition);
  if (request.messages === undefined) return { ...request, text: `${request.text ?? ''}\n\n${text}` };
  const message: Message = { role: 'user', content: text };
  return { ...request, messages: [...request.messages, message] };
}

/** The words in which an addition is put. */
export function additionText(addition: Addition): string {
  if (addition.kind === 'tool-result') {
    return `The tool "${addition.tool}" gave this result:\n${addition.result.text}\n\nUse it to answer the request above.`;
  }
  const listed = addition.answers.map(({ text }, i) => `Answer ${i + 1}:\n${text}`);
  return (
    `Others have answered the request above:\n\n${listed.join('\n\n')}\n\n` +
    'Write the final answer: keep what is right in theirs, correct what is wrong, and say nothing of them.'
  );
}
