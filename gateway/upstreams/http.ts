import { Agent, type Dispatcher, fetch, type RequestInit as UndiciInit } from 'undici';

/** What upstreams are reached by: one set of kept connections for all of them. */
export interface Http {
  /** As the global `fetch`, of which the clients use this much; it takes a fraction of the time. */
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  /** The same as a whole `fetch`, for those that need more of it. A redirect is an error: keys would go along. */
  readonly webFetch: typeof globalThis.fetch;
  /** Lets go of connections; those under way are cut. */
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;

/** Addresses that are remembered: those of upstreams, and where redirects lead. */
const MOST_TARGETS = 1_000;

/** Bytes of a body that wait for their reader before the upstream is slowed down. */
const MOST_WAITING = 65_536;

export function createHttp(): Http {
  // How long an upstream may take is the execution's to say.
  const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0, connect: { timeout: CONNECT_TIMEOUT_MS } });
  const targets = new Map<string, { readonly origin: string; readonly path: string }>();
  const targetOf = (url: string) => {
    const known = targets.get(url);
    if (known !== undefined) return known;
    const { origin, pathname, search } = new URL(url);
    const target = { origin, path: pathname + search };
    if (targets.size < MOST_TARGETS) targets.set(url, target);
    return target;
  };
  return {
    fetch: (url, { method = 'GET', headers, body, signal }) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted === true) return reject(signal.reason);
        agent.dispatch(
          {
            ...targetOf(url),
            method: method as 'GET',
            headers: headers as Record<string, string>,
            body: body as string,
          },
          new Exchange(url, signal ?? undefined, resolve, reject),
        );
      }),
    webFetch: ((url: string, init: UndiciInit) =>
      fetch(url, { ...init, dispatcher: agent, redirect: 'error' })) as unknown as typeof globalThis.fetch,
    close: () => agent.destroy(),
  };
}

type Piece = { readonly done: boolean; readonly value: Uint8Array | undefined };

/** One request and its answer, piece by piece at the reader's pace: what of `undici.request` is needed, without a stream of Node. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #url: string;
  readonly #signal: AbortSignal | undefined;
  readonly #answer: (response: Response) => void;
  readonly #refuse: (error: unknown) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #pieces: Uint8Array[] = [];
  #waitingBytes = 0;
  #reading: { resolve: (piece: Piece) => void; reject: (error: unknown) => void } | undefined;
  #isOver = false;
  /** What broke it, or ended it before its time. */
  #failure: { readonly error: unknown } | undefined;

  constructor(
    url: string,
    signal: AbortSignal | undefined,
    answer: (response: Response) => void,
    refuse: (error: unknown) => void,
  ) {
    this.#url = url;
    this.#signal = signal;
    this.#answer = answer;
    this.#refuse = refuse;
    signal?.addEventListener('abort', this.#aborted);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#failure !== undefined) controller.abort(asError(this.#failure.error));
  }

  onResponseStart(
    _: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    // Those before 200 announce another.
    if (status >= 200) this.#answer(this.#response(status, headers));
  }

  onResponseData(controller: Dispatcher.DispatchController, piece: Uint8Array): void {
    const reading = this.#reading;
    if (reading !== undefined) {
      this.#reading = undefined;
      reading.resolve({ done: false, value: piece });
      return;
    }
    this.#pieces.push(piece);
    this.#waitingBytes += piece.byteLength;
    if (this.#waitingBytes >= MOST_WAITING) controller.pause();
  }

  onResponseEnd(): void {
    this.#isOver = true;
    this.#letGo();
    this.#reading?.resolve(END);
    this.#reading = undefined;
  }

  onResponseError(_: unknown, error: Error): void {
    this.#fail(error);
  }

  readonly #aborted = () => this.#stop(this.#signal?.reason);

  /** Nothing more is wanted of it. */
  #stop(reason: unknown): void {
    if (this.#isOver) return;
    this.#fail(reason);
    this.#controller?.abort(asError(reason));
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#pieces = [];
    this.#isOver = true;
    this.#letGo();
    this.#refuse(error);
    this.#reading?.reject(error);
    this.#reading = undefined;
  }

  #letGo(): void {
    this.#signal?.removeEventListener('abort', this.#aborted);
  }

  #read(): Promise<Piece> {
    const value = this.#pieces.shift();
    if (value !== undefined) {
      this.#waitingBytes -= value.byteLength;
      if (this.#controller?.paused === true && this.#waitingBytes < MOST_WAITING) this.#controller.resume();
      return Promise.resolve({ done: false, value });
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure.error);
    if (this.#isOver) return Promise.resolve(END);
    return new Promise((resolve, reject) => {
      this.#reading = { resolve, reject };
    });
  }

  /** The parts of a `Response` that are read: its status, headers, and its body. */
  #response(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): Response {
    const cancel = async () => {
      // Of one that was read to its end too, by then for nothing.
      if (!this.#isOver) this.#stop(new Error('Nobody reads the answer any more.'));
    };
    return {
      ok: status >= 200 && status < 300,
      status,
      type: 'default',
      url: this.#url,
      redirected: false,
      headers: {
        get(name: string) {
          const value = headers[name.toLowerCase()];
          return value === undefined ? null : Array.isArray(value) ? value.join(', ') : value;
        },
      },
      body: { cancel, getReader: () => ({ read: () => this.#read(), cancel }) },
    } as unknown as Response;
  }
}

const END: Piece = { done: true, value: undefined };

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('The request was aborted.', { cause: reason });
}
