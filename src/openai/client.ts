import { MalformedAnswerError, UpstreamError } from '../errors.ts';
import {
  type AnswerChunk,
  type Client,
  type ClientAnswer,
  type ClientContext,
  type Usage,
  usageCost,
} from '../execution/answer.ts';
import { readRetryAdvice } from '../execution/attempt.ts';
import { isPassing, readSaidError } from '../execution/said-error.ts';
import type { Message, Request, TokenPrices } from '../request.ts';
import { readCompletion, readCompletionStream } from './completion.ts';
import { isObject, readModel, saidError } from './completion-parts.ts';
import {
  createEndpoint,
  type Endpoint,
  type OpenAiClientOptions,
  type Wire,
  type WireStream,
} from './endpoint.ts';
import {
  DONE,
  type EventReader,
  openBody,
  openEvents,
  parsed,
  readBeginning,
  readWhole,
  type TextSource,
  tooLong,
} from './read-body.ts';

/** More than any endpoint needs that moved within its own house. */
const MOST_REDIRECTS = 3;

/**
 * Sends, and gives the response as soon as its headers are there. A redirect is followed within its origin alone, where
 * it asks for the same request: elsewhere, prompt and keys would go to whoever the upstream names.
 *
 * @throws UpstreamError when it cannot be reached or refuses; no key is in its words or its causes.
 */
async function postJson(
  endpoint: Endpoint,
  body: unknown,
  headers: ModelRequest['headers'],
  signal: AbortSignal,
): Promise<Response> {
  const init: RequestInit = {
    method: 'POST',
    headers: { ...endpoint.headers(), ...headers },
    body: JSON.stringify(body),
    redirect: 'manual',
    signal,
  };
  let url = endpoint.url;
  for (let redirects = 0; ; redirects++) {
    const response = await send(endpoint, url, init, signal);
    if (hasLeft(response, url)) {
      response.body?.cancel().catch(() => {});
      throw new UpstreamError(
        `${endpoint.shownUrl} was redirected to another origin, and \`fetch\` followed: what came is not read. Give a ` +
          '`fetch` that keeps to `redirect`, and the new address as `baseUrl`.',
        { retryable: false },
      );
    }
    if (response.ok) return response;
    if (!isRedirect(response)) throw await refusal(response, endpoint, signal);
    // What else it says is of no interest, and may be without end.
    response.body?.cancel().catch(() => {});
    url = redirectedUrl(response, endpoint, url, redirects);
  }
}

async function send(
  endpoint: Endpoint,
  url: string,
  init: RequestInit,
  signal: AbortSignal,
): Promise<Response> {
  try {
    return await endpoint.fetch(url, init);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw new UpstreamError(`${endpoint.shownUrl} could not be reached. Check the address and the network.`, {
      cause: endpoint.cleaned(error),
    });
  }
}

/** A `fetch` of the caller's may follow redirects whatever it is told. */
function hasLeft({ redirected, url }: Response, asked: string): boolean {
  return redirected && URL.canParse(url) && new URL(url).origin !== new URL(asked).origin;
}

/** Browsers hide where an `opaqueredirect` leads, and give it the status 0. */
function isRedirect({ status, type }: Response): boolean {
  return type === 'opaqueredirect' || [301, 302, 303, 307, 308].includes(status);
}

/** @throws UpstreamError when it is not to be followed. */
function redirectedUrl(response: Response, endpoint: Endpoint, from: string, redirects: number): string {
  const { status } = response;
  const location = response.headers.get('location') ?? '';
  const isAddress = location !== '' && URL.canParse(location, from);
  const target = isAddress ? new URL(location, from) : undefined;
  const refused = (why: string) =>
    new UpstreamError(`${endpoint.shownUrl} answered ${status}, a redirect${why}`, {
      ...(status === 0 ? {} : { status }),
      retryable: false,
    });
  if (target === undefined) throw refused(' to no address. Check the address.');
  if (target.origin !== new URL(from).origin) {
    throw refused(
      ` to another origin, ${endpoint.quote(target.origin)}: it is not followed, since prompt and keys would go ` +
        'along. Give the new address as `baseUrl`.',
    );
  }
  if (status !== 307 && status !== 308) {
    throw refused(
      `, after which a POST becomes a GET. Give the new address as \`baseUrl\`: ${endpoint.quote(target.pathname)}.`,
    );
  }
  if (redirects >= MOST_REDIRECTS) throw refused(', as before. Check the address.');
  return target.href;
}

/** Characters of a refusal that are read: what is said stands at its beginning. */
const REFUSAL_CHARACTERS = 32_768;

/** Milliseconds that are waited for them: that it is a refusal is known. */
const REFUSAL_MS = 1000;

async function refusal(response: Response, endpoint: Endpoint, signal: AbortSignal): Promise<UpstreamError> {
  const { status, headers } = response;
  const body = await readBeginning(response, endpoint, REFUSAL_CHARACTERS, REFUSAL_MS);
  if (signal.aborted) throw signal.reason;
  const json = parsed(body);
  const said = readSaidError(json === undefined ? body : json);
  const words = endpoint.quote(body);
  const advice = status === 401 || status === 403 ? ` Check the key in ${endpoint.keyName}.` : '';
  const { retryAfterMs, shouldRetry } = readRetryAdvice((name) => headers.get(name), endpoint.now());
  const retryable = shouldRetry ?? isPassing({ ...said, status });
  return new UpstreamError(
    `${endpoint.shownUrl} answered ${status}${words === '' ? '.' : `: ${words}`}${advice}`,
    {
      status,
      ...(said.message === '' ? {} : { said: endpoint.quote(said.message) }),
      ...(retryable === null ? {} : { retryable }),
      ...(retryAfterMs === null ? {} : { retryAfterMs }),
    },
  );
}

/**
 * Any endpoint that speaks OpenAI's `POST /v1/chat/completions`, whole or streamed. An answer that does not say that it
 * is finished is an error, and never a short answer.
 *
 * @example
 * const large = createOpenAiClient({ model: 'gpt-5', apiKey: () => process.env.OPENAI_API_KEY });
 */
export function createOpenAiClient(options: OpenAiClientOptions): Client<ModelRequest> {
  const endpoint = createEndpoint(options);
  const { wire } = options;
  return async (request, context) => {
    const response = await postJson(
      endpoint,
      wire?.body(request, context.stream) ?? completionBody(request, context, options, endpoint),
      request.headers,
      context.signal,
    );
    const { kind, text } = await openBody(response, endpoint);
    // Whether it streams is for the endpoint to say: some always do, others never.
    if (kind === 'events') {
      const chunks =
        wire === undefined
          ? readCompletionStream(text, endpoint)
          : readWireStream(text, endpoint, wire.openStream(), wire.errorIn);
      return priced(chunks, options);
    }
    const whole = await readWhole(text, endpoint);
    const read =
      wire === undefined ? readCompletion(whole.body, endpoint) : readWireAnswer(whole.body, endpoint, wire);
    const answer = withCost(read, options);
    return endpoint.rawText ? { ...answer, raw: whole.text } : answer;
  };
}

function withCost<Said extends { readonly usage?: Usage | null }>(said: Said, prices: TokenPrices): Said {
  const costUsd = said.usage == null ? null : usageCost(said.usage, prices);
  return costUsd === null ? said : { ...said, costUsd, costSource: 'computed' };
}

async function* priced(chunks: AsyncIterable<AnswerChunk>, prices: TokenPrices): AsyncGenerator<AnswerChunk> {
  for await (const chunk of chunks) {
    yield chunk.finish === undefined ? chunk : { ...chunk, finish: withCost(chunk.finish, prices) };
  }
}

/** A request with what is for the model alone. */
export interface ModelRequest extends Request {
  /** Fields of the body in the endpoint's own words, such as `temperature` and `max_completion_tokens`. @default {} */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** Sent along with this request, such as `traceparent`. @default {} */
  readonly headers?: Readonly<Record<string, string>>;
}

/** The body of a chat completion. What was asked for one request counts more than what was set for all. */
function completionBody(
  request: ModelRequest,
  context: ClientContext,
  options: OpenAiClientOptions,
  { url }: Endpoint,
): Record<string, unknown> {
  const messages = request.messages ?? [{ role: 'user', content: request.text ?? '' }];
  // Refused where nothing is streamed, and whether something is, is not for the request to say.
  const { stream_options: streamOptions, ...parameters } = request.parameters ?? {};
  const body: Record<string, unknown> = { ...options.parameters };
  if (context.sample > 0) Object.assign(body, options.sampleParameters);
  Object.assign(body, parameters);
  body.model = options.model;
  body.messages =
    options.keepSignedReasoning === true || !Array.isArray(messages)
      ? messages
      : portableMessages(messages, url);
  if (request.tools !== undefined && request.tools.length > 0) body.tools = request.tools;
  if (request.responseFormat !== undefined) body.response_format = request.responseFormat;
  if (context.logprobs) body.logprobs = true;
  body.stream = context.stream;
  if (context.stream && options.streamUsage !== false)
    body.stream_options = { ...(isObject(streamOptions) ? streamOptions : {}), include_usage: true };
  return body;
}

type Fields = Readonly<Record<string, unknown>>;

/** Where what a provider signed, encrypted or keeps stands in a message, and whose endpoint wants it back. */
const SIGNED: Readonly<Record<string, RegExp | null>> = {
  // OpenRouter.
  reasoning_details: /(^|\.)openrouter\.ai$/,
  // Gemini's compatible endpoints, which refuse their own calls without it.
  extra_content: /(^|\.)googleapis\.com$/,
  thought_signature: /(^|\.)googleapis\.com$/,
  // LiteLLM, of whichever provider it asked.
  thinking_blocks: null,
  provider_specific_fields: null,
  // GitHub Copilot.
  reasoning_opaque: null,
  encrypted_content: null,
  signature: null,
};

/** Thoughts in plain words; they go with what was signed of them. */
const THOUGHTS = new Set(['reasoning_content', 'reasoning', 'reasoning_text', 'thinking']);

/**
 * Messages as an endpoint may read them that may not be the one which answered before. What another provider signed is
 * left out: it would be refused. Plain `reasoning_content`, which some endpoints want back, stays.
 *
 * @param url of the endpoint.
 */
function portableMessages(messages: readonly Message[], url: string): readonly Message[] {
  if (!messages.some((message) => message?.role === 'assistant')) return messages;
  const host = new URL(url).hostname;
  return messages.flatMap((message) => {
    if (message?.role !== 'assistant') return [message];
    const kept = withoutSigned(message as unknown as Fields, host);
    const { content, tool_calls: calls } = kept;
    const parts = Array.isArray(content) ? content.filter((part) => !isSignedThought(part, host)) : content;
    const isEmpty = Array.isArray(parts) && parts.length === 0 && !Array.isArray(calls);
    // A turn of signed thoughts alone would be an empty message, which endpoints refuse.
    if (isEmpty && (content as readonly unknown[]).length > 0) return [];
    const portable = {
      ...kept,
      ...(content === undefined ? {} : { content: parts }),
      ...(Array.isArray(calls) ? { tool_calls: calls.map((call) => portableCall(call, host)) } : {}),
    };
    return [portable as unknown as Message];
  });
}

function withoutSigned(fields: Fields, host: string): Fields {
  const isForeign = (name: string) => Object.hasOwn(SIGNED, name) && SIGNED[name]?.test(host) !== true;
  const hasForeign = Object.keys(fields).some(isForeign);
  if (!hasForeign) return fields;
  return Object.fromEntries(
    Object.entries(fields).filter(([name]) => !isForeign(name) && !THOUGHTS.has(name)),
  );
}

function isSignedThought(part: unknown, host: string): boolean {
  if (typeof part !== 'object' || part === null) return false;
  const { type } = part as Fields;
  if (type === 'redacted_thinking') return true;
  return /^(thinking|reasoning)/.test(String(type)) && withoutSigned(part as Fields, host) !== part;
}

function portableCall(call: unknown, host: string): unknown {
  if (typeof call !== 'object' || call === null) return call;
  const kept = withoutSigned(call as Fields, host);
  const asked = kept.function;
  if (typeof asked !== 'object' || asked === null) return kept;
  return { ...kept, function: withoutSigned(asked as Fields, host) };
}

/**
 * A whole answer of another API than chat completions.
 *
 * @throws MalformedAnswerError when it is none, or does not say that it is finished.
 * @throws UpstreamError for an error in the place of it.
 */
function readWireAnswer(body: unknown, endpoint: Endpoint, wire: Wire): ClientAnswer {
  const answer = bodyOf(body, endpoint);
  const error = wire.errorIn(answer);
  if (error !== undefined) throw saidError(error, endpoint);
  const { model, ...read } = wire.readWhole(answer);
  return { ...read, ...readModel({ model }, endpoint), raw: body };
}

/**
 * The same in events. The last chunk has `finish` when an event has said that the answer is whole; what goes wrong behind
 * that takes nothing from it, and a connection that stays open then is waited for no longer than `finishGraceMs`.
 *
 * @throws MalformedAnswerError when an event is no JSON object.
 * @throws UpstreamError when the endpoint sends an error, or the connection is lost.
 */
async function* readWireStream(
  text: TextSource,
  endpoint: Endpoint,
  stream: WireStream,
  errorIn: Wire['errorIn'],
): AsyncGenerator<AnswerChunk> {
  const events = openEvents(text, endpoint);
  try {
    yield* readEvents(events, endpoint, stream, errorIn);
  } catch (error) {
    if (stream.finish() === undefined) throw error;
  } finally {
    events.cancel();
  }
  const finish = stream.finish();
  if (finish === undefined) return;
  const { model, ...rest } = finish;
  yield { finish: { ...rest, ...readModel({ model }, endpoint) } };
}

async function* readEvents(
  events: EventReader,
  endpoint: Endpoint,
  stream: WireStream,
  errorIn: Wire['errorIn'],
): AsyncGenerator<AnswerChunk> {
  let hasContent = false;
  let silent = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    for (let event = await events.next(); event !== null; event = await events.next()) {
      const { data, name, source, unended } = event;
      const body = parsed(data);
      // Cut by the end of the stream, of which the caller learns by the finish that is missing.
      if (body === undefined && unended) return;
      if (name === 'error') throw saidError(body ?? data, endpoint);
      if (data.trim() === DONE) return;
      const said = bodyOf(body, endpoint);
      const error = errorIn(said);
      if (error !== undefined) throw saidError(error, endpoint);
      const chunks = stream.read(said).filter(saysSomething);
      hasContent ||= chunks.length > 0;
      // With the first piece that is read of it; as a piece of its own where there is none.
      for (const [i, chunk] of (chunks.length === 0 && source !== '' ? [{}] : chunks).entries())
        yield i === 0 && source !== '' ? { ...chunk, raw: source } : chunk;
      if (stream.isOver) return;
      if (stream.finish() !== undefined) timer ??= setTimeout(events.cancel, endpoint.finishGraceMs);
      // Until something is said, whoever passes them on holds them back.
      if (!hasContent) silent += source.length;
      if (silent > endpoint.maxResponseBytes) throw tooLong(endpoint);
    }
  } finally {
    clearTimeout(timer);
  }
}

function saysSomething({ reasoning = '', text = '', toolCall }: AnswerChunk): boolean {
  return text !== '' || reasoning !== '' || toolCall !== undefined;
}

function bodyOf(body: unknown, { shownUrl }: Endpoint): Record<string, unknown> {
  if (isObject(body)) return body;
  throw new MalformedAnswerError(
    `${shownUrl} gave something else than a JSON object in the place of an answer. Check which protocol it speaks.`,
  );
}
