import { InvalidInputError, UpstreamError } from '../errors.ts';
import type { AnswerChunk, ClientAnswer, Finish } from '../execution/answer.ts';
import { base64Of, createRedactor, oneLine } from '../execution/said-error.ts';
import type { Request, TokenPrices } from '../request.ts';

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
  readonly rawText: boolean;
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
  const address = addressOf(
    options.baseUrl ?? 'https://api.openai.com/v1',
    options.wire?.path ?? 'chat/completions',
  );
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
  /** Keys change seldom. */
  let made: { readonly key: string | undefined; readonly headers: Record<string, string> } | undefined;
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
    rawText: options.rawText ?? false,
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    now: options.now ?? Date.now,
    headers() {
      const key = readKey(options);
      if (made === undefined || made.key !== key) {
        if (key !== undefined) remember(key);
        const login = user === '' && password === '' ? {} : { authorization: basic(user, password) };
        const bearer = key === undefined ? {} : { authorization: `Bearer ${key}` };
        const own = options.wire?.headers?.(key) ?? bearer;
        made = { key, headers: { 'content-type': 'application/json', ...login, ...own, ...headers } };
      }
      return made.headers;
    },
    quote: (text) => oneLine(redact(text.slice(0, 100 * LONGEST_QUOTE)), LONGEST_QUOTE),
    cleaned: (error) => cleanedError(error, redact, 0),
  };
}

function addressOf(baseUrl: string, path: string): URL {
  if (!URL.canParse(baseUrl)) {
    throw new InvalidInputError(
      `\`baseUrl\` of OpenAI client must be an address such as "https://host/v1". Got "${baseUrl.slice(0, 100)}".`,
    );
  }
  const address = new URL(baseUrl);
  address.pathname = `${address.pathname.replace(/\/+$/, '')}/${path}`;
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

/** What an endpoint sent: any JSON object. */
type Body = Readonly<Record<string, unknown>>;

/**
 * What another API means by its bodies and events. How they are sent and read, bounded, timed and cleaned of keys is the
 * client's own. What it throws must hold no words of an upstream.
 */
export interface Wire {
  /** Behind `baseUrl`, such as `messages`. */
  readonly path: string;
  /** Of every request. @default `authorization` with the key */
  headers?(key: string | undefined): Readonly<Record<string, string>>;
  /** The body of a request, all of it. */
  body(request: Request & { readonly parameters?: Body }, stream: boolean): Body;
  /** What of a body or an event is an error in the place of an answer; undefined where it is none. */
  errorIn(body: Body): unknown;
  /** @throws MalformedAnswerError when it is no answer that is finished. */
  readWhole(body: Body): ClientAnswer;
  /** For one answer that comes in events. */
  openStream(): WireStream;
}

/** Events of one answer, read in order. */
export interface WireStream {
  /** What an event says of the answer, without `finish`. */
  read(event: Body): readonly AnswerChunk[];
  /** Undefined as long as no event has said that the answer is whole. */
  finish(): Finish | undefined;
  /** Whether nothing more is to come. */
  readonly isOver: boolean;
}

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
  /**
   * Whether `raw` is the text that the endpoint sent, for whoever passes it on: of a whole answer the body; of a stream each event with its
   * empty line, once and in order, also of those that say nothing of the answer. @default false: it is the object
   */
  readonly rawText?: boolean;
  /** Another API than chat completions, at addresses of the same kind. @default chat completions */
  readonly wire?: Wire;
  /** @default the global fetch */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** The time in milliseconds, for a `Retry-After` that is a date. @default Date.now */
  readonly now?: () => number;
}
