import { InvalidInputError, type Request } from 'pointsman';
import { z } from 'zod';

const messages = z.array(z.looseObject({})).min(1, 'it must not be empty');

const body = z.looseObject({
  text: z.string().optional(),
  messages: messages.optional(),
  input: z.union([z.string(), messages]).optional(),
  contents: messages.optional(),
  tools: z.array(z.unknown()).optional(),
  response_format: z.looseObject({ type: z.string() }).optional(),
});

/**
 * A request from JSON: a list of messages, or the body of a chat request: OpenAI's (`messages`, or `input` of the Responses
 * API), Anthropic's (`messages`) or Gemini's (`contents`). A plain prompt is `text`.
 *
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
    throw wrong(`\`${issue.path.join('.') || 'messages'}\` of ${file}: ${issue.message}.`);
  }
  const { input, contents, response_format: responseFormat, tools } = result.data;
  const list = result.data.messages ?? (typeof input === 'string' ? undefined : input) ?? contents;
  const text = result.data.text ?? (typeof input === 'string' ? input : undefined);
  if (list === undefined && text === undefined) throw wrong(`There is no \`messages\` in ${file}.`);
  return {
    ...(text === undefined ? {} : { text }),
    // Of their content nothing is asked here: the router reads what it finds.
    ...(list === undefined ? {} : { messages: list as unknown as NonNullable<Request['messages']> }),
    ...(tools === undefined ? {} : { tools }),
    ...(responseFormat === undefined ? {} : { responseFormat }),
  };
}

function wrong(what: string): InvalidInputError {
  return new InvalidInputError(
    `${what} Give a list of messages, such as [{"role": "user", "content": "What is 17 * 23?"}], or an object with ` +
      '`messages`.',
  );
}
