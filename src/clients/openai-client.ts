import type { TokenPrices } from '../candidate/candidate.ts';
import type { AnswerChunk, Client, ClientAnswer, Finish } from '../execution/index.ts';
import { usageCost } from '../execution/price.ts';
import { completionBody, type ModelRequest } from './completion-body.ts';
import { createEndpoint } from './endpoint.ts';
import { postJson } from './post-json.ts';
import { openBody, readWhole } from './read-body.ts';
import { readCompletion } from './read-completion.ts';
import { readCompletionStream } from './read-completion-stream.ts';

/** Prices are in US dollars per million tokens. @default the executor's prices */
export interface OpenAiClientOptions extends TokenPrices {
  /** The endpoint's name for the model. */
  readonly model: string;
  /**
   * All before `/chat/completions`. A query stays behind it, such as Azure's `?api-version=`; a name and password are
   * sent as Basic authorization. Redirects are followed within this origin alone. @default 'https://api.openai.com/v1'
   */
  readonly baseUrl?: string;
  /**
   * Gives the key when a request is sent; the last ones are kept in memory alone, to be hidden where an upstream writes
   * them back. Leave out for an endpoint that asks for none.
   */
  readonly apiKey?: () => string | undefined;
  /** Where the key is said to come from when it is missing or refused. @default 'OPENAI_API_KEY' */
  readonly apiKeyName?: string;
  /** Sent along with every request. @default {} */
  readonly headers?: Readonly<Record<string, string>>;
  /** Fields of every body beside model and messages, in the endpoint's own words; a request's own come first. @default {} */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** The same for further samples of one request, which have to differ. @default {} */
  readonly sampleParameters?: Readonly<Record<string, unknown>>;
  /** Whether a stream is asked to end with its usage, which a few endpoints refuse. @default true */
  readonly streamUsage?: boolean;
  /**
   * Bytes, decompressed, of a whole answer and of one event of a stream. More is a failed attempt, and the connection is
   * closed. How long a stream may become is `maxAnswerCharacters` of the execution. @default 16777216
   */
  readonly maxResponseBytes?: number;
  /**
   * Whether thoughts that an earlier answer's provider signed or encrypted are sent along with its messages: for an
   * endpoint behind which there is one provider, and all answers came from there. Else only OpenRouter's and Google's
   * own endpoints get back what is theirs. @default false
   */
  readonly keepSignedReasoning?: boolean;
  /** Milliseconds: how long a stream may stay open after it said that it is finished, for its usage. @default 1000 */
  readonly finishGraceMs?: number;
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
  const endpoint = createEndpoint(options);
  return async (request, context) => {
    const response = await postJson(
      endpoint,
      completionBody(request, context, options, endpoint),
      context.signal,
    );
    const { kind, text } = await openBody(response, endpoint);
    // Whether it streams is for the endpoint to say: some always do, others never.
    if (kind === 'events') return priced(readCompletionStream(text, endpoint), options);
    return withCost(readCompletion(await readWhole(text, endpoint), endpoint), options);
  };
}

function costOf(
  usage: ClientAnswer['usage'],
  prices: TokenPrices,
): Required<Pick<Finish, 'costUsd' | 'costSource'>> | undefined {
  const costUsd = usage == null ? null : usageCost(usage, prices);
  return costUsd === null ? undefined : { costUsd, costSource: 'computed' };
}

function withCost(answer: ClientAnswer, prices: TokenPrices): ClientAnswer {
  return { ...answer, ...costOf(answer.usage, prices) };
}

async function* priced(chunks: AsyncIterable<AnswerChunk>, prices: TokenPrices): AsyncGenerator<AnswerChunk> {
  for await (const chunk of chunks) {
    yield chunk.finish === undefined
      ? chunk
      : { ...chunk, finish: { ...chunk.finish, ...costOf(chunk.finish.usage, prices) } };
  }
}
