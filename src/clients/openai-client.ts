import { MalformedAnswerError } from '../errors/malformed-answer-error.ts';
import type { AnswerChunk, Client, ClientAnswer, ClientContext, Finish } from '../execution/index.ts';
import { completionBody, type ModelRequest } from './completion-body.ts';
import { type Endpoint, postJson } from './post-json.ts';
import { readCompletion } from './read-completion.ts';
import { readCompletionStream } from './read-completion-stream.ts';

export interface OpenAiClientOptions {
  /** The endpoint's name for the model. */
  readonly model: string;
  /** All before `/chat/completions`. @default 'https://api.openai.com/v1' */
  readonly baseUrl?: string;
  /** Gives the key when a request is sent; it is kept nowhere. Leave out for an endpoint that asks for none. */
  readonly apiKey?: () => string | undefined;
  /** Where the key is said to come from when it is missing or refused. @default 'OPENAI_API_KEY' */
  readonly apiKeyName?: string;
  /** Sent along with every request. @default {} */
  readonly headers?: Readonly<Record<string, string>>;
  /** Fields of every body beside model and messages, in the endpoint's own words; a request's own come first. @default {} */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** The same for further samples of one request, which have to differ. @default {} */
  readonly sampleParameters?: Readonly<Record<string, unknown>>;
  /** US dollars per million tokens. @default the executor's prices */
  readonly inputPricePerMillionTokens?: number;
  /** US dollars per million tokens. @default the executor's prices */
  readonly outputPricePerMillionTokens?: number;
  /** Whether a stream is asked to end with its usage, which a few endpoints refuse. @default true */
  readonly streamUsage?: boolean;
  /** @default the global fetch */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** The time in milliseconds, for a `Retry-After` that is a date. @default Date.now */
  readonly now?: () => number;
}

/**
 * Any endpoint that speaks OpenAI's `POST /v1/chat/completions`, whole or streamed. An answer that does not say that it
 * is finished is an error, and never a short answer.
 *
 * @example
 * const large = createOpenAiClient({ model: 'gpt-5', apiKey: () => process.env.OPENAI_API_KEY });
 */
export function createOpenAiClient(options: OpenAiClientOptions): Client<ModelRequest> {
  const endpoint: Endpoint = {
    url: `${(options.baseUrl ?? 'https://api.openai.com/v1').replace(/\/+$/, '')}/chat/completions`,
    apiKey: options.apiKey,
    apiKeyName: options.apiKeyName ?? 'OPENAI_API_KEY',
    headers: options.headers ?? {},
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    now: options.now ?? Date.now,
  };
  return async (request, context) => {
    const response = await postJson(endpoint, completionBody(request, context, options), context.signal);
    if (context.stream && response.headers.get('content-type')?.includes('text/event-stream') === true) {
      return priced(readCompletionStream(response, endpoint), options);
    }
    const answer = readCompletion(await parsed(response, endpoint, context), endpoint.url);
    return withCost(answer, options);
  };
}

async function parsed(response: Response, { url }: Endpoint, { signal }: ClientContext): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw new MalformedAnswerError(
      `${url} gave something else than JSON, ${text.length} characters. Check the address.`,
      { cause },
    );
  }
}

type Prices = Pick<OpenAiClientOptions, 'inputPricePerMillionTokens' | 'outputPricePerMillionTokens'>;

function costOf(
  usage: ClientAnswer['usage'],
  prices: Prices,
): Required<Pick<Finish, 'costUsd' | 'costSource'>> | undefined {
  const { inputPricePerMillionTokens: input, outputPricePerMillionTokens: output } = prices;
  if (usage == null || input === undefined || output === undefined) return undefined;
  return {
    costUsd: (usage.inputTokens * input + usage.outputTokens * output) / 1e6,
    costSource: 'computed',
  };
}

function withCost(answer: ClientAnswer, prices: Prices): ClientAnswer {
  return { ...answer, ...costOf(answer.usage, prices) };
}

async function* priced(chunks: AsyncIterable<AnswerChunk>, prices: Prices): AsyncGenerator<AnswerChunk> {
  for await (const chunk of chunks) {
    yield chunk.finish === undefined
      ? chunk
      : { ...chunk, finish: { ...chunk.finish, ...costOf(chunk.finish.usage, prices) } };
  }
}
