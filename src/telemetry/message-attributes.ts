import type { Answer } from '../execution/answer.ts';
import type { Message, Request } from '../request.ts';

/** `gen_ai.input.messages` of the semantic conventions, as JSON. Parts that are no text are named and left out. */
export function inputMessages(request: Request): { readonly 'gen_ai.input.messages': string } {
  const messages = request.messages ?? [{ role: 'user', content: request.text ?? '' }];
  return { 'gen_ai.input.messages': JSON.stringify(messages.map(inputMessage)) };
}

/** `gen_ai.output.messages`, as JSON. */
export function outputMessages(answer: Answer): { readonly 'gen_ai.output.messages': string } {
  const calls = answer.toolCalls.map((call) => ({
    type: 'tool_call',
    id: call.id,
    name: call.name,
    arguments: call.arguments,
  }));
  const parts = [...(answer.text === '' ? [] : [{ type: 'text', content: answer.text }]), ...calls];
  const message = { role: 'assistant', parts, finish_reason: answer.finishReason };
  return { 'gen_ai.output.messages': JSON.stringify([message]) };
}

function inputMessage({ role, content }: Message): unknown {
  if (typeof content === 'string') return { role, parts: [{ type: 'text', content }] };
  const parts = (content ?? []).map((part) =>
    part.type === 'text' ? { type: 'text', content: (part as { text?: unknown }).text } : { type: part.type },
  );
  return { role, parts };
}
