import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { createRandom } from 'pointsman/math';

/** What an upstream may do instead of answering, and how often out of a hundred. */
export const FAULTS = {
  answer: 52,
  'fail with 500': 4,
  'fail with 503': 3,
  'throttle with seconds': 4,
  'throttle with a date': 2,
  'throttle for an hour': 2,
  'refuse with 400': 3,
  'close at once': 4,
  'hang without headers': 3,
  'hang after headers': 3,
  'stall in the middle': 3,
  'cut in the middle': 5,
  'end without finish': 3,
  'done without finish': 2,
  'send an error in the middle': 2,
  'send a page': 2,
  'send half a body': 2,
  'send bytes': 1,
} as const;
export type Fault = keyof typeof FAULTS;

const ALWAYS = { up: 'answer', down: 'fail with 500' } as const;

/** What each request is to be answered with, whole. */
export function wholeAnswer(id: number): string {
  const words = Array.from({ length: 12 }, (_, i) => `w${(id * 7 + i) % 100}`);
  return JSON.stringify({ id, words, end: true });
}

/** Drawn by the request, the candidate and the attempt, so that it does not depend on who comes first. */
export function drawFault(seed: number, id: number, candidate: number, attempt: number): Fault {
  const random = createRandom(seed ^ (id * 2_654_435_761) ^ (candidate * 40_503) ^ (attempt * 97));
  let left = random.next() * 100;
  for (const [fault, share] of Object.entries(FAULTS)) {
    left -= share;
    if (left < 0) return fault as Fault;
  }
  return 'answer';
}

export interface FaultyUpstream {
  readonly baseUrl: string;
  /** How often each fault was played. */
  readonly played: Map<Fault, number>;
  /** Requests whose connection or response is still open. */
  readonly open: number;
  readonly sockets: number;
  /** @default 'faulty' */
  mode: 'faulty' | 'up' | 'down';
  close(): Promise<void>;
}

/** An upstream on this machine that speaks OpenAI's chat completions, mostly. */
export async function startFaultyUpstream(seed: number, candidate: number): Promise<FaultyUpstream> {
  const played = new Map<Fault, number>();
  const sockets = new Set<Socket>();
  const seen = new Map<number, number>();
  let open = 0;
  const server = createServer(async (request, response) => {
    open++;
    response.on('close', () => {
      open--;
    });
    const body = JSON.parse(await textOf(request));
    const id = Number(body.user);
    const attempt = seen.get(id) ?? 0;
    seen.set(id, attempt + 1);
    const fault =
      upstream.mode === 'faulty' ? drawFault(seed, id, candidate, attempt) : ALWAYS[upstream.mode];
    played.set(fault, (played.get(fault) ?? 0) + 1);
    play(fault, wholeAnswer(id), body.stream === true, response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const upstream: FaultyUpstream = {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    played,
    get open() {
      return open;
    },
    get sockets() {
      return sockets.size;
    },
    mode: 'faulty',
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      }),
  };
  return upstream;
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

const usage = { prompt_tokens: 40, completion_tokens: 30 };
const event = (data: unknown) => `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
const piece = (content: string) => event({ choices: [{ index: 0, delta: { content } }] });
const finish = event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });

/** How each fault looks on the wire. */
function play(fault: Fault, answer: string, stream: boolean, response: ServerResponse): void {
  const json = JSON.stringify({ choices: [{ message: { content: answer }, finish_reason: 'stop' }], usage });
  const type = { 'content-type': stream ? 'text/event-stream' : 'application/json' };
  const half = Math.floor(answer.length / 2);
  const fail = (status: number, headers: Record<string, string> = {}) => {
    response.writeHead(status, headers).end(JSON.stringify({ error: { message: `Status ${status}.` } }));
  };
  const begin = () => {
    response.writeHead(200, type);
    response.write(stream ? piece(answer.slice(0, half)) : json.slice(0, 40));
  };
  const beginAndEnd = (ending: string) => {
    begin();
    response.end(ending);
  };
  const acts: Record<Fault, () => void> = {
    answer: () => {
      if (stream)
        beginAndEnd(piece(answer.slice(half)) + finish + event({ choices: [], usage }) + event('[DONE]'));
      else response.writeHead(200, type).end(json);
    },
    'fail with 500': () => fail(500),
    'fail with 503': () => fail(503),
    'throttle with seconds': () => fail(429, { 'retry-after': '0.01' }),
    'throttle with a date': () => fail(429, { 'retry-after': new Date().toUTCString() }),
    'throttle for an hour': () => fail(429, { 'retry-after': '3600' }),
    'refuse with 400': () => fail(400),
    'close at once': () => response.destroy(),
    'hang without headers': () => {},
    'hang after headers': () => response.writeHead(200, type).flushHeaders(),
    'stall in the middle': begin,
    'cut in the middle': () => {
      begin();
      setImmediate(() => response.destroy());
    },
    'end without finish': () => beginAndEnd(''),
    'done without finish': () => beginAndEnd(event('[DONE]')),
    'send an error in the middle': () => beginAndEnd(event({ error: { message: 'Overloaded.', code: 529 } })),
    'send a page': () => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Welcome</html>'),
    'send half a body': () => response.writeHead(200, type).end(json.slice(0, -10)),
    'send bytes': () => {
      const bytes = Array.from({ length: 256 }, (_, i) => i);
      response.writeHead(200, type).end(Buffer.from(createRandom(answer.length).shuffle(bytes)));
    },
  };
  acts[fault]();
}
