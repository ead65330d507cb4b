import * as v from 'valibot';
import { EmbeddingError, InvalidInputError, readRetryAfter } from '../errors.ts';
import { object } from '../validate.ts';
import {
  checkedOptions,
  type Embedder,
  type EmbedderToOpen,
  type Environment,
  embedNonEmpty,
} from './embedder.ts';

/** Which model an endpoint embeds with, and how it is asked. */
export interface OpenAiEmbedderOptions {
  /** The endpoint's name for the model, such as `text-embedding-3-small`. */
  model: string;
  /** Length of the model's vectors. An answer of another length is refused. */
  dimensions: number;
  /** Gives the key when a request is sent; it is kept nowhere. Leave out for an endpoint that asks for none. */
  apiKey?: () => string | undefined;
  /** Where the key is said to come from when it is missing or refused. @default 'OPENAI_API_KEY' */
  apiKeyName?: string;
  /** All before `/embeddings`, without name and password. Redirects are not followed. @default 'https://api.openai.com/v1' */
  baseUrl?: string;
  /** Asks the endpoint to shorten its vectors to `dimensions`, which not every model can. @default false */
  shorten?: boolean;
  /** Texts a request. @default 128 */
  batchSize?: number;
  /** Further attempts after a 408, 429, 5xx or a lost connection. @default 4 */
  retries?: number;
  /** Time for one attempt, in milliseconds. @default 60000 */
  timeoutMs?: number;
  /** @default the global fetch */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Waits between attempts. @default a timer */
  sleep?: (ms: number) => Promise<void>;
  /** The time in milliseconds, for a `Retry-After` that is a date. @default Date.now */
  now?: () => number;
}

/**
 * Any endpoint that speaks OpenAI's `POST /v1/embeddings`.
 *
 * @throws InvalidInputError when `baseUrl` holds a name and password.
 * @example
 * createOpenAiEmbedder({ model: 'text-embedding-3-small', dimensions: 1536, apiKey: () => process.env.OPENAI_API_KEY });
 */
export function createOpenAiEmbedder(options: OpenAiEmbedderOptions): Embedder {
  const baseUrl = (options.baseUrl ?? OPENAI_URL).replace(/\/+$/, '');
  const { model, dimensions } = options;
  // It would stand in the router's manifest, and fetch refuses it.
  if (/\/\/[^/]*@/.test(baseUrl)) {
    throw new InvalidInputError(
      '`baseUrl` of OpenAI embedder must be without name and password. Use `apiKey`.',
    );
  }
  return {
    id: `openai:${baseUrl}:${model}:${dimensions}`,
    dimensions,
    embed: (texts) =>
      embedNonEmpty(texts, dimensions, options.batchSize ?? 128, (batch) =>
        request(`${baseUrl}/embeddings`, batch, options),
      ),
  };
}

const OPENAI_URL = 'https://api.openai.com/v1';

const optionsSchema = object({
  model: v.string(),
  baseUrl: v.exactOptional(v.string()),
  shorten: v.exactOptional(v.boolean()),
});

/**
 * As the manifest of a router says, with the key in `OPENAI_API_KEY`. Prompts and key go to another address than OpenAI's only
 * when `OPENAI_BASE_URL` says so too: an artifact alone must not decide where they are sent.
 *
 * @throws InvalidInputError when the manifest names another address.
 */
export async function openOpenAiEmbedder(embedder: EmbedderToOpen, env: Environment): Promise<Embedder> {
  const { model, shorten = false, ...options } = checkedOptions(optionsSchema, embedder);
  const { id, dimensions } = embedder;
  const baseUrl = (options.baseUrl ?? OPENAI_URL).replace(/\/+$/, '');
  if (baseUrl !== OPENAI_URL && baseUrl !== env.OPENAI_BASE_URL?.replace(/\/+$/, '')) {
    throw new InvalidInputError(
      `The router was trained with the embedder "${id}", whose address is ${baseUrl}. Set OPENAI_BASE_URL to that ` +
        'address if prompts may be sent there, or pass { embedder: createOpenAiEmbedder({ ... }) }.',
    );
  }
  // Endpoints of one's own often ask for none.
  const needsKey = baseUrl === OPENAI_URL || env.OPENAI_API_KEY !== undefined;
  const key = needsKey ? { apiKey: () => env.OPENAI_API_KEY } : {};
  return createOpenAiEmbedder({ model, dimensions, baseUrl, shorten, ...key });
}

async function request(
  url: string,
  texts: readonly string[],
  options: OpenAiEmbedderOptions,
): Promise<Float32Array[]> {
  const sleep = options.sleep ?? ((ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)));
  const send = options.fetch ?? fetch;
  const retries = options.retries ?? 4;
  for (let attempt = 0; ; attempt++) {
    let retryAfter: string | null = null;
    try {
      const response = await send(url, init(texts, options));
      if (response.ok) {
        const most = texts.length * options.dimensions * NUMBER_BYTES + FRAME_BYTES;
        const text = await readText(response, most);
        if (text !== null) return readVectors(JSON.parse(text), texts.length, url, options);
        throw new EmbeddingError(
          `${url} gave more than ${most} bytes. Check the address and \`dimensions\`.`,
        );
      }
      if (attempt >= retries || !isPassing(response.status)) throw await refusal(response, url, options);
      retryAfter = response.headers.get('retry-after');
    } catch (error) {
      if (error instanceof EmbeddingError) throw error;
      if (attempt >= retries) {
        throw new EmbeddingError(
          `${url} gave no answer that could be read, ${attempt + 1} times. Check the address and the network.`,
          { cause: error },
        );
      }
    }
    await sleep(retryDelayMs(retryAfter, attempt, (options.now ?? Date.now)()));
  }
}

function init(texts: readonly string[], options: OpenAiEmbedderOptions): RequestInit {
  const key = options.apiKey?.();
  if (options.apiKey !== undefined && (key === undefined || key === '')) {
    throw new EmbeddingError(`The \`openai\` embedder needs a key. Set ${keyName(options)}.`);
  }
  return {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    },
    body: JSON.stringify({
      model: options.model,
      input: texts,
      encoding_format: 'float',
      ...(options.shorten === true ? { dimensions: options.dimensions } : {}),
    }),
    // Prompts and keys go to this address alone.
    redirect: 'manual',
    signal: AbortSignal.timeout(options.timeoutMs ?? 60_000),
  };
}

/** Bytes of an answer beside its numbers, and of a number. */
const FRAME_BYTES = 2 ** 20;
const NUMBER_BYTES = 32;
const REFUSAL_BYTES = 2 ** 16;

/** @returns null, and lets go of it, where it is longer than `most` bytes, decompressed. */
async function readText({ body }: Response, most: number): Promise<string | null> {
  const reader = body?.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (let left = most; ; ) {
    const { done = true, value } = (await reader?.read()) ?? {};
    if (done) return text;
    left -= value?.length ?? 0;
    text += decoder.decode(value, { stream: true });
    if (left >= 0) continue;
    reader?.cancel().catch(() => {});
    return null;
  }
}

function isPassing(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

async function refusal(
  response: Response,
  url: string,
  options: OpenAiEmbedderOptions,
): Promise<EmbeddingError> {
  const key = options.apiKey?.();
  const body = (await readText(response, REFUSAL_BYTES).catch(() => null))?.slice(0, 300) ?? 'no words';
  const said = key === undefined || key === '' ? body : body.replaceAll(key, '***');
  const advice =
    response.status === 401 || response.status === 403
      ? `Check the key in ${keyName(options)}.`
      : response.status < 400
        ? 'Redirects are not followed: give the new address as `baseUrl`.'
        : 'Check the model name and the endpoint.';
  return new EmbeddingError(`${url} answered ${response.status}${said === '' ? '.' : `: ${said}`} ${advice}`);
}

function keyName(options: OpenAiEmbedderOptions): string {
  return options.apiKeyName ?? 'OPENAI_API_KEY';
}

interface EmbeddingList {
  readonly data?: readonly { readonly index?: number; readonly embedding?: readonly number[] }[];
}

/** The order of the list is not promised: its `index` says which text a vector belongs to. */
function readVectors(
  body: unknown,
  count: number,
  url: string,
  { dimensions, model }: OpenAiEmbedderOptions,
): Float32Array[] {
  const list = (body as EmbeddingList | null)?.data;
  const vectors: Float32Array[] = [];
  if (Array.isArray(list)) {
    list.forEach((item: NonNullable<EmbeddingList['data']>[number] | null, i) => {
      if (Array.isArray(item?.embedding)) vectors[item.index ?? i] = Float32Array.from(item.embedding);
    });
  }
  for (let i = 0; i < count; i++) {
    const vector = vectors[i];
    if (vector === undefined)
      throw new EmbeddingError(`${url} gave no vector for text ${i + 1} of ${count}.`);
    if (vector.length !== dimensions || !vector.every(Number.isFinite)) {
      throw new EmbeddingError(
        `\`dimensions\` of the model ${model} at ${url} must be ${dimensions} finite numbers. Got ${vector.length}. ` +
          'Set `dimensions` to the length of its vectors.',
      );
    }
  }
  return vectors;
}

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 60_000;

/**
 * How long to wait before the next attempt: what `Retry-After` asks for where it says so, else
 * half a second, doubled each time; a minute at most.
 *
 * @param attempt 0 after the first failure.
 * @param nowMs the current time, against which a date is read.
 */
export function retryDelayMs(retryAfter: string | null, attempt: number, nowMs: number): number {
  const delay = readRetryAfter(retryAfter, nowMs) ?? FIRST_DELAY_MS * 2 ** attempt;
  return Math.min(delay, LONGEST_DELAY_MS);
}
