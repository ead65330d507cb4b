import { type Client, MalformedAnswerError, UpstreamError } from 'pointsman/execution';
import { createOpenAiClient } from 'pointsman/openai';
import type { CheckedConfig } from '../config/schema.ts';
import { type GatewayRequest, pricesOf, type UpstreamConnection } from './clients.ts';
import type { Http } from './http.ts';
import { countOf, fieldsOf, type Wire } from './wire.ts';

/** Models that turn texts into vectors, by name: the body goes there as it is, and what comes is passed on. */
export type EmbeddingClients = Readonly<Record<string, Client<GatewayRequest>>>;

/** A batch of vectors is long. */
const LARGEST_ANSWER = 256 * 2 ** 20;

export function createEmbeddingClients(
  { embeddings }: CheckedConfig,
  connections: ReadonlyMap<string, UpstreamConnection>,
  http: Http,
): EmbeddingClients {
  return Object.fromEntries(
    Object.entries(embeddings).map(([name, embedding]) => [
      name,
      createEmbeddingClient(name, embedding, connections.get(embedding.upstream)!, http),
    ]),
  );
}

function createEmbeddingClient(
  name: string,
  embedding: CheckedConfig['embeddings'][string],
  connection: UpstreamConnection,
  { fetch }: Http,
): Client<GatewayRequest> {
  const { model = name } = embedding;
  const prices = pricesOf(embedding);
  const client = createOpenAiClient({
    ...connection,
    // Nothing is written, so the price of what is read is all there is.
    ...('inputPricePerMillionTokens' in prices ? { ...prices, outputPricePerMillionTokens: 0 } : {}),
    model,
    maxResponseBytes: LARGEST_ANSWER,
    rawText: true,
    wire: createEmbeddingsWire(model),
    fetch,
  });
  return async ({ outgoing, parameters = {} }, context) => {
    const given = await client({ parameters, headers: outgoing?.() ?? {} }, context);
    if (!('raw' in given)) return given;
    checkCount(String(given.raw), parameters.input);
    return { ...given, raw: { candidate: name, text: given.raw } };
  };
}

/** @throws MalformedAnswerError when there are fewer vectors, or more, than texts. */
function checkCount(body: string, input: unknown): void {
  const isOne = typeof input === 'string' || (Array.isArray(input) && typeof input[0] === 'number');
  const expected = isOne ? 1 : Array.isArray(input) ? input.length : null;
  // Quotes inside of texts are escaped.
  const count = body.match(/"embedding"\s*:/g)?.length ?? 0;
  if (expected === null || count === expected) return;
  throw new MalformedAnswerError(`The upstream gave ${count} embeddings for ${expected} texts.`);
}

/** OpenAI's `POST /v1/embeddings`, as an upstream speaks it. The body is the client's own. */
function createEmbeddingsWire(model: string): Wire {
  return {
    path: 'embeddings',
    body: ({ parameters }) => ({ ...parameters, model }),
    errorIn: ({ error }) => (error === null || error === undefined ? undefined : { error }),
    readWhole({ data, usage }) {
      if (!Array.isArray(data))
        throw new UpstreamError(
          "The upstream gave no list of embeddings. Check that it speaks OpenAI's API.",
          { retryable: false },
        );
      const inputTokens = countOf(fieldsOf(usage).prompt_tokens);
      return { text: '', hasMedia: true, usage: { inputTokens, outputTokens: 0 } };
    },
    // Vectors do not come in events.
    openStream: () => ({ read: () => [], finish: () => undefined, isOver: false }),
  };
}
