import type { Message, Request } from 'pointsman';
import { type AnswerChunk, type Client, UpstreamError } from 'pointsman/execution';
import { createOpenAiClient } from 'pointsman/openai';
import { fillIn, readSecret, type SecretSources } from '../config/load-config.ts';
import type { CandidateConfig, CheckedConfig, ProtocolName } from '../config/schema.ts';
import { createAnthropicWire } from './anthropic-wire.ts';
import type { Http } from './http.ts';
import { createResponsesWire } from './responses-wire.ts';
import type { BilledUsage, Wire, WireModel } from './wire.ts';

/** A request on its way through the gateway. */
export interface GatewayRequest extends Request {
  /** What it came in, and what its `parameters` are written in. @default 'openai-chat' */
  readonly protocol?: ProtocolName;
  /** How many of `messages` stand in `parameters` as well, in the protocol's own form: what comes behind them was added. @default 0 */
  readonly said?: number;
  /** Fields of the body that are for the model alone; of other protocols than `openai-chat`, all but `model` and `stream`. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** Headers for the upstream. Asked when it is sent, since a span of its own may be under way then. */
  readonly outgoing?: () => Readonly<Record<string, string>>;
}

type Clients = Readonly<Record<string, Client<GatewayRequest>>>;

/**
 * A client for each candidate of the configuration.
 *
 * @param translated those that answer by a provider of the AI SDK what their upstream does not speak. @default nobody does
 */
export function createClients(
  { candidates }: CheckedConfig,
  connections: ReadonlyMap<string, UpstreamConnection>,
  http: Http,
  translated: Clients = {},
): Clients {
  return Object.fromEntries(
    Object.entries(candidates).map(([name, candidate]) => [
      name,
      createCandidate(name, candidate, connections.get(candidate.upstream)!, http, translated[name]),
    ]),
  );
}

/** Where an upstream is and as whom it is asked, its secrets read. */
export interface UpstreamConnection {
  /** '' where nothing is passed on without a translation. */
  readonly baseUrl: string;
  readonly protocol: readonly ProtocolName[];
  readonly apiKey?: () => string;
  readonly apiKeyName?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly streamUsage: boolean;
  readonly keepSignedReasoning: boolean;
}

/**
 * Every upstream of the configuration, by its name.
 *
 * @throws InvalidInputError when a secret is not there.
 */
export function openUpstreams(
  { upstreams }: CheckedConfig,
  secrets: SecretSources,
): ReadonlyMap<string, UpstreamConnection> {
  return new Map(
    Object.entries(upstreams).map(([name, upstream]) => [name, openUpstream(name, upstream, secrets)]),
  );
}

function openUpstream(
  name: string,
  upstream: CheckedConfig['upstreams'][string],
  secrets: SecretSources,
): UpstreamConnection {
  const field = `upstreams.${name}`;
  const { baseUrl = '', apiKey, headers, keepSignedReasoning, protocol, streamUsage } = upstream;
  // Read now, so that one that is missing is not found by the first request.
  const key = apiKey === undefined ? undefined : readSecret(apiKey, `${field}.apiKey`, secrets);
  // In small letters: one that is set here takes the place of a protocol's own.
  const filled = Object.entries(headers).map(([header, text]) => [
    header.toLowerCase(),
    fillIn(text, `${field}.headers.${header}`, secrets.env),
  ]);
  return {
    baseUrl,
    protocol,
    ...(key === undefined ? {} : { apiKey: () => key, apiKeyName: `\`${field}.apiKey\` of the gateway` }),
    headers: Object.fromEntries(filled),
    streamUsage,
    keepSignedReasoning,
  };
}

/** One that answers in each protocol of its upstream. */
function createCandidate(
  name: string,
  candidate: CandidateConfig,
  connection: UpstreamConnection,
  http: Http,
  translated: Client<GatewayRequest> | undefined,
): Client<GatewayRequest> {
  const clients = new Map(
    connection.protocol.map((protocol) => {
      const { defaults = candidate.defaults, settings = candidate.settings } =
        candidate.perProtocol[protocol] ?? {};
      return [
        protocol,
        createSpeaker(name, protocol, { ...candidate, defaults, settings }, connection, http),
      ];
    }),
  );
  return (request, context) => {
    const { protocol = 'openai-chat' } = request;
    const client = clients.get(protocol) ?? translated;
    if (client !== undefined) return client(request, context);
    // Such candidates are not chosen from; a plan may name one all the same.
    throw new UpstreamError(
      `The upstream of ${name} does not speak ${protocol}, which the request came in.`,
      {
        retryable: false,
      },
    );
  };
}

/** A candidate in one protocol. */
function createSpeaker(
  name: string,
  protocol: ProtocolName,
  candidate: CandidateConfig,
  connection: UpstreamConnection,
  { fetch }: Http,
): Client<GatewayRequest> {
  const { model = name, defaults, settings, promptPrefix } = candidate;
  const wire = WIRES[protocol]?.({
    model,
    defaults,
    ...(promptPrefix === undefined ? {} : { promptPrefix }),
  });
  const client = createOpenAiClient({
    ...connection,
    ...pricesOf(candidate),
    model,
    parameters: defaults,
    rawText: true,
    ...(wire === undefined ? {} : { wire }),
    fetch,
  });
  return async (request, context) => {
    const { said = 0 } = request;
    const messages =
      wire !== undefined
        ? request.messages?.slice(said)
        : promptPrefix === undefined
          ? request.messages
          : withPrefix(request, promptPrefix);
    const sent = {
      ...request,
      parameters: withSettings(request.parameters ?? {}, settings),
      headers: request.outgoing?.() ?? {},
    };
    const given = await client(messages === undefined ? sent : { ...sent, messages }, context);
    if (Symbol.asyncIterator in given) return tagged(given, name, candidate);
    const billed = withCacheWrites(given, candidate);
    return typeof given.raw === 'string' ? { ...billed, raw: { candidate: name, text: given.raw } } : billed;
  };
}

const WIRES: Readonly<Partial<Record<ProtocolName, (model: WireModel) => Wire>>> = {
  anthropic: createAnthropicWire,
  'openai-responses': createResponsesWire,
};

async function* tagged(
  chunks: AsyncIterable<AnswerChunk>,
  name: string,
  candidate: CandidateConfig,
): AsyncGenerator<AnswerChunk> {
  for await (const chunk of chunks) {
    const { finish, raw } = chunk;
    yield {
      ...chunk,
      ...(finish === undefined ? {} : { finish: withCacheWrites(finish, candidate) }),
      ...(typeof raw === 'string' ? { raw: { candidate: name, text: raw } } : {}),
    };
  }
}

/** What an hour in the cache costs, against five minutes; and five minutes, against no cache: docs.anthropic.com, prompt caching. */
const LONG_WRITE = 1.6;
const SHORT_WRITE = 1.25;

/** With what it costs to put tokens into a cache: more than to read them, which is counted already. */
function withCacheWrites<T extends { readonly costUsd?: number | null; readonly usage?: BilledUsage | null }>(
  answer: T,
  { cacheWritePricePerMillionTokens: write, inputPricePerMillionTokens: read = 0 }: CandidateConfig,
): T {
  const { costUsd, usage } = answer;
  const writes = usage?.cacheWrites;
  if (writes === undefined || costUsd == null) return answer;
  const price = write ?? SHORT_WRITE * read;
  const more = writes.short * (price - read) + writes.long * (LONG_WRITE * price - read);
  return { ...answer, costUsd: Math.max(0, costUsd + more / 1e6) };
}

/** US dollars for what a candidate read and wrote, at the prices of the configuration; undefined where one is not given. */
export function usageCost(candidate: CandidateConfig, usage: BilledUsage): number | undefined {
  const { inputPricePerMillionTokens: input, outputPricePerMillionTokens: output } = candidate;
  if (input === undefined || output === undefined) return undefined;
  const { cachedInputTokens = 0, inputTokens, outputTokens, reasoningTokens = 0 } = usage;
  const {
    cachedInputPricePerMillionTokens: cached = input,
    reasoningPricePerMillionTokens: thought = output,
  } = candidate;
  const read = (inputTokens - cachedInputTokens) * input + cachedInputTokens * cached;
  const written = (outputTokens - reasoningTokens) * output + reasoningTokens * thought;
  return withCacheWrites({ costUsd: (read + written) / 1e6, usage }, candidate).costUsd;
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
const TOKEN_BOUNDS = ['max_tokens', 'max_completion_tokens', 'max_output_tokens'];

/** What makes the candidate goes before what the request says, but for a request that wants less than it gives. */
function withSettings(
  parameters: Readonly<Record<string, unknown>>,
  settings: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  if (Object.keys(settings).length === 0) return parameters;
  const merged: Record<string, unknown> = { ...parameters, ...settings };
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

/** Milliseconds that a breaker stays open where the configuration says nothing: as `createClientPool` has it. */
const HALF_OPEN_AFTER_MS = 10_000;

/** When breakers that are open let a request try their candidate again. */
export function createReopenings(breaker: CheckedConfig['execution']['breaker']) {
  const halfOpenAfterMs =
    (typeof breaker === 'object' ? breaker.halfOpenAfterMs : undefined) ?? HALF_OPEN_AFTER_MS;
  const at = new Map<string, number>();
  return {
    changed(candidate: string, state: 'closed' | 'open' | 'half-open'): void {
      if (state === 'open') at.set(candidate, performance.now() + halfOpenAfterMs);
      else at.delete(candidate);
    },
    /** 0 where it is not open, or its time has come. */
    inMs: (candidate: string): number => Math.max(0, (at.get(candidate) ?? 0) - performance.now()),
  };
}
