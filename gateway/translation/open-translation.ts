import type { Answer, Client } from 'pointsman/execution';
import { fillIn, readSecret, type SecretSources } from '../config/load-config.ts';
import type { CheckedConfig, ProtocolName } from '../config/schema.ts';
import type { GatewayRequest } from '../upstreams/clients.ts';
import type { OtherAnswer, TranslatedAnswer } from '../upstreams/raw-answer.ts';
import { type BilledUsage, type Fields, isFields } from '../upstreams/wire.ts';
import { type RequestReader, readCall } from './call.ts';
import { openProvider } from './providers.ts';
import { answersOf, chatReader } from './read-chat.ts';
import { messagesReader } from './read-messages.ts';
import { responsesReader } from './read-responses.ts';
import { bodyOf, createTranslatedClient } from './translated-client.ts';

/** How requests of every protocol reach upstreams that speak another one. */
export interface Translation {
  /** A client for each candidate whose upstream has a provider. */
  readonly clients: Readonly<Record<string, Client<GatewayRequest>>>;
  /** @throws Problem naming what of a request cannot be translated. */
  check(request: GatewayRequest): void;
}

/** By the name of the protocol that a request came in. */
export const READERS: Readonly<Record<ProtocolName, RequestReader>> = {
  'openai-chat': chatReader,
  anthropic: messagesReader,
  'openai-responses': responsesReader,
};

export interface TranslationOptions {
  readonly secrets: SecretSources;
  readonly fetch: typeof fetch;
  /** Of a candidate, US dollars for a usage; undefined where a price is not known. */
  readonly costOf: (candidate: string, usage: BilledUsage) => number | undefined;
}

/**
 * Loads the provider packages that the configuration names, and makes a client of each candidate behind them.
 *
 * @throws MissingPackageError naming the package to install; InvalidInputError when a provider refuses its options.
 */
export async function openTranslation(
  { candidates, upstreams }: CheckedConfig,
  { costOf, fetch, secrets }: TranslationOptions,
): Promise<Translation> {
  const opened = new Map(
    await Promise.all(
      Object.entries(upstreams).map(async ([name, upstream]) => {
        if (upstream.provider === undefined) return [name, undefined] as const;
        const field = `upstreams.${name}`;
        const found: string[] = [];
        const read = (value: unknown, at: string) => filled(value, at, secrets, found);
        const { apiKey, baseUrl, headers, method, options, provider } = upstream;
        const model = await openProvider(provider, name, {
          ...(baseUrl === undefined ? {} : { baseURL: baseUrl }),
          ...(apiKey === undefined ? {} : { apiKey: String(read(apiKey, `${field}.apiKey`)) }),
          headers: read(headers, `${field}.headers`) as Record<string, string>,
          options: read(options, `${field}.options`) as Fields,
          ...(method === undefined ? {} : { method }),
          fetch,
        });
        return [
          name,
          { model, hide: hiding(found), protocol: upstream.protocol[0] ?? 'openai-chat' },
        ] as const;
      }),
    ),
  );
  const clients = Object.entries(candidates).flatMap(([name, candidate]) => {
    const upstream = opened.get(candidate.upstream);
    if (upstream === undefined) return [];
    const client = createTranslatedClient({
      name,
      candidate,
      model: upstream.model(candidate.model ?? name),
      readers: READERS,
      settingsReader: READERS[upstream.protocol],
      hide: upstream.hide,
      costOf: (usage) => costOf(name, usage),
    });
    return [[name, askedForEach(client)] as const];
  });
  return {
    clients: Object.fromEntries(clients),
    check: (request) => void readCall(READERS[request.protocol ?? 'openai-chat'], bodyOf(request)),
  };
}

type WholeAnswer = Partial<Omit<Answer, 'usage'>> & {
  readonly text: string;
  readonly usage?: BilledUsage | null;
};

/**
 * Asks for several answers at once, since providers give one. Where one of them fails, the others are not asked for again when the execution
 * tries anew: they are paid for.
 */
function askedForEach(one: Client<GatewayRequest>): Client<GatewayRequest> {
  const kept = new WeakMap<GatewayRequest, readonly WholeAnswer[]>();
  return async (request, context) => {
    const { parameters, protocol = 'openai-chat' } = request;
    const count = protocol === 'openai-chat' ? answersOf(parameters ?? {}) : 1;
    if (count === 1) return one(request, context);
    const before = kept.get(request) ?? [];
    // Taken by this attempt, and by none that goes on beside it.
    kept.delete(request);
    const single = { ...request, parameters: { ...parameters, n: 1 } };
    const asked = Array.from({ length: count - before.length }, async () => {
      return (await one(single, { ...context, stream: false })) as WholeAnswer;
    });
    const settled = await Promise.allSettled(asked);
    const came = [...before, ...settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))];
    const failed = settled.find((each) => each.status === 'rejected');
    if (failed === undefined) return together(came);
    kept.set(request, came);
    throw failed.reason;
  };
}

/** The first, with the others beside it, and what all of them took. */
function together(answers: readonly WholeAnswer[]): Awaited<ReturnType<Client>> {
  const [first, ...others] = answers;
  const costs = answers.map(({ costUsd }) => costUsd ?? null);
  const usages = answers.map(({ usage }) => usage ?? null);
  const { costSource: _, costUsd: __, usage: ___, ...rest } = first;
  return {
    ...rest,
    ...(usages.includes(null) ? {} : { usage: (usages as BilledUsage[]).reduce(addedUsage) }),
    ...(costs.includes(null)
      ? {}
      : {
          costUsd: (costs as number[]).reduce((sum, cost) => sum + cost, 0),
          ...(first.costSource === undefined ? {} : { costSource: first.costSource }),
        }),
    raw: {
      ...(first.raw as TranslatedAnswer),
      others: others.map(
        ({ finishReason = 'other', raw }): OtherAnswer => ({
          chunks: (raw as TranslatedAnswer).chunks,
          reason: finishReason,
        }),
      ),
    },
  };
}

function addedUsage(a: BilledUsage, b: BilledUsage): BilledUsage {
  const [one, other] = [a.cacheWrites, b.cacheWrites];
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cachedInputTokens: (a.cachedInputTokens ?? 0) + (b.cachedInputTokens ?? 0),
    reasoningTokens: (a.reasoningTokens ?? 0) + (b.reasoningTokens ?? 0),
    ...(one === undefined && other === undefined
      ? {}
      : {
          cacheWrites: {
            short: (one?.short ?? 0) + (other?.short ?? 0),
            long: (one?.long ?? 0) + (other?.long ?? 0),
          },
        }),
  };
}

/** Options with their secrets read: `${NAME}` within texts, and `{ file: path }`. */
function filled(value: unknown, field: string, secrets: SecretSources, found: string[]): unknown {
  if (typeof value === 'string') {
    const text = fillIn(value, field, secrets.env);
    if (text !== value) found.push(text);
    return text;
  }
  if (Array.isArray(value)) return value.map((each, i) => filled(each, `${field}.${i}`, secrets, found));
  if (!isFields(value)) return value;
  if (typeof value.file === 'string' && Object.keys(value).length === 1) {
    const text = readSecret({ file: value.file }, field, secrets);
    found.push(text);
    return text;
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, filled(each, `${field}.${key}`, secrets, found)]),
  );
}

/** Upstreams may say what they were sent. */
function hiding(secrets: readonly string[]): (text: string) => string {
  const long = secrets.filter((secret) => secret.length >= 4);
  return (text) => long.reduce((shown, secret) => shown.replaceAll(secret, '***'), text);
}
