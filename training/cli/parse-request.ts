import { InvalidInputError, type Request } from 'pointsman';
import { z } from 'zod';

const message = z.looseObject({
  role: z.string(),
  content: z.union([z.string(), z.array(z.looseObject({ type: z.string() })), z.null()]).optional(),
});

const body = z.looseObject({
  messages: z.array(message).min(1),
  tools: z.array(z.unknown()).optional(),
  response_format: z.looseObject({ type: z.string() }).optional(),
});

/**
 * A request from JSON: a list of messages, or the body of an OpenAI-style chat request.
 * @param file named in errors.
 * @throws InvalidInputError
 */
export function parseRequest(json: string, file: string): Request {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new InvalidInputError(`${file} must be JSON: ${(cause as Error).message}.`, { cause });
  }
  const result = body.safeParse(Array.isArray(value) ? { messages: value } : value);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new InvalidInputError(
      `\`${issue.path.join('.') || 'messages'}\` of ${file}: ${issue.message}. Give a list of messages, such as ` +
        '[{"role": "user", "content": "What is 17 * 23?"}], or an object with `messages`.',
    );
  }
  const { messages, response_format: responseFormat, tools } = result.data;
  return {
    // The schema checks what `Message` says; its loose objects only have wider types.
    messages: messages as NonNullable<Request['messages']>,
    ...(tools === undefined ? {} : { tools }),
    ...(responseFormat === undefined ? {} : { responseFormat }),
  };
}
