import { type Client, UpstreamError } from 'pointsman/execution';
import type { SecretSources } from '../config/load-config.ts';
import type { CheckedConfig } from '../config/schema.ts';
import { type GatewayRequest, openUpstream, pricesOf, type UpstreamConnection } from './clients.ts';
import type { Http } from './http.ts';

/** Models that turn texts into vectors, by name: the body goes there as it is, and what comes is passed on. */
export type EmbeddingClients = Readonly<Record<string, Client<GatewayRequest>>>;

const LARGEST_ANSWER = 256 * 2 ** 20;
const LONGEST_QUOTE = 300;

/** @throws InvalidInputError when a secret is not there. */
export function createEmbeddingClients(
  { embeddings, upstreams }: CheckedConfig,
  http: Http,
  secrets: SecretSources,
): EmbeddingClients {
  return Object.fromEntries(
    Object.entries(embeddings).map(([name, embedding]) => {
      const { model = name, upstream } = embedding;
      const connection = openUpstream(upstream, upstreams[upstream], secrets);
      const { inputPricePerMillionTokens: price } = pricesOf(embedding);
      return [name, createEmbeddingClient(model, price, connection, http)];
    }),
  );
}

function createEmbeddingClient(
  model: string,
  price: number | undefined,
  { apiKey, baseUrl, headers }: UpstreamConnection,
  { fetch }: Http,
): Client<GatewayRequest> {
  const address = new URL(baseUrl);
  address.pathname = `${address.pathname.replace(/\/+$/, '')}/embeddings`;
  const shownUrl = address.origin + address.pathname;
  return async ({ outgoing, parameters }, { candidate, signal }) => {
    const response = await fetch(address.href, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey()}` }),
        ...headers,
        ...outgoing?.(),
      },
      body: JSON.stringify({ ...parameters, model }),
      signal,
    }).catch((cause: unknown) => {
      if (signal.aborted) throw signal.reason;
      throw new UpstreamError(`${shownUrl} could not be reached. Check the address and the network.`, {
        cause,
      });
    });
    const text = await readText(response, shownUrl);
    if (!response.ok) {
      const said = wordsOf(text, apiKey?.());
      throw new UpstreamError(`${shownUrl} answered ${response.status}: ${said}`, {
        status: response.status,
        said,
      });
    }
    const inputTokens = tokensOf(text, shownUrl);
    return {
      text,
      raw: { candidate, text },
      usage: { inputTokens, outputTokens: 0 },
      ...(price === undefined ? {} : { costUsd: (price * inputTokens) / 1e6, costSource: 'computed' }),
    };
  };
}

async function readText(response: Response, shownUrl: string): Promise<string> {
  const reader = (response.body as NonNullable<Response['body']>).getReader();
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    const piece = value as Uint8Array;
    bytes += piece.byteLength;
    if (bytes > LARGEST_ANSWER) {
      reader.cancel().catch(() => {});
      throw new UpstreamError(`${shownUrl} gave more than ${LARGEST_ANSWER} bytes.`, { retryable: false });
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

/** What an error says, in a line and without the key. */
function wordsOf(text: string, key: string | undefined): string {
  let said = text;
  try {
    said = String(JSON.parse(text).error?.message ?? text);
  } catch {
    // It is no JSON; its own words then.
  }
  const hidden = key === undefined ? said : said.replaceAll(key, '***');
  return hidden.replace(/\s+/g, ' ').slice(0, LONGEST_QUOTE);
}

/** @throws UpstreamError when it is no list of embeddings. */
function tokensOf(text: string, shownUrl: string): number {
  try {
    const { data, usage } = JSON.parse(text);
    if (Array.isArray(data)) return Number.isInteger(usage?.prompt_tokens) ? usage.prompt_tokens : 0;
  } catch {
    // As below.
  }
  throw new UpstreamError(`${shownUrl} gave no list of embeddings. Check that it speaks OpenAI's API.`, {
    retryable: false,
  });
}
