/** What the gateway says of a request that it did not carry out. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status; 0 where the gateway could not be reached. */
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const TOKEN = 'pointsman-admin-token';

/** Kept for as long as this tab is open, and sent as a header alone. */
export function adminToken(): string | null {
  return sessionStorage.getItem(TOKEN);
}

export function setAdminToken(token: string | null): void {
  if (token === null) sessionStorage.removeItem(TOKEN);
  else sessionStorage.setItem(TOKEN, token);
}

export interface Asking {
  readonly method?: string;
  readonly body?: unknown;
  /** Of a route below `/v1`, whose key it is that pays. */
  readonly key?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/**
 * One request to the gateway that this page came from. Below `/admin` it carries the admin token, elsewhere the key.
 *
 * @throws ApiError for whatever is no success.
 */
export async function ask(
  path: string,
  { body, headers, key, method, signal }: Asking = {},
): Promise<Response> {
  const secret = path.startsWith('/admin') ? adminToken() : (key ?? null);
  let response: Response;
  try {
    response = await fetch(path, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(secret === null || secret === '' ? {} : { authorization: `Bearer ${secret}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
      cache: 'no-store',
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, 'UNREACHABLE', 'The gateway does not answer. Is it still running?');
  }
  if (response.ok) return response;
  throw await errorOf(response);
}

export async function askJson<T>(path: string, asking: Asking = {}): Promise<T> {
  const response = await ask(path, asking);
  return response.status === 204 ? (undefined as T) : response.json();
}

async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text);
    return new ApiError(response.status, String(error.code), String(error.message));
  } catch {
    return new ApiError(response.status, 'UNEXPECTED', `The gateway answered ${response.status}.`);
  }
}

/** The `data` of each event of a stream, as they come: with `EventSource` no header could be sent. */
export async function* eventsOf(response: Response): AsyncGenerator<string> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const events = (text + decoder.decode(value, { stream: true })).split(/\r?\n\r?\n/);
      text = events.pop() as string;
      for (const event of events) {
        const data = event
          .split(/\r?\n/)
          .flatMap((line) => (line.startsWith('data:') ? [line.slice(5).trimStart()] : []));
        if (data.length > 0) yield data.join('\n');
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
