import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createRandom } from 'pointsman/internal';
import { type Asked, readAsked, wireAnswer } from './asked-answers.ts';

interface Exchange {
  readonly asked: Asked;
  /** The whole answer. */
  readonly bytes: Buffer;
  readonly type: string;
  readonly response: ServerResponse;
  readonly random: ReturnType<typeof createRandom>;
}

type Act = (exchange: Exchange) => unknown;

const begin = ({ response, type }: Exchange, headers: Record<string, string> = {}) =>
  response.writeHead(200, { 'content-type': type, ...headers });
const said = (status: number, headers: Record<string, string>, body = ''): Act => {
  const text = body || JSON.stringify({ type: 'error', error: { type: 'api_error', message: 'Not now.' } });
  return ({ response }) => response.writeHead(status, headers).end(text);
};
/** At any byte, but never all of it: an end that says less than the answer needs would be none. */
const somewhere = ({ bytes, random }: Exchange) => random.integer(Math.max(1, bytes.length - 200));
const wholeOr = (exchange: Exchange, stream: boolean, text?: string) =>
  Buffer.from(wireAnswer(exchange.asked, stream, text));

/** What is still an answer, all of it. */
const FINE: Readonly<Record<string, Act>> = {
  'answers at once': (exchange) => begin(exchange).end(exchange.bytes),
  'answers in pieces cut anywhere': async (exchange) => {
    begin(exchange);
    const cuts = Array.from({ length: 6 }, () => exchange.random.integer(exchange.bytes.length));
    let from = 0;
    for (const at of cuts.sort((a, b) => a - b)) {
      await new Promise((resolve) => setTimeout(resolve, 3 * exchange.random.next()));
      exchange.response.write(exchange.bytes.subarray(from, at));
      from = at;
    }
    exchange.response.end(exchange.bytes.subarray(from));
  },
  'says its length': (exchange) =>
    begin(exchange, { 'content-length': String(exchange.bytes.length) }).end(exchange.bytes),
  'answers and closes': (exchange) => begin(exchange, { connection: 'close' }).end(exchange.bytes),
  'is asked for a stream, and answers whole': (exchange) => {
    const bytes = wholeOr(exchange, false);
    exchange.response.writeHead(200, { 'content-type': 'application/json' }).end(bytes);
  },
  'ends its lines with CR LF, and comments': (exchange) => {
    if (!exchange.asked.stream) return begin(exchange).end(exchange.bytes);
    return begin(exchange).end(`: hello\r\n\r\n${exchange.bytes.toString().replaceAll('\n', '\r\n')}`);
  },
};

const BROKEN: Readonly<Record<string, Act>> = {
  'closes at once': ({ response }) => response.destroy(),
  'resets at once': ({ response }) => response.socket?.resetAndDestroy(),
  'resets after its headers': (exchange) => {
    begin(exchange).flushHeaders();
    setImmediate(() => exchange.response.socket?.resetAndDestroy());
  },
  'hangs without headers': () => {},
  'hangs after its headers': (exchange) => begin(exchange).flushHeaders(),
  'hangs somewhere': (exchange) => begin(exchange).write(exchange.bytes.subarray(0, 1 + somewhere(exchange))),
  'drips for ever': (exchange) => {
    begin(exchange);
    let at = 0;
    const timer = setInterval(() => exchange.response.write(exchange.bytes.subarray(at, ++at)), 50);
    exchange.response.once('close', () => clearInterval(timer));
  },
  'throttles with seconds': said(429, { 'retry-after': '0.01' }),
  'throttles with a date': ({ response }) =>
    response.writeHead(429, { 'retry-after': new Date().toUTCString() }).end('{}'),
  'throttles for an hour': said(429, { 'retry-after': '3600' }),
  'fails with 500': said(500, { 'content-type': 'application/json' }),
  'fails with 503 in HTML': said(503, { 'content-type': 'text/html' }, '<html>Bad gateway</html>'),
  'is overloaded': said(529, { 'content-type': 'application/json' }),
  'refuses with 400': said(400, { 'content-type': 'application/json' }),
  'sends elsewhere': said(302, { location: 'http://127.0.0.1:9/v1' }),
  'has nothing to say': ({ response }) => response.writeHead(204).end(),
  'sends a page': said(200, { 'content-type': 'text/html' }, '<html>Welcome</html>'),
  'sends an empty body': (exchange) => begin(exchange).end(),
  'is cut somewhere': (exchange) => {
    begin(exchange).write(exchange.bytes.subarray(0, somewhere(exchange)));
    setImmediate(() => exchange.response.destroy());
  },
  'ends somewhere': (exchange) => begin(exchange).end(exchange.bytes.subarray(0, somewhere(exchange))),
  'ends before its end': (exchange) => {
    const text = exchange.bytes.toString();
    const events = text.trimEnd().split('\n\n');
    const less = exchange.asked.stream ? `${events.slice(0, -3).join('\n\n')}\n\n` : text.slice(0, -3);
    begin(exchange).end(less);
  },
  'says a longer length': (exchange) => {
    begin(exchange, { 'content-length': String(exchange.bytes.length + 1000) }).write(
      exchange.bytes.subarray(0, somewhere(exchange)),
      () => exchange.response.destroy(),
    );
  },
  'says a shorter length': (exchange) => {
    const { bytes, response, type } = exchange;
    const length = somewhere(exchange) + 1;
    // Node would not let it.
    response.socket?.end(
      `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ncontent-length: ${length}\r\n\r\n${bytes}`,
    );
  },
  'says an error in its answer': (exchange) => {
    const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded.', code: 529 } };
    const half = exchange.bytes.toString().slice(0, somewhere(exchange)).split('\n\n').slice(0, -1);
    const event = `event: error\ndata: ${JSON.stringify(error)}`;
    begin(exchange).end(
      exchange.asked.stream ? `${[...half, event].join('\n\n')}\n\n` : JSON.stringify(error),
    );
  },
  'sends garbage somewhere': (exchange) => {
    const at = somewhere(exchange);
    const garbage = Buffer.from('\n\ndata: {"choices": [{]\n\n');
    begin(exchange).end(
      Buffer.concat([exchange.bytes.subarray(0, at), garbage, exchange.bytes.subarray(at)]),
    );
  },
  'sends bytes': (exchange) => {
    const bytes = Array.from({ length: 256 }, (_, i) => i);
    begin(exchange).end(Buffer.from(exchange.random.shuffle(bytes)));
  },
  'says it is compressed, and is not': (exchange) =>
    begin(exchange, { 'content-encoding': 'gzip' }).end(exchange.bytes),
  'breaks HTTP': ({ response }) =>
    response.socket?.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n'),
  'says nothing': (exchange) => begin(exchange).end(wholeOr(exchange, exchange.asked.stream, '')),
  'sends lists and nulls': (exchange) =>
    begin(exchange).end(exchange.asked.stream ? 'data: [1]\n\ndata: null\n\n' : '[null]'),
};

const ACTS = { ...FINE, ...BROKEN };
const FINE_NAMES = Object.keys(FINE);
const BROKEN_NAMES = Object.keys(BROKEN);

/**
 * What an attempt meets, drawn by the request and by how often it was asked, whoever comes first. Of some requests all attempts are broken in one
 * way, so that the client sees what comes of it; of the others every third is.
 */
function drawAct(seed: number, { id, isLong }: Asked, attempt: number): string {
  const own = createRandom(seed ^ (id * 2_654_435_761));
  const isDoomed = own.next() < 0.25;
  const doom = BROKEN_NAMES[own.integer(BROKEN_NAMES.length)];
  const random = createRandom(seed ^ (id * 2_654_435_761) ^ ((attempt + 1) * 40_503));
  if (isLong || id < 0) return 'answers at once';
  if (isDoomed) return doom;
  const names = random.next() < 0.33 ? BROKEN_NAMES : FINE_NAMES;
  return names[random.integer(names.length)];
}

export interface FaultyUpstream {
  readonly url: string;
  /** How often each act was played. */
  readonly played: Readonly<Record<string, number>>;
  /** Requests whose response is still open. */
  readonly open: number;
  /** How often a request was asked with all attempts together. */
  readonly asked: number;
  close(): Promise<void>;
}

/** An upstream on this machine that speaks every protocol, and breaks in every way known to us. */
export async function startFaultyUpstream(seed: number): Promise<FaultyUpstream> {
  const played: Record<string, number> = Object.fromEntries(Object.keys(ACTS).map((name) => [name, 0]));
  const attempts = new Map<number, number>();
  let open = 0;
  let asked = 0;
  const server = createServer(async (request, response) => {
    open++;
    asked++;
    response.on('error', () => {});
    response.on('close', () => {
      open--;
    });
    const what = readAsked(request.url ?? '', await textOf(request));
    const attempt = attempts.get(what.id) ?? 0;
    attempts.set(what.id, attempt + 1);
    const name = drawAct(seed, what, attempt);
    played[name]++;
    const type = what.stream ? 'text/event-stream' : 'application/json';
    const random = createRandom(seed ^ (what.id * 97) ^ attempt);
    const exchange = { asked: what, bytes: Buffer.from(wireAnswer(what)), type, response, random };
    await ACTS[name](exchange);
  });
  server.on('connection', (socket: Socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    played,
    get open() {
      return open;
    },
    get asked() {
      return asked;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  // Who leaves amid its request asks for nothing.
  await request
    .forEach((chunk) => {
      chunks.push(chunk);
    })
    .catch(() => {});
  return Buffer.concat(chunks).toString();
}
