import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { inspect } from 'node:util';
import { createGzip, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { InvalidInputError, PointsmanError } from 'pointsman';
import { type ExecuteOptions, executePlan, executePlanStream } from 'pointsman/execution';
import type { ModelRequest } from 'pointsman/internal';
import { createOpenAiClient, type OpenAiClientOptions } from 'pointsman/openai';
import { afterEach, describe, expect, it } from 'vitest';
import { watchPauses } from '../../fixtures/longest-pause.ts';
import { askUpstream, end, sse, text, usageChunk, whole } from '../../fixtures/wire-upstream.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A server on this machine, what it was asked, and the responses that are still open. */
async function serve(handler: Handler) {
  const asked: {
    readonly url: string;
    readonly headers: IncomingMessage['headers'];
    readonly body: string;
  }[] = [];
  const open = new Set<unknown>();
  let sentBytes = 0;
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    asked.push({ url: request.url ?? '', headers: request.headers, body });
    open.add(response);
    response.on('close', () => open.delete(response));
    handler(request, response);
  });
  server.on('connection', (socket) => {
    socket.on('error', () => {});
    socket.on('close', () => {
      sentBytes += socket.bytesWritten;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  closing.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port, asked, open, origin: `http://127.0.0.1:${port}`, sent: () => sentBytes };
}

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const fine = whole({ content: 'Two moons' }).body as string;
const answer: Handler = (_, response) =>
  response.writeHead(200, { 'content-type': 'application/json' }).end(fine);
const plan = { plan: { kind: 'call', candidate: 'a' }, fallback: ['b'] } as const;
const request: ModelRequest = { text: 'A secret prompt.' };

async function ask(
  options: Partial<OpenAiClientOptions>,
  mode: 'stream' | 'whole' = 'whole',
  more: ExecuteOptions<ModelRequest> = {},
) {
  const a = createOpenAiClient({ model: 'small-1', ...options });
  const clients = { a, b: async () => ({ text: 'from b' }) };
  const settings = { retryDelayMs: 0, retries: 1, ...more };
  if (mode === 'whole') return executePlan(plan, request, clients, settings);
  const stream = await executePlanStream(plan, request, clients, settings);
  for await (const _ of stream);
  return stream.result;
}

describe('a redirect', () => {
  const keys = {
    apiKey: () => 'key-1234567890',
    headers: { 'api-key': 'other-1234567890', 'x-api-key': 'third-1234567890' },
  };

  it.each([301, 302, 303, 307, 308])(
    'of status %i to another origin takes neither prompt nor keys there',
    async (status) => {
      const elsewhere = await serve(answer);
      for (const location of [
        `${elsewhere.origin}/v1/chat/completions`,
        `//127.0.0.1:${elsewhere.port}/x`,
        `http://localhost:${elsewhere.port}/x`,
      ]) {
        const here = await serve((_, response) => response.writeHead(status, { location }).end('Moved.'));
        const { candidate, trace } = await ask({ baseUrl: `${here.origin}/v1`, ...keys });
        expect([candidate, here.asked.length, elsewhere.asked.length]).toEqual(['b', 1, 0]);
        expect(trace.attempts[0].error).toMatchObject({ code: 'UPSTREAM', status });
        expect(trace.attempts[0].error?.message).toContain('another origin');
      }
    },
  );

  it.each([307, 308])(
    'of status %i within its origin is followed with prompt and keys, three times at most',
    async (status) => {
      const here = await serve((incoming, response) => {
        const step = Number(incoming.url?.slice(1));
        if (step === 3) answer(incoming, response);
        else
          response.writeHead(status, { location: Number.isNaN(step) ? '/1' : `/${step + 1}` }).end('Moved.');
      });
      expect((await ask({ baseUrl: `${here.origin}/v1`, ...keys })).candidate).toBe('a');
      expect(here.asked.map(({ url }) => url)).toEqual(['/v1/chat/completions', '/1', '/2', '/3']);
      expect(here.asked[3].headers).toMatchObject({
        authorization: 'Bearer key-1234567890',
        'api-key': 'other-1234567890',
      });
      expect(here.asked[3].body).toContain('A secret prompt.');
      const circle = await serve((_, response) => response.writeHead(status, { location: '/again' }).end());
      expect((await ask({ baseUrl: circle.origin })).candidate).toBe('b');
      expect(circle.asked).toHaveLength(4);
    },
  );

  it.each([
    ['that makes a GET of a POST', 302, '/moved', 'GET'],
    ['to nowhere', 307, undefined, 'no address'],
    ['to what is no address', 307, 'http://', 'no address'],
    ['to another protocol', 308, 'data:application/json,{}', 'another origin'],
  ])('%s is refused, with what to do', async (_, status, location, words) => {
    const here = await serve((_, response) =>
      response.writeHead(status, location === undefined ? {} : { location }).end(),
    );
    const { candidate, trace } = await ask({ baseUrl: here.origin });
    expect([candidate, here.asked.length]).toEqual(['b', 1]);
    expect(trace.attempts[0].error?.message).toContain(words);
  });

  it('that a fetch of the caller follows by itself is not read', async () => {
    const elsewhere = await serve(answer);
    const here = await serve((_, response) => response.writeHead(307, { location: elsewhere.origin }).end());
    const following = (url: string, init: RequestInit) => fetch(url, { ...init, redirect: 'follow' });
    expect((await ask({ baseUrl: here.origin, fetch: following })).candidate).toBe('b');
  });
});

describe('a body without end', () => {
  /** Writes as fast as it is read, until nobody reads. */
  const endless =
    (status: number, headers: Record<string, string>, begin: string, more: string): Handler =>
    (_, response) => {
      response.writeHead(status, headers);
      const gzip = headers['content-encoding'] === undefined ? undefined : createGzip({ level: 1 });
      gzip?.pipe(response);
      const out = gzip ?? response;
      let open = true;
      response.on('close', () => {
        open = false;
        gzip?.destroy();
      });
      const write = () => {
        while (open && out.write(more));
        if (open) out.once('drain', write);
      };
      out.write(begin);
      write();
    };
  const json = { 'content-type': 'application/json' };
  const events = { 'content-type': 'text/event-stream' };
  const gzip = { 'content-encoding': 'gzip' };
  const spaces = ' '.repeat(65_536);
  const words = 'x'.repeat(65_536);
  const rows: [what: string, handler: Handler, mode: 'stream' | 'whole', code: string][] = [
    [
      'an answer',
      endless(200, json, '{"choices":[{"message":{"content":"', words),
      'whole',
      'MALFORMED_ANSWER',
    ],
    ['spaces', endless(200, json, '{', spaces), 'whole', 'MALFORMED_ANSWER'],
    ['a compressed answer', endless(200, { ...json, ...gzip }, '{"x":"', words), 'whole', 'MALFORMED_ANSWER'],
    ['one line of a stream', endless(200, events, 'data: ', words), 'stream', 'MALFORMED_ANSWER'],
    [
      'one event of many lines',
      endless(200, events, 'data: x\n', 'data: x\n'.repeat(8192)),
      'stream',
      'MALFORMED_ANSWER',
    ],
    [
      'a compressed stream',
      endless(200, { ...events, ...gzip }, 'data: ', words),
      'stream',
      'MALFORMED_ANSWER',
    ],
    ['a refusal', endless(429, json, '{"error":{"message":"Slow down.', words), 'whole', 'UPSTREAM'],
    ['a compressed refusal', endless(500, { ...json, ...gzip }, 'No. ', words), 'whole', 'UPSTREAM'],
    ['a redirect', endless(302, { location: 'http://example.test/' }, 'No. ', words), 'whole', 'UPSTREAM'],
  ];
  it.each(rows)('is read no further than it may be long: %s', async (_, handler, mode, code) => {
    const upstream = await serve(handler);
    const { candidate, trace } = await ask({ baseUrl: upstream.origin, maxResponseBytes: 200_000 }, mode, {
      retries: 0,
    });
    expect([candidate, trace.attempts[0].error?.code]).toEqual(['b', code]);
    for (let i = 0; i < 200 && upstream.open.size > 0; i++) await pause(5);
    expect(upstream.open.size).toBe(0);
    // What lies in the buffers of two sockets.
    expect(upstream.sent()).toBeLessThan(12e6);
  });

  it('is stopped at `maxAnswerCharacters`, of which a candidate may have its own', async () => {
    const upstream = await serve(endless(200, events, '', sse(text(words)).body as string));
    const bounds = { maxAnswerCharacters: 1_000_000, commitAfterCharacters: 1e9, retries: 0 };
    const { candidate, trace } = await ask({ baseUrl: upstream.origin }, 'stream', bounds);
    expect([candidate, trace.attempts[0].error?.code]).toEqual(['b', 'BROKEN_STREAM']);
    const own = { candidates: { a: { maxAnswerCharacters: 5 } } };
    const short = await serve(answer);
    expect((await ask({ baseUrl: short.origin }, 'whole', own)).candidate).toBe('b');
  });

  it('of a refusal that stops in its midst keeps nobody waiting', async () => {
    const upstream = await serve((_, response) => {
      response.writeHead(400).write('Because');
    });
    const begun = performance.now();
    const { candidate, trace } = await ask({ baseUrl: upstream.origin });
    expect(candidate).toBe('b');
    expect(trace.attempts[0].error?.message).toContain('answered 400: Because');
    expect(performance.now() - begun).toBeLessThan(5000);
  });

  it('counts bytes after decompression', async () => {
    const bomb = gzipSync(
      JSON.stringify({ choices: [{ message: { content: 'x'.repeat(2e6) }, finish_reason: 'stop' }] }),
    );
    const upstream = await serve((_, response) => response.writeHead(200, { ...json, ...gzip }).end(bomb));
    expect(bomb.length).toBeLessThan(10_000);
    const bounded = await ask({ baseUrl: upstream.origin, maxResponseBytes: 1e6 });
    expect([bounded.candidate, bounded.trace.attempts[0].error?.message]).toEqual([
      'b',
      expect.stringContaining('maxResponseBytes'),
    ]);
    expect((await ask({ baseUrl: upstream.origin })).candidate).toBe('a');
  });
});

/** As they come from a socket. */
function inChunks(body: string): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(body);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at + 65_536));
      at += 65_536;
    },
  });
}

describe('a flood', () => {
  const MEGABYTE = 2 ** 20;
  const answered = sse(text('Two moons'), end(), usageChunk(), '[DONE]').body as string;
  it.each([
    ['blank lines', '\n'],
    ['lines that mean nothing', 'x\n'],
    ['comments', ':\n'],
    ['carriage returns', '\r'],
    ['empty events', 'data:\n\n'],
    ['events of other shapes', 'data: {}\n\n'],
    ['names of events', 'event: x\n'],
    ['retries that are none', 'retry: x\n'],
  ])('of %s stops no timer, and what comes behind it is read', async (_, line) => {
    const flood = line.repeat(Math.floor(MEGABYTE / line.length));
    const longestPause = watchPauses();
    const outcome = await askUpstream('stream', [{ body: inChunks(`${flood}\n\n${answered}`) }]);
    expect(longestPause()).toBeLessThan(250);
    expect(outcome).toMatchObject({ by: 'a', text: 'Two moons', usage: [10, 2] });
  });

  it('of pieces without words stops no timer either, whoever sends them', async () => {
    const flooding = async function* () {
      for (let i = 0; i < 100_000; i++) yield {};
      yield { text: 'Two moons', finish: { reason: 'stop' as const } };
    };
    const longestPause = watchPauses();
    const one = { plan: { kind: 'call', candidate: 'a' }, fallback: [] } as const;
    const result = await executePlan(one, request, { a: flooding });
    expect(longestPause()).toBeLessThan(250);
    expect(result.answer.text).toBe('Two moons');
  });
});

describe('a finish, and then nothing', () => {
  it.each([
    ['no [DONE]', sse(text('Two moons'), end())],
    ['no [DONE], with usage', sse(text('Two moons'), end(), usageChunk())],
    ['[DONE]', sse(text('Two moons'), end(), '[DONE]')],
    ['half an event', { body: `${sse(text('Two moons'), end()).body}data: {"ch` }],
  ])('is an answer although the connection stays open: %s', async (_, { body }) => {
    const upstream = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(body);
    });
    const { candidate, answer } = await ask({ baseUrl: upstream.origin, finishGraceMs: 30 }, 'stream');
    expect([candidate, answer.text, answer.finishReason]).toEqual(['a', 'Two moons', 'stop']);
    for (let i = 0; i < 200 && upstream.open.size > 0; i++) await pause(5);
    expect(upstream.open.size).toBe(0);
  });

  it('so it is when comments go on for ever', async () => {
    let timer: NodeJS.Timeout | undefined;
    const upstream = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(sse(text('Two moons'), end()).body);
      timer = setInterval(() => response.write(': still here\n\n'), 2);
    });
    const { answer } = await ask({ baseUrl: upstream.origin, finishGraceMs: 50 }, 'stream');
    clearInterval(timer);
    expect(answer.text).toBe('Two moons');
  });
});

describe('a secret', () => {
  const KEY = 'sk/proj+42 "ü"?key=&end-of-it';
  const bytes = Buffer.from(KEY);
  const forms: [how: string, echo: string][] = [
    ['as it is', KEY],
    ['in capitals', KEY.toUpperCase()],
    ['in JSON', JSON.stringify(KEY)],
    ['percent-encoded', encodeURIComponent(KEY)],
    ['percent-encoded, every byte', [...bytes].map((byte) => `%${byte.toString(16)}`).join('')],
    ['in hexadecimal', bytes.toString('hex')],
    ['in base64', bytes.toString('base64')],
    ['in base64 for addresses', bytes.toString('base64url')],
    ['in base64, after Bearer', Buffer.from(`Bearer ${KEY}`).toString('base64')],
    ['in base64, within other words', Buffer.from(`ab ${KEY} and more`).toString('base64')],
    ['in base64, as a login', Buffer.from(`me:${KEY}`).toString('base64')],
  ];
  /** What is left of a form when a part of it was taken out may not tell the rest. */
  const core = (echo: string) => echo.slice(6, -6);
  const places: [where: string, respond: (echo: string) => Response, mode: 'stream' | 'whole'][] = [
    ['a refusal', (echo) => new Response(`Wrong key: ${echo}`, { status: 401 }), 'whole'],
    [
      'a refusal as JSON',
      (echo) => Response.json({ error: { message: `Wrong key: ${echo}` } }, { status: 400 }),
      'whole',
    ],
    [
      'an error with a good status',
      (echo) => Response.json({ error: { message: echo, code: 400 } }),
      'whole',
    ],
    ['the name of an error', (echo) => Response.json({ error: { code: echo, type: echo } }), 'whole'],
    ['an event that is an error', (echo) => new Response(sse({ error: echo }).body), 'stream'],
    ['a reason', (echo) => new Response(sse(end(echo)).body), 'stream'],
    ['a page', (echo) => new Response(`<html>${echo}</html>`), 'whole'],
    [
      'a redirect',
      (echo) =>
        new Response('', { status: 307, headers: { location: `http://${encodeURIComponent(echo)}.test/` } }),
      'whole',
    ],
  ];
  const options = { baseUrl: 'http://upstream.test/v1', apiKey: () => KEY, retries: 0 };
  /** Everything that can be seen of a failed execution. */
  async function seen(
    mode: 'stream' | 'whole',
    fetch: () => Promise<Response>,
    more: Partial<OpenAiClientOptions> = {},
  ) {
    const a = createOpenAiClient({ model: 'small-1', ...options, fetch, ...more });
    const alone = { plan: { kind: 'call', candidate: 'a' }, fallback: [] } as const;
    const run = mode === 'whole' ? executePlan : executePlanStream;
    const error = await run(alone, request, { a }, { retries: 0 }).then(
      () => {
        throw new Error('It was answered.');
      },
      (thrown) => thrown,
    );
    expect(error).toBeInstanceOf(PointsmanError);
    return inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error.attempts);
  }

  it.each(places)(
    'that an upstream writes back in %s is in no word of what is thrown, however it is written',
    async (_, respond, mode) => {
      for (const [how, echo] of forms) {
        const all = await seen(mode, async () => respond(echo));
        expect(all.toLowerCase(), how).not.toContain(core(echo).toLowerCase());
      }
    },
  );

  it('is in nothing of an answer but its words', async () => {
    const response = () =>
      Response.json({ model: `gpt-${KEY}`, choices: [{ message: { content: 'x' }, finish_reason: 'stop' }] });
    const { answer } = await ask({ ...options, fetch: async () => response() });
    expect(answer.model).toBe('gpt-***');
  });

  it.each([
    ['the address, as a login', { baseUrl: 'http://me:topsecret-1@upstream.test/v1' }],
    ['the address, as a name', { baseUrl: 'http://topsecret-1@upstream.test/v1' }],
    ['the query', { baseUrl: 'http://upstream.test/v1?api-version=1&api-key=topsecret-1' }],
    ['a header', { headers: { 'X-Api-Key': 'topsecret-1' } }],
    ['an authorization of its own', { headers: { authorization: 'Token topsecret-1' } }],
  ])('is known from %s too', async (_, more) => {
    const echo = 'topsecret-1 dG9wc2VjcmV0LTE= topsecret%2D1';
    const a = { ...options, ...more };
    const lost = Object.assign(new TypeError(`fetch failed: ${echo}`), { cause: new Error(echo) });
    const all = [
      await seen('whole', async () => Promise.reject(lost), a),
      await seen('whole', async () => new Response(echo, { status: 400 }), a),
    ].join();
    expect(all).not.toContain('topsecret');
    expect(all).not.toContain('dG9wc2VjcmV0');
    expect(all).toContain('http://upstream.test/v1/chat/completions');
  });

  it('is still known when it is no longer in use', async () => {
    const keys = ['topsecret-1', 'another-2'];
    const refused = async () => new Response('Not topsecret-1!', { status: 503 });
    const a = createOpenAiClient({ ...options, model: 'x', apiKey: () => keys.shift(), fetch: refused });
    const alone = { plan: { kind: 'call', candidate: 'a' }, fallback: [] } as const;
    const error = await executePlan(alone, request, { a }, { retries: 1, retryDelayMs: 0 }).catch(
      (thrown) => thrown,
    );
    expect(keys).toEqual([]);
    expect(error.message).toContain('Not ***!');
  });

  it('of the address is sent as Basic authorization, and a query stays behind the path', async () => {
    const here = await serve(answer);
    const { port } = here;
    await ask({ baseUrl: `http://me:p%40ss@127.0.0.1:${port}/openai/?api-version=2024-10-21` });
    expect(here.asked[0].url).toBe('/openai/chat/completions?api-version=2024-10-21');
    expect(here.asked[0].headers.authorization).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
  });

  it('does not stand in the way of short words, and an address must be one', async () => {
    const refused = async () => new Response('a search for the team', { status: 400 });
    const all = await seen('whole', refused, { apiKey: () => 'a', headers: { 'x-team': 'search' } });
    expect(all).toContain('a search for the team');
    expect(() => createOpenAiClient({ model: 'x', baseUrl: 'upstream' })).toThrow(InvalidInputError);
  });
});

describe('an answer of any shape', () => {
  const json = fc.jsonValue({ maxDepth: 4 });
  const field = fc.oneof(json, fc.constantFrom('stop', 'x', '', null, [], {}, 1e308));
  const call = fc.record(
    { index: field, id: field, function: fc.record({ name: field, arguments: field }, { requiredKeys: [] }) },
    { requiredKeys: [] },
  );
  const message = fc.record(
    {
      content: field,
      refusal: field,
      reasoning: field,
      tool_calls: fc.oneof(field, fc.array(fc.oneof(field, call))),
      function_call: field,
      audio: field,
    },
    { requiredKeys: [] },
  );
  const choice = fc.record(
    {
      index: field,
      message: fc.oneof(field, message),
      delta: fc.oneof(field, message),
      finish_reason: field,
      logprobs: field,
      error: field,
    },
    { requiredKeys: [] },
  );
  const completion = fc.record(
    {
      choices: fc.oneof(field, fc.array(fc.oneof(field, choice))),
      usage: fc.oneof(field, fc.record({ prompt_tokens: field, completion_tokens: field })),
      error: field,
      model: field,
      x_groq: field,
    },
    { requiredKeys: [] },
  );

  it('ends in an answer that can be believed, or in a typed error', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(completion, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (all, streamed) => {
          const body = streamed ? (sse(...all).body as string) : JSON.stringify(all[0]);
          const outcome = await askUpstream(streamed ? 'stream' : 'whole', [{ body }], { retries: 0 });
          expect(['answered', 'BROKEN_STREAM', 'EXECUTION_FAILED']).toContain(outcome.ending);
          if (outcome.by !== 'a') return;
          expect(typeof outcome.text).toBe('string');
          for (const [name, written] of outcome.calls ?? [])
            expect([name !== '', typeof written]).toEqual([true, 'string']);
          for (const count of outcome.usage ?? [])
            expect(Number.isSafeInteger(count) && count >= 0).toBe(true);
          expect(outcome.costUsd ?? 0).toBeGreaterThanOrEqual(0);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('and of any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', maxLength: 300 }),
        fc.constantFrom('', 'data: ', '{"choices":', 'data: {"choices":[{"delta":'),
        async (bytes, begin) => {
          const outcome = await askUpstream('stream', [{ body: begin + bytes }], { retries: 0 });
          expect(outcome.by).toBe('b');
        },
      ),
      { numRuns: 100 },
    );
  });

  it.each([5_000, 50_000])('may be %i levels deep', async (depth) => {
    const deep = `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
    const arrays = '['.repeat(depth) + ']'.repeat(depth);
    for (const content of [deep, arrays]) {
      const calls = `{"choices":[{"message":{"content":null,"tool_calls":[{"id":"c","function":{"name":"f","arguments":${content}}}]},"finish_reason":"tool_calls"}]}`;
      const parts = `{"choices":[{"message":{"content":${content}},"finish_reason":"stop"}]}`;
      const error = `{"error":${content}}`;
      for (const body of [calls, parts, error, content]) {
        const { by, error } = await askUpstream('whole', [{ body }], { retries: 0 });
        if (by === 'b') expect(error?.code).toMatch(/^(UPSTREAM|MALFORMED_ANSWER)$/);
      }
    }
  });
});

describe('what an earlier answer`s provider signed', () => {
  const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } };
  const history = [
    { role: 'user', content: 'Hi.' },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'Hm.', signature: 'c2ln' },
        { type: 'redacted_thinking', data: 'c2ln' },
        { type: 'text', text: 'Two.' },
      ],
    },
    {
      role: 'assistant',
      content: 'Two.',
      reasoning: 'Hm.',
      reasoning_details: [{ type: 'reasoning.encrypted', data: 'c2ln' }],
    },
    {
      role: 'assistant',
      content: 'Two.',
      reasoning_content: 'Hm.',
      thinking_blocks: [{ type: 'thinking', thinking: 'Hm.', signature: 'c2ln' }],
    },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ ...call, extra_content: { google: { thought_signature: 'c2ln' } } }],
    },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ ...call, function: { ...call.function, thought_signature: 'c2ln' } }],
    },
    { role: 'assistant', content: [{ type: 'thinking', thinking: 'Hm.', signature: 'c2ln' }] },
    { role: 'assistant', content: 'Two.', reasoning_content: 'Plain.' },
    { role: 'user', content: 'And Venus?' },
  ];
  const sent = async (baseUrl: string, more: Partial<OpenAiClientOptions> = {}) => {
    let body = '';
    const fetch = async (_: string, init: RequestInit) => {
      body = String(init.body);
      return new Response(fine);
    };
    const a = createOpenAiClient({ model: 'x', baseUrl, fetch, ...more });
    const alone = { plan: { kind: 'call', candidate: 'a' }, fallback: [] } as const;
    await executePlan(alone, { messages: history as never }, { a });
    return JSON.parse(body).messages;
  };

  it('is not sent to another, and nothing else is left out', async () => {
    const messages = await sent('https://api.openai.com/v1');
    expect(JSON.stringify(messages)).not.toContain('c2ln');
    expect(JSON.stringify(messages)).not.toContain('Hm.');
    expect(messages).toEqual([
      history[0],
      { role: 'assistant', content: [{ type: 'text', text: 'Two.' }] },
      { role: 'assistant', content: 'Two.' },
      { role: 'assistant', content: 'Two.' },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'assistant', content: 'Two.', reasoning_content: 'Plain.' },
      history[8],
    ]);
  });

  it('goes back to whoever wants it', async () => {
    const google = await sent('https://generativelanguage.googleapis.com/v1beta/openai');
    expect(google.slice(4, 6)).toEqual(history.slice(4, 6));
    expect(JSON.stringify(google.slice(1, 4))).not.toContain('c2ln');
    expect((await sent('https://openrouter.ai/api/v1'))[2]).toEqual(history[2]);
    expect(await sent('https://litellm.test/v1', { keepSignedReasoning: true })).toEqual(history);
  });
});
