import { UpstreamError } from '../errors/upstream-error.ts';
import { readRetryAfter } from '../execution/index.ts';

/** Where to send, and as whom. */
export interface Endpoint {
  readonly url: string;
  readonly apiKey: (() => string | undefined) | undefined;
  readonly apiKeyName: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly now: () => number;
}

/**
 * Sends, and gives the response as soon as its headers are there.
 *
 * @throws UpstreamError when it cannot be reached or refuses; the key is in none of its words.
 */
export async function postJson(endpoint: Endpoint, body: unknown, signal: AbortSignal): Promise<Response> {
  const key = readKey(endpoint);
  let response: Response;
  try {
    response = await endpoint.fetch(endpoint.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...endpoint.headers,
      },
      body: JSON.stringify(body),
      signal,
    });
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw new UpstreamError(`${endpoint.url} could not be reached. Check the address and the network.`, {
      cause,
    });
  }
  if (response.ok) return response;
  throw await refusal(response, endpoint, key);
}

function readKey({ apiKey, apiKeyName }: Endpoint): string | undefined {
  const key = apiKey?.();
  if (apiKey === undefined || (key !== undefined && key !== '')) return key;
  throw new UpstreamError(`The client needs a key. Set ${apiKeyName}.`, { retryable: false });
}

const LONGEST_QUOTE = 300;

async function refusal(
  response: Response,
  endpoint: Endpoint,
  key: string | undefined,
): Promise<UpstreamError> {
  const { status } = response;
  // A refusal whose words do not come through is a refusal all the same.
  const body = await response.text().catch(() => '');
  const said = (key === undefined ? body : body.replaceAll(key, '***')).slice(0, LONGEST_QUOTE).trim();
  const advice = status === 401 || status === 403 ? ` Check the key in ${endpoint.apiKeyName}.` : '';
  const retryAfterMs = readRetryAfter(response.headers.get('retry-after'), endpoint.now());
  return new UpstreamError(`${endpoint.url} answered ${status}${said === '' ? '.' : `: ${said}`}${advice}`, {
    status,
    ...(retryAfterMs === null ? {} : { retryAfterMs }),
  });
}
