import type { ClientContext } from '../execution/client.ts';
import type { Endpoint, OpenAiClientOptions } from '../openai/endpoint.ts';
import type { Request } from '../request.ts';
import { portableMessages } from './portable-messages.ts';

/** A request with what is for the model alone. */
export interface ModelRequest extends Request {
  /** Fields of the body in the endpoint's own words, such as `temperature` and `max_completion_tokens`. @default {} */
  readonly parameters?: Readonly<Record<string, unknown>>;
}

/** The body of a chat completion. What was asked for one request counts more than what was set for all. */
export function completionBody(
  request: ModelRequest,
  context: ClientContext,
  options: OpenAiClientOptions,
  { url }: Endpoint,
): Record<string, unknown> {
  const messages = request.messages ?? [{ role: 'user', content: request.text ?? '' }];
  return {
    ...options.parameters,
    ...(context.sample > 0 ? options.sampleParameters : {}),
    ...request.parameters,
    model: options.model,
    messages:
      options.keepSignedReasoning === true || !Array.isArray(messages)
        ? messages
        : portableMessages(messages, new URL(url).hostname),
    ...(request.tools === undefined || request.tools.length === 0 ? {} : { tools: request.tools }),
    ...(request.responseFormat === undefined ? {} : { response_format: request.responseFormat }),
    ...(context.logprobs ? { logprobs: true } : {}),
    stream: context.stream,
    ...(context.stream && options.streamUsage !== false ? { stream_options: { include_usage: true } } : {}),
  };
}
