import { type Addition, additionText } from '../execution/extend-request.ts';
import type { ContentPart, Message, Request } from '../request.ts';
import type { SdkCallOptions, SdkMessage, SdkPart } from './sdk-model.ts';

/** A call of the AI SDK as a request: what the router reads, and the call itself for the model. */
export interface SdkRequest extends Request {
  readonly call: SdkCallOptions;
}

export function sdkRequest(call: SdkCallOptions): SdkRequest {
  return {
    messages: call.prompt.map(message),
    ...(call.tools === undefined ? {} : { tools: call.tools }),
    ...(call.responseFormat === undefined ? {} : { responseFormat: call.responseFormat }),
    call,
  };
}

/** One more message of the user: others' answers, or the result of a tool. */
export function extendSdkRequest(request: SdkRequest, addition: Addition): SdkRequest {
  const added: SdkMessage = { role: 'user', content: [{ type: 'text', text: additionText(addition) }] };
  return sdkRequest({ ...request.call, prompt: [...request.call.prompt, added] });
}

function message({ role, content }: SdkMessage): Message {
  if (typeof content === 'string') return { role, content };
  return { role, content: content.map(part) };
}

/** Files are counted by their kind; what is in them is for the model alone. */
function part({ type, text, mediaType, ...rest }: SdkPart): ContentPart {
  if (type === 'text') return { type, text: text ?? '' };
  if (type === 'file') {
    const kind = mediaType?.split('/')[0];
    return { type: kind === 'image' || kind === 'audio' || kind === 'video' ? kind : 'file' };
  }
  // Calls and results of tools are a part of the conversation's length.
  if (type === 'tool-call') return { type: 'text', text: JSON.stringify(rest.input) ?? '' };
  if (type === 'tool-result') return toolResult(rest.output);
  return { type };
}

/** A result in parts may have pictures among them, whose bytes are no text. */
function toolResult(output: unknown): ContentPart {
  const { type, value } = (output ?? {}) as { readonly type?: unknown; readonly value?: unknown };
  if (type === 'content' && Array.isArray(value)) return { type: 'tool-result', content: value };
  return { type: 'text', text: JSON.stringify(output) ?? '' };
}
