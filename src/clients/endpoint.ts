import { InvalidInputError } from '../errors/invalid-input-error.ts';
import { UpstreamError } from '../errors/upstream-error.ts';
import { base64Of, createRedactor, oneLine } from '../execution/redact.ts';
import type { OpenAiClientOptions } from './openai-client.ts';

/** Where to send, as whom, and what may be said of it. */
export interface Endpoint {
  /** With the query of `baseUrl`, without a name and password in it, which fetch refuses. */
  readonly url: string;
  /** The same for messages: nothing in it is a secret. */
  readonly shownUrl: string;
  /** Where the key is said to come from. */
  readonly keyName: string;
  readonly maxResponseBytes: number;
  readonly finishGraceMs: number;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly now: () => number;
  /** @throws UpstreamError when there is no key. */
  headers(): Record<string, string>;
  /** A text of the upstream's as one short line, without the secrets that are sent there. */
  quote(text: string): string;
  /** An error of the platform's, without them in its message, its stack and its causes. */
  cleaned(error: unknown): unknown;
}

const LONGEST_QUOTE = 300;
/** Keys that change from time to time may come back in an answer to an earlier one. */
const KEYS_REMEMBERED = 8;
const SECRET_NAME = /key|token|secret|auth|cookie|pass|sig|credential/i;

/** @throws InvalidInputError when `baseUrl` is no address. */
export function createEndpoint(options: OpenAiClientOptions): Endpoint {
  const address = addressOf(options.baseUrl ?? 'https://api.openai.com/v1');
  const { headers = {} } = options;
  const [user, password] = [address.username, address.password].map(decodeURIComponent);
  address.username = '';
  address.password = '';
  const fixed = [
    ...(password === '' ? [user] : [password]),
    ...[...address.searchParams].filter(([name]) => SECRET_NAME.test(name)).map(([, value]) => value),
    ...Object.entries(headers)
      .filter(([name]) => SECRET_NAME.test(name))
      // Without the scheme, such as `Bearer`.
      .map(([, value]) => value.replace(/^\w+ +/, '')),
  ];
  const keys: string[] = [];
  let redact = createRedactor(fixed);
  const remember = (key: string) => {
    if (keys.includes(key)) return;
    if (keys.push(key) > KEYS_REMEMBERED) keys.shift();
    redact = createRedactor([...fixed, ...keys]);
  };
  return {
    url: address.href,
    shownUrl: address.origin + address.pathname,
    keyName: options.apiKeyName ?? 'OPENAI_API_KEY',
    maxResponseBytes: options.maxResponseBytes ?? 16 * 2 ** 20,
    finishGraceMs: options.finishGraceMs ?? 1000,
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    now: options.now ?? Date.now,
    headers() {
      const key = readKey(options);
      if (key !== undefined) remember(key);
      const login = user === '' && password === '' ? {} : { authorization: basic(user, password) };
      const bearer = key === undefined ? {} : { authorization: `Bearer ${key}` };
      return { 'content-type': 'application/json', ...login, ...bearer, ...headers };
    },
    quote: (text) => oneLine(redact(text.slice(0, 100 * LONGEST_QUOTE)), LONGEST_QUOTE),
    cleaned: (error) => cleanedError(error, redact, 0),
  };
}

function addressOf(baseUrl: string): URL {
  if (!URL.canParse(baseUrl)) {
    throw new InvalidInputError(
      `\`baseUrl\` of OpenAI client must be an address such as "https://host/v1". Got "${baseUrl.slice(0, 100)}".`,
    );
  }
  const address = new URL(baseUrl);
  address.pathname = `${address.pathname.replace(/\/+$/, '')}/chat/completions`;
  address.hash = '';
  return address;
}

function readKey({ apiKey, apiKeyName = 'OPENAI_API_KEY' }: OpenAiClientOptions): string | undefined {
  const key = apiKey?.();
  if (apiKey === undefined || (key !== undefined && key !== '')) return key;
  throw new UpstreamError(`The client needs a key. Set ${apiKeyName}.`, { retryable: false });
}

function basic(user: string, password: string): string {
  return `Basic ${base64Of(new TextEncoder().encode(`${user}:${password}`))}`;
}

function cleanedError(error: unknown, redact: (text: string) => string, depth: number): unknown {
  if (typeof error === 'string') return redact(error);
  if (!(error instanceof Error) || depth > 5) return undefined;
  const copy = new Error(redact(error.message), { cause: cleanedError(error.cause, redact, depth + 1) });
  copy.name = error.name;
  copy.stack = redact(error.stack ?? '');
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' ? Object.assign(copy, { code }) : copy;
}
