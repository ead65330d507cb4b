import { Agent, fetch, request, type RequestInit as UndiciInit } from 'undici';

/** What upstreams are reached by: one set of kept connections for all of them. */
export interface Http {
  /** As the global `fetch`, of which the clients use this much; it takes a third of the time. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** The same as a whole `fetch`, for those that need more of it. A redirect is an error: keys would go along. */
  readonly webFetch: typeof globalThis.fetch;
  /** Lets go of connections; those under way are cut. */
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;

export function createHttp(): Http {
  // How long an upstream may take is the execution's to say.
  const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0, connect: { timeout: CONNECT_TIMEOUT_MS } });
  return {
    async fetch(url, { method = 'GET', headers, body, signal }) {
      const response = await request(url, {
        dispatcher: agent,
        method: method as 'GET',
        headers: headers as Record<string, string>,
        body: body as string,
        ...(signal == null ? {} : { signal }),
      });
      return asResponse(url, response);
    },
    webFetch: ((url: string, init: UndiciInit) =>
      fetch(url, { ...init, dispatcher: agent, redirect: 'error' })) as unknown as typeof globalThis.fetch,
    close: () => agent.destroy(),
  };
}

/** The parts of a `Response` that are read: its status, headers, and its body piece by piece, at the reader's pace. */
function asResponse(
  url: string,
  { statusCode, headers, body }: Awaited<ReturnType<typeof request>>,
): Response {
  // Whoever reads gets the error; when nobody reads any more, it is of no interest.
  body.on('error', () => {});
  const cancel = async () => void body.destroy();
  return {
    ok: statusCode >= 200 && statusCode < 300,
    status: statusCode,
    type: 'default',
    url,
    redirected: false,
    headers: {
      get(name: string) {
        const value = headers[name.toLowerCase()];
        return value === undefined ? null : Array.isArray(value) ? value.join(', ') : value;
      },
    },
    body: {
      cancel,
      getReader() {
        const pieces = body[Symbol.asyncIterator]();
        return { read: async () => pieces.next(), cancel };
      },
    },
  } as unknown as Response;
}
