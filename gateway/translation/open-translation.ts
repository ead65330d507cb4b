import type { Client } from 'pointsman/execution';
import { fillIn, readSecret, type SecretSources } from '../config/load-config.ts';
import type { CheckedConfig, ProtocolName } from '../config/schema.ts';
import type { GatewayRequest } from '../upstreams/clients.ts';
import { type BilledUsage, type Fields, isFields } from '../upstreams/wire.ts';
import { type RequestReader, readCall } from './call.ts';
import { openProvider } from './providers.ts';
import { chatReader } from './read-chat.ts';
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
    return [[name, client] as const];
  });
  return {
    clients: Object.fromEntries(clients),
    check: (request) => void readCall(READERS[request.protocol ?? 'openai-chat'], bodyOf(request)),
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
