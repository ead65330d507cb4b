import { type Client, MalformedAnswerError, UpstreamError } from 'pointsman/execution';
import { createOpenAiClient } from 'pointsman/openai';
import type { CheckedConfig } from '../config/schema.ts';
import { createAnthropicWire } from './anthropic-wire.ts';
import { type GatewayRequest, pricesOf, type UpstreamConnection } from './clients.ts';
import type { Http } from './http.ts';
import { countOf, type Fields, fieldsOf, type Wire, type WireModel } from './wire.ts';

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

/** Candidates whose upstream counts the tokens of a request, by name. */
export type TokenCounters = Readonly<Record<string, Client<GatewayRequest>>>;

/** What Anthropic's counter takes of a request; it refuses anything else. */
const COUNTED = new Set([
  'messages',
  'model',
  'system',
  'tools',
  'tool_choice',
  'thinking',
  'output_config',
  'cache_control',
]);

/** A counter for each candidate whose upstream speaks Anthropic's protocol. */
export function createTokenCounters(
  { candidates }: CheckedConfig,
  connections: ReadonlyMap<string, UpstreamConnection>,
  { fetch }: Http,
): TokenCounters {
  const counters = Object.entries(candidates).flatMap(([name, candidate]) => {
    const connection = connections.get(candidate.upstream)!;
    if (!connection.protocol.includes('anthropic')) return [];
    const { model = name, promptPrefix } = candidate;
    const wire = createCountingWire({
      model,
      defaults: {},
      ...(promptPrefix === undefined ? {} : { promptPrefix }),
    });
    const client = createOpenAiClient({ ...connection, model, rawText: true, wire, fetch });
    const counter: Client<GatewayRequest> = async ({ outgoing, parameters = {} }, context) => {
      const given = await client({ parameters, headers: outgoing?.() ?? {} }, context);
      return 'raw' in given ? { ...given, raw: { candidate: name, text: given.raw } } : given;
    };
    return [[name, counter] as const];
  });
  return Object.fromEntries(counters);
}

/** `POST /v1/messages/count_tokens`, as an upstream speaks it: it costs nothing, and nothing is written. */
function createCountingWire(model: WireModel): Wire {
  const messages = createAnthropicWire(model);
  return {
    ...messages,
    path: 'messages/count_tokens',
    body(request) {
      const fields = Object.entries(messages.body(request, false) as Fields);
      return Object.fromEntries(fields.filter(([field]) => COUNTED.has(field)));
    },
    readWhole({ input_tokens: count }) {
      if (typeof count !== 'number')
        throw new MalformedAnswerError("The upstream gave no count. Check that it speaks Anthropic's API.");
      return { text: '', hasMedia: true, model: '' };
    },
  };
}
