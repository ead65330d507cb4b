import type { TokenPrices } from '../candidate/candidate.ts';
import type { AnswerChunk, Finish } from '../execution/answer.ts';
import type { Client, ClientAnswer } from '../execution/client.ts';
import { usageCost } from '../execution/price.ts';
import { postJson } from '../openai/client.ts';
import { readCompletionStream } from '../openai/completion.ts';
import { createEndpoint, type OpenAiClientOptions } from '../openai/endpoint.ts';
import { openBody, readWhole } from '../openai/read-body.ts';
import { completionBody, type ModelRequest } from './completion-body.ts';
import { readCompletion } from './read-completion.ts';

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
