import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** What came of a request, in milliseconds from when it was sent. */
interface Timed {
  readonly firstByteMs: number;
  readonly wholeMs: number;
}

/** One kept connection, which sends one request at a time. */
interface Connection {
  /** @throws Error when the answer is no success, or the connection breaks. */
  send(request: Buffer): Promise<Timed>;
  readonly isOpen: boolean;
}

const HEAD_END = '\r\n\r\n';
/** Without a byte. */
const LONGEST_MS = 20_000;
const LAST_CHUNK = '0\r\n\r\n';

/**
 * Sends bytes and finds the end of an answer, and no more: an HTTP client would take as long as the proxies that are measured,
 * of the same cores.
 */
async function openConnection(url: string): Promise<Connection> {
  const { hostname, port } = new URL(url);
  const socket: Socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  let reading: ((piece: Buffer) => void) | undefined;
  let fail: (error: Error) => void = () => {};
  socket.on('data', (piece) => reading?.(piece));
  socket.on('error', (error) => fail(error));
  socket.on('close', () => fail(new Error(`${url} closed the connection.`)));
  socket.setTimeout(LONGEST_MS, () => socket.destroy());
  return {
    get isOpen() {
      return !socket.closed && !socket.readableEnded;
    },
    send: (request) =>
      new Promise((resolve, reject) => {
        const started = performance.now();
        let text = '';
        let bodyAt = 0;
        let end = (): boolean => false;
        let firstByteMs = Number.NaN;
        fail = reject;
        reading = (piece) => {
          text += piece.toString('latin1');
          if (bodyAt === 0) {
            const at = text.indexOf(HEAD_END);
            if (at === -1) return;
            bodyAt = at + HEAD_END.length;
            if (!text.startsWith('HTTP/1.1 200'))
              return reject(new Error(`it answered ${text.slice(9, text.indexOf('\r\n'))}`));
            const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, bodyAt))?.[1];
            end =
              length === undefined
                ? () => text.endsWith(LAST_CHUNK)
                : () => text.length >= bodyAt + Number(length);
          }
          if (text.length > bodyAt && Number.isNaN(firstByteMs)) firstByteMs = performance.now() - started;
          if (!end()) return;
          reading = undefined;
          resolve({ firstByteMs, wholeMs: performance.now() - started });
        };
        socket.write(request);
      }),
  };
}

/** A program between the client and the upstream. */
export interface Peer {
  readonly name: string;
  readonly child: ChildProcess;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly model: string;
  /** Where it takes more than a message to end it. */
  stop?(): Promise<void>;
}

interface Used {
  readonly cpuMs: number;
  readonly rssBytes: number;
}

/** Requests to one peer, over connections that are kept. */
export class Load {
  readonly peer: Peer;
  readonly #whole: readonly Buffer[];
  readonly #streamed: readonly Buffer[];
  readonly #connections: Connection[] = [];
  #next = 0;

  constructor(peer: Peer, texts: readonly string[]) {
    const { headers, model, url } = peer;
    this.peer = peer;
    const requests = (more: object) =>
      texts.map((content) =>
        chatRequest(url, headers, { model, messages: [{ role: 'user', content }], ...more }),
      );
    this.#whole = requests({});
    this.#streamed = requests({ stream: true, stream_options: { include_usage: true } });
  }

  /** One request. */
  async once(kind: 'whole' | 'streamed') {
    return (await this.#connection(0)).send(this.#request(kind));
  }

  /** So many at a time, until so many are done, or so many seconds are over. */
  async run(bound: {
    readonly requests?: number;
    readonly seconds?: number;
    readonly inFlight: number;
    /** @default 'whole' */
    readonly kind?: 'whole' | 'streamed';
  }): Promise<{ readonly done: number; readonly perSecond: number }> {
    const {
      inFlight,
      kind = 'whole',
      requests = Number.POSITIVE_INFINITY,
      seconds = Number.POSITIVE_INFINITY,
    } = bound;
    const started = performance.now();
    let begun = 0;
    let done = 0;
    const worker = async (index: number) => {
      const connection = await this.#connection(index);
      while (begun < requests && performance.now() - started < 1000 * seconds) {
        begun++;
        await connection.send(this.#request(kind));
        done++;
      }
    };
    await Promise.all(Array.from({ length: inFlight }, (_, index) => worker(index)));
    return { done, perSecond: (1000 * done) / (performance.now() - started) };
  }

  /** What its process has used since it began. */
  async used(): Promise<Used> {
    const { child } = this.peer;
    const told = once(child, 'message');
    child.send('used');
    const [used] = await told;
    return used;
  }

  async #connection(index: number): Promise<Connection> {
    // Some close what nobody uses for some seconds.
    if (this.#connections[index]?.isOpen !== true)
      this.#connections[index] = await openConnection(this.peer.url);
    return this.#connections[index];
  }

  #request(kind: 'whole' | 'streamed'): Buffer {
    const requests = kind === 'whole' ? this.#whole : this.#streamed;
    return requests[this.#next++ % requests.length];
  }
}

/** A chat completion, as the bytes that are sent. */
function chatRequest(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: Readonly<Record<string, unknown>>,
): Buffer {
  const text = JSON.stringify(body);
  const all = {
    host: new URL(url).host,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(text)),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST /v1/chat/completions HTTP/1.1\r\n${lines.join('')}\r\n${text}`);
}
