import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { createRandom } from 'pointsman/internal';
import { type Asked, bodyOf, type Ending, endingOf, pathOf, type Reply } from './asked-answers.ts';

/** A gateway that is asked. */
export interface Subject {
  readonly url: string;
  headers(asked: Asked, deadlineMs: number): Readonly<Record<string, string>>;
  /** Names for `model`, one of which a request gives. */
  readonly models: Readonly<Record<Asked['kind'], readonly string[]>>;
}

/** `left`: the client left, or sent no whole request; `hung`: there was no end when the client had waited far beyond the deadline. */
export type ClientEnding = Ending | 'left' | 'hung';

export interface FaultReport {
  readonly endings: Readonly<Record<string, number>>;
  /** Of requests that ended neither in the right answer nor in an error of the protocol, what was seen. */
  readonly bad: readonly string[];
  /** Milliseconds beyond the deadline, of each that ended later. */
  readonly late: readonly number[];
  readonly seconds: number;
}

export interface FaultOptions {
  readonly requests: number;
  readonly seed: number;
  readonly atOnce: number;
  /** Milliseconds after the deadline, before a client gives up. */
  readonly patienceMs: number;
}

const DEADLINE_MS = 2_000;
const SHORT_DEADLINE_MS = 150;

const KINDS: readonly Asked['kind'][] = ['openai-chat', 'anthropic', 'openai-responses', 'embeddings'];

/** What clients do, and how often out of a thousand. */
const CLIENTS = {
  reads: 840,
  leaves: 100,
  'sends half a request': 20,
  'sends no JSON': 20,
  'says a wrong length': 15,
  'reads slowly': 3,
  'stops reading until its deadline is over': 2,
} as const;
type ClientKind = keyof typeof CLIENTS;

/** Sends requests of every protocol, as clients of every kind, and tells how each of them ended. */
export async function runFaults(
  subject: Subject,
  { atOnce, patienceMs, requests, seed }: FaultOptions,
): Promise<FaultReport> {
  const agent = new Agent({ keepAlive: true });
  const endings: Record<string, number> = {};
  const bad: string[] = [];
  const late: number[] = [];
  await warmUp(subject, agent);
  const began = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < requests) {
      const id = next++;
      const random = createRandom(seed ^ (id * 40_503) ^ 0x5bd1e995);
      const client = draw(random.next());
      const isLong = client === 'reads slowly' || client.startsWith('stops reading');
      const kind = KINDS[random.integer(isLong ? 3 : 4)];
      const asked = { id, kind, stream: kind !== 'embeddings' && random.next() < 0.5, isLong };
      const deadlineMs = !isLong && id % 12 === 0 ? SHORT_DEADLINE_MS : DEADLINE_MS;
      const { ending, lateMs, reply } = await sendOne(
        subject,
        agent,
        asked,
        client,
        { deadlineMs, patienceMs },
        random,
      );
      endings[ending] = (endings[ending] ?? 0) + 1;
      if (lateMs > 0) late.push(lateMs);
      if (!['answer', 'error', 'left'].includes(ending))
        bad.push(
          `${ending}: ${JSON.stringify({ ...asked, client, deadlineMs, status: reply.status, isCut: reply.isCut })} ${reply.text.slice(0, 300)} … ${reply.text.slice(-300)}`,
        );
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  agent.destroy();
  return { endings, bad, late, seconds: (performance.now() - began) / 1000 };
}

/** A process that has just begun compiles as it answers. Upstreams answer well below 0. */
async function warmUp(subject: Subject, agent: Agent): Promise<void> {
  for (let i = 1; i <= WARM_UP; i++) {
    const asked = { id: -i, kind: KINDS[i % KINDS.length], stream: i % 3 === 0, isLong: false };
    await sendOne(subject, agent, asked, 'reads', { deadlineMs: 60_000, patienceMs: 0 }, createRandom(i));
  }
}

const WARM_UP = 100;

function draw(at: number): ClientKind {
  let left = at * 1000;
  for (const [kind, share] of Object.entries(CLIENTS)) {
    left -= share;
    if (left < 0) return kind as ClientKind;
  }
  return 'reads';
}

interface Sent {
  readonly ending: ClientEnding;
  /** Beyond the deadline; below 0 where it ended before. */
  readonly lateMs: number;
  readonly reply: Reply;
}

async function sendOne(
  { headers, models, url }: Subject,
  agent: Agent,
  asked: Asked,
  client: ClientKind,
  { deadlineMs, patienceMs }: Pick<FaultOptions, 'patienceMs'> & { readonly deadlineMs: number },
  random: ReturnType<typeof createRandom>,
): Promise<Sent> {
  const names = models[asked.kind];
  const body = JSON.stringify(bodyOf(asked, names[random.integer(names.length)]));
  const sent = client === 'sends no JSON' ? body.slice(0, -3) : body;
  const length = Buffer.byteLength(sent) - (client === 'says a wrong length' ? 10 : 0);
  const own = { 'content-type': 'application/json', 'content-length': String(length) };
  const began = performance.now();
  /** As far as the reader's own pace is not what takes time. */
  const dueMs = client.startsWith('stops') ? PAUSED * deadlineMs : deadlineMs;
  let isHung = false;
  let hasLeft = client === 'says a wrong length';
  const given = { path: pathOf(asked.kind), headers: { ...own, ...headers(asked, deadlineMs) } };
  const timers: NodeJS.Timeout[] = [];
  const after = (ms: number, then: () => void) => timers.push(setTimeout(then, ms));
  let end = () => {};
  const leave = () => {
    hasLeft = true;
    end();
  };
  after(dueMs + patienceMs, () => {
    isHung = true;
    end();
  });
  let reply: Promise<Reply>;
  if (asked.isLong) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    end = () => socket.destroy();
    reply = slowReply(socket, given, sent, client === 'reads slowly' ? 0 : dueMs);
  } else {
    const outgoing = request(url + given.path, { method: 'POST', agent, headers: given.headers });
    end = () => outgoing.destroy();
    if (client === 'leaves') after(200 * random.next() ** 3, leave);
    if (client === 'sends half a request') {
      outgoing.write(sent.slice(0, sent.length / 2));
      after(50 * random.next(), leave);
    } else outgoing.end(sent);
    reply = replyTo(outgoing);
  }
  const got = await reply;
  for (const timer of timers) clearTimeout(timer);
  if (hasLeft) return { ending: 'left', lateMs: -1, reply: got };
  if (isHung) return { ending: 'hung', lateMs: -1, reply: got };
  return { ending: endingOf(asked, got), lateMs: performance.now() - began - dueMs, reply: got };
}

/** Deadlines until a client that has stopped reading goes on. */
const PAUSED = 1.5;

async function replyTo(outgoing: ClientRequest): Promise<Reply> {
  const incoming = await new Promise<IncomingMessage | null>((resolve) => {
    outgoing.once('response', resolve);
    outgoing.on('error', () => resolve(null));
    outgoing.once('close', () => resolve(null));
  });
  if (incoming === null) return { status: 0, text: '', isCut: true };
  const pieces: Buffer[] = [];
  try {
    for await (const piece of incoming) pieces.push(piece);
  } catch {
    // It was cut.
  }
  const text = Buffer.concat(pieces).toString();
  return { status: incoming.statusCode ?? 0, text, isCut: !incoming.complete };
}

interface Given {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * By the socket itself, since Node's client lets go of what it has not handed on yet where a connection breaks.
 *
 * @param stopsMs how long nothing at all is read; 0 for a little at a time.
 */
async function slowReply(
  socket: Socket,
  { headers, path }: Given,
  body: string,
  stopsMs: number,
): Promise<Reply> {
  const all = { host: 'gateway', connection: 'close', ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  socket.write(`POST ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
  const pieces: Buffer[] = [];
  let got = readHttp(Buffer.alloc(0));
  try {
    if (stopsMs > 0) await pause(stopsMs);
    for await (const piece of socket) {
      pieces.push(piece);
      // A little at the end of much: only then it may be whole.
      if (piece.length < LARGEST_PIECE) got = readHttp(Buffer.concat(pieces));
      if (!got.isCut) break;
      if (stopsMs === 0) await pause(2);
    }
  } catch {
    // It was reset.
  }
  socket.destroy();
  return readHttp(Buffer.concat(pieces));
}

/** What a socket gives at once at most. */
const LARGEST_PIECE = 65_536;

function readHttp(bytes: Buffer): Reply {
  const at = bytes.indexOf('\r\n\r\n');
  const head = bytes.subarray(0, Math.max(0, at)).toString();
  const status = Number(/^HTTP\/1.1 (\d+)/.exec(head)?.[1] ?? 0);
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  const rest = bytes.subarray(at + 4);
  if (length !== undefined) return { status, text: rest.toString(), isCut: rest.length < Number(length) };
  return { status, ...readChunks(rest) };
}

function readChunks(bytes: Buffer): Pick<Reply, 'text' | 'isCut'> {
  const pieces: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = bytes.indexOf('\r\n', at);
    const size = end < 0 ? Number.NaN : Number.parseInt(bytes.subarray(at, end).toString(), 16);
    if (size > 0) pieces.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
    if (!(size > 0)) return { text: Buffer.concat(pieces).toString(), isCut: size !== 0 };
  }
}
