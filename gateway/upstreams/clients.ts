import type { Message, Request } from 'pointsman';
import type { AnswerChunk, Client } from 'pointsman/execution';
import { createOpenAiClient } from 'pointsman/openai';
import { fillIn, readSecret, type SecretSources } from '../config/load-config.ts';
import type { CandidateConfig, CheckedConfig } from '../config/schema.ts';
import type { Http } from './http.ts';

/** A request on its way through the gateway. */
export interface GatewayRequest extends Request {
  /** Fields of the body that are for the model alone. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** Headers for the upstream. Asked when it is sent, since a span of its own may be under way then. */
  readonly outgoing?: () => Readonly<Record<string, string>>;
}

/** What an upstream sent, to be passed on as it is: a whole body, or an event of a stream. */
export interface RawAnswer {
  readonly candidate: string;
  readonly text: string;
}

/** Whether what an execution hands on is what an upstream of this protocol sent. */
export function isRawAnswer(raw: unknown): raw is RawAnswer {
  return typeof raw === 'object' && raw !== null && 'candidate' in raw && 'text' in raw;
}

/**
 * A client for each candidate of the configuration.
 *
 * @throws InvalidInputError when a secret is not there.
 */
export function createClients(
  { candidates, upstreams }: CheckedConfig,
  http: Http,
  secrets: SecretSources,
): Readonly<Record<string, Client<GatewayRequest>>> {
  const connections = new Map(
    Object.entries(upstreams).map(([name, upstream]) => [name, openUpstream(name, upstream, secrets)]),
  );
  return Object.fromEntries(
    Object.entries(candidates).map(([name, candidate]) => [
      name,
      createCandidate(name, candidate, connections.get(candidate.upstream)!, http),
    ]),
  );
}

/** Where an upstream is and as whom it is asked, its secrets read. */
export interface UpstreamConnection {
  readonly baseUrl: string;
  readonly apiKey?: () => string;
  readonly apiKeyName?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly streamUsage: boolean;
  readonly keepSignedReasoning: boolean;
}

/** @throws InvalidInputError when a secret is not there. */
export function openUpstream(
  name: string,
  upstream: CheckedConfig['upstreams'][string],
  secrets: SecretSources,
): UpstreamConnection {
  const field = `upstreams.${name}`;
  const { baseUrl, apiKey, headers, streamUsage, keepSignedReasoning } = upstream;
  // Read now, so that one that is missing is not found by the first request.
  const key = apiKey === undefined ? undefined : readSecret(apiKey, `${field}.apiKey`, secrets);
  const filled = Object.entries(headers).map(([header, text]) => [
    header,
    fillIn(text, `${field}.headers.${header}`, secrets.env),
  ]);
  return {
    baseUrl,
    ...(key === undefined ? {} : { apiKey: () => key, apiKeyName: `\`${field}.apiKey\` of the gateway` }),
    headers: Object.fromEntries(filled),
    streamUsage,
    keepSignedReasoning,
  };
}

function createCandidate(
  name: string,
  candidate: CandidateConfig,
  connection: UpstreamConnection,
  { fetch }: Http,
): Client<GatewayRequest> {
  const { model = name, defaults, settings, promptPrefix } = candidate;
  const client = createOpenAiClient({
    ...connection,
    ...pricesOf(candidate),
    model,
    parameters: defaults,
    rawText: true,
    fetch,
  });
  return async (request, context) => {
    const given = await client(
      {
        ...request,
        ...(promptPrefix === undefined ? {} : { messages: withPrefix(request, promptPrefix) }),
        parameters: withSettings(request.parameters ?? {}, settings),
        headers: request.outgoing?.() ?? {},
      },
      context,
    );
    if (Symbol.asyncIterator in given) return tagged(given, name);
    return typeof given.raw === 'string' ? { ...given, raw: { candidate: name, text: given.raw } } : given;
  };
}

async function* tagged(chunks: AsyncIterable<AnswerChunk>, candidate: string): AsyncGenerator<AnswerChunk> {
  for await (const chunk of chunks) {
    yield typeof chunk.raw === 'string' ? { ...chunk, raw: { candidate, text: chunk.raw } } : chunk;
  }
}

/** Prices that are given, without those that are not. */
export function pricesOf(candidate: Partial<CandidateConfig>) {
  const prices = Object.entries(candidate).filter(
    ([field, value]) => field.endsWith('PricePerMillionTokens') && typeof value === 'number',
  );
  return Object.fromEntries(prices) as Readonly<Record<string, number>>;
}

function withPrefix({ messages, text = '' }: Request, prefix: string): readonly Message[] {
  const first: Message = { role: 'system', content: prefix };
  return [first, ...(messages ?? [{ role: 'user', content: text }])];
}

/** Bounds of an answer's tokens: of two, the smaller holds. */
const TOKEN_BOUNDS = ['max_tokens', 'max_completion_tokens'];

/** What makes the candidate goes before what the request says, but for a request that wants less than it gives. */
function withSettings(
  parameters: Readonly<Record<string, unknown>>,
  settings: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged = { ...parameters, ...settings };
  const asked = TOKEN_BOUNDS.map((field) => parameters[field]).filter((bound) => typeof bound === 'number');
  for (const field of TOKEN_BOUNDS) {
    const own = settings[field];
    if (typeof own !== 'number') continue;
    merged[field] = Math.min(...[own, ...asked]);
    // Two names of one bound are refused.
    for (const other of TOKEN_BOUNDS) if (other !== field) delete merged[other];
  }
  return merged;
}
