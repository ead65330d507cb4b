import type { ServerResponse } from 'node:http';
import { createRandom } from 'pointsman/internal';
import { expect, it } from 'vitest';
import {
  type Answering,
  ask,
  chunk,
  completion,
  event,
  mockUpstream,
  plainAnswer,
  readToEnd,
  sendEvents,
  sendJson,
  testConfig,
  testServer,
  usageEvent,
} from './gateway-fixture.ts';

const REQUESTS = 100;
const AT_ONCE = 20;
const DEADLINE_MS = 8000;

const begin = (response: ServerResponse, type = 'text/event-stream') =>
  response.writeHead(200, { 'content-type': type });
const whole =
  chunk({ content: 'from ' }) + chunk({ content: 'here' }) + chunk({}, 'stop') + usageEvent + event('[DONE]');

/** Ways in which an upstream breaks; each is drawn as often as the others. */
const FAULTS: Readonly<Record<string, Answering>> = {
  fine: plainAnswer,
  'fine too': plainAnswer,
  reset: (_, response) => response.destroy(),
  hangs: () => {},
  'hangs amid its answer': (_, response) => void begin(response).write(chunk({ content: 'from ' })),
  throttles: (_, response) => sendJson(response, { error: { message: 'Slow down.' } }, 429),
  fails: (_, response) => sendJson(response, { error: { message: 'Broken.' } }, 500),
  'refuses in HTML': (_, response) => void response.writeHead(503).end('<html>Bad gateway</html>'),
  'is cut': (_, response) =>
    void begin(response).write(chunk({ content: 'from ' }), () => response.destroy()),
  'ends without an end': (_, response) => sendEvents(response, chunk({ content: 'from ' })),
  'is cut amid an event': (_, response) =>
    void begin(response).write(whole.slice(0, 200), () => response.destroy()),
  'says an error amid its answer': (_, response) =>
    sendEvents(response, chunk({ content: 'from ' }), event({ error: { message: 'Overloaded.' } })),
  'sends garbage': (_, response) => sendEvents(response, 'data: {"choices": [{]\n\n'),
  'sends bytes': (_, response) => void begin(response).end(Buffer.from([0xff, 0xfe, 0, 1, 2, 3])),
  'is half a body': (_, response) => sendJson(response, JSON.stringify(completion('from here')).slice(0, 80)),
  'has a wrong length': (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '5000' });
    response.write(JSON.stringify(completion('from here')), () => response.destroy());
  },
  'says nothing': (_, response) => sendJson(response, completion('')),
};

it('whatever upstreams do, each request ends in a whole answer or an error of the protocol within its deadline, and nothing stays open', async () => {
  const random = createRandom(Number(process.env.FUZZ_SEED ?? Date.now()));
  const names = Object.keys(FAULTS);
  const upstream = await mockUpstream();
  let open = 0;
  upstream.answer = (got, response) => {
    open++;
    response.once('close', () => open--);
    FAULTS[names[random.integer(names.length)]](got, response);
  };
  const server = await testServer(
    await testConfig(upstream, {
      execution: { retryDelayMs: 1, timeoutMs: 1000, idleTimeoutMs: 1000, breaker: false },
    }),
  );
  const endings = new Map<string, number>();
  const one = async (i: number): Promise<string> => {
    const stream = random.next() < 0.5;
    const leaving = new AbortController();
    const leaves = random.next() < 0.1;
    if (leaves) setTimeout(() => leaving.abort(), 20 * random.next());
    const began = performance.now();
    const response = await fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'x-pointsman-deadline-ms': String(DEADLINE_MS) },
      body: JSON.stringify(ask({ stream, user: `user ${i}` })),
      signal: leaving.signal,
    }).catch(() => null);
    if (response === null) return leaves ? 'left' : 'refused';
    const { isCut, text } = await readToEnd(response);
    if (leaves && leaving.signal.aborted) return 'left';
    // On a machine that is busy with other tests, too.
    expect(performance.now() - began).toBeLessThan(DEADLINE_MS + 5000);
    if (response.status !== 200) {
      expect(JSON.parse(text).error).toMatchObject({ message: expect.any(String), code: expect.any(String) });
      expect(response.status).not.toBe(500);
      return String(response.status);
    }
    if (!stream) return `whole: ${JSON.parse(text).choices[0].message.content.startsWith('from ')}`;
    // Cut if and only if the last event says why; else whole, with its end.
    const events = text
      .trimEnd()
      .split('\n\n')
      .map((line) => line.replace(/^data: /, ''));
    const last = events[events.length - 1];
    if (isCut) {
      expect(JSON.parse(last).error.code).toMatch(/broken_stream|deadline/);
      return 'broken';
    }
    expect([last, text]).toEqual(['[DONE]', expect.stringContaining('"finish_reason":"stop"')]);
    return 'streamed';
  };
  let next = 0;
  const client = async () => {
    while (next < REQUESTS) {
      const ending = await one(next++);
      endings.set(ending, (endings.get(ending) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  expect([...endings.keys()].filter((ending) => ['refused', 'whole: false', '499'].includes(ending))).toEqual(
    [],
  );
  expect(endings.get('whole: true')).toBeGreaterThan(3);
  expect(endings.get('streamed')).toBeGreaterThan(3);
  expect(endings.get('broken')).toBeGreaterThan(0);
  const metrics = async () => (await fetch(`${server.url}/metrics`)).text();
  for (let tries = 0; tries < 100 && !((await metrics()).includes('in_flight 0') && open === 0); tries++)
    await new Promise((resolve) => setTimeout(resolve, 20));
  expect([(await metrics()).match(/in_flight (\d+)/)?.[1], open]).toEqual(['0', 0]);
}, 120_000);
