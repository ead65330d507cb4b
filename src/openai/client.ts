import { parseJson } from '../clients/parse-json.ts';
import { UpstreamError } from '../errors/upstream-error.ts';
import { readRetryAdvice } from '../execution/read-retry-after.ts';
import { isPassing, readSaidError } from '../execution/said-error.ts';
import type { Endpoint } from './endpoint.ts';
import { readBeginning } from './read-body.ts';

/** More than any endpoint needs that moved within its own house. */
const MOST_REDIRECTS = 3;

/**
 * Sends, and gives the response as soon as its headers are there. A redirect is followed within its origin alone, where
 * it asks for the same request: elsewhere, prompt and keys would go to whoever the upstream names.
 *
 * @throws UpstreamError when it cannot be reached or refuses; no key is in its words or its causes.
 */
export async function postJson(endpoint: Endpoint, body: unknown, signal: AbortSignal): Promise<Response> {
  const init: RequestInit = {
    method: 'POST',
    headers: endpoint.headers(),
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
  const said = readSaidError(parsedOrText(body));
  const words = endpoint.quote(body);
  const advice = status === 401 || status === 403 ? ` Check the key in ${endpoint.keyName}.` : '';
  const { retryAfterMs, shouldRetry } = readRetryAdvice((name) => headers.get(name), endpoint.now());
  const retryable = shouldRetry ?? isPassing({ ...said, status });
  return new UpstreamError(
    `${endpoint.shownUrl} answered ${status}${words === '' ? '.' : `: ${words}`}${advice}`,
    {
      status,
      ...(retryable === null ? {} : { retryable }),
      ...(retryAfterMs === null ? {} : { retryAfterMs }),
    },
  );
}

function parsedOrText(body: string): unknown {
  try {
    return parseJson(body);
  } catch {
    return body;
  }
}
