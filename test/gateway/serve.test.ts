import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import OpenAI from 'openai';
import { describe, expect, it, vi } from 'vitest';
import { createGateway } from '../../gateway/create-gateway.ts';
import { chatCompletions } from '../../gateway/protocols/chat-completions.ts';
import type { Protocol } from '../../gateway/protocols/protocol.ts';
import { serve } from '../../gateway/serve.ts';
import {
  ask,
  chunk,
  event,
  MOCK_KEY,
  mockUpstream,
  plainAnswer,
  resetBeforeEach,
  sendEvents,
  sendJson,
  testConfig,
  testServer,
  usageEvent,
} from './gateway-fixture.ts';

const upstream = await mockUpstream();
const server = await testServer(await testConfig(upstream, { embeddings: { embed: { upstream: 'mock' } } }));
const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'pm-1', maxRetries: 0 });
const messages = [{ role: 'user' as const, content: 'What is 17 * 23?' }];

resetBeforeEach(upstream);

describe('the published SDK of OpenAI', () => {
  it('gets a whole answer', async () => {
    const { data, response } = await client.chat.completions.create({ model: 'm1', messages }).withResponse();
    expect(data.choices[0].message.content).toBe('from model-1');
    expect(data.model).toBe('served-1');
    expect(response.headers.get('x-pointsman-candidate')).toBe('m1');
  });

  it('gives hints by headers, and learns of one that is not known', async () => {
    const asked = (headers: Record<string, string>) =>
      client.chat.completions.create({ model: 'auto', messages }, { headers }).withResponse();
    const { response } = await asked({ 'X-Pointsman-Limits': '{"allow": ["m2"]}' });
    expect(response.headers.get('x-pointsman-candidate')).toBe('m2');
    await expect(asked({ 'x-pointsman-wieghts': 'best' })).rejects.toMatchObject({
      status: 400,
      code: 'unknown_hint',
      param: 'x-pointsman-wieghts',
    });
  });

  it('gets a stream, with its usage where it asks', async () => {
    const stream = await client.chat.completions.create({
      model: 'm1',
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let tokens: number | undefined;
    for await (const { choices, usage } of stream) {
      text += choices[0]?.delta.content ?? '';
      tokens = usage?.total_tokens ?? tokens;
    }
    expect([text, tokens]).toEqual(['from model-1', 110]);
  });

  it('gets calls of tools in pieces', async () => {
    const piece = (more: object) => chunk({ tool_calls: [{ index: 0, ...more }] });
    upstream.answer = (_, response) =>
      sendEvents(
        response,
        chunk({ role: 'assistant', content: null }),
        piece({ id: 'c1', type: 'function', function: { name: 'add', arguments: '' } }),
        piece({ function: { arguments: '{"a":' } }),
        piece({ function: { arguments: '1}' } }),
        chunk({}, 'tool_calls'),
        usageEvent,
        event('[DONE]'),
      );
    const tools = [{ type: 'function' as const, function: { name: 'add', parameters: { type: 'object' } } }];
    const runner = client.chat.completions.stream({ model: 'auto', messages, tools });
    const { choices } = await runner.finalChatCompletion();
    expect(choices[0].message.tool_calls).toMatchObject([
      { id: 'c1', function: { name: 'add', arguments: '{"a":1}' } },
    ]);
    expect(upstream.got[0].body.tools).toEqual(tools);
  });

  it('gets errors as it knows them', async () => {
    await expect(client.chat.completions.create({ model: 'gpt-9', messages })).rejects.toBeInstanceOf(
      OpenAI.NotFoundError,
    );
    upstream.answer = (_, response) => sendJson(response, { error: { message: 'Too long.' } }, 400);
    await expect(client.chat.completions.create({ model: 'auto', messages })).rejects.toMatchObject({
      status: 400,
      code: 'upstream_refused',
      message: '400 Too long.',
    });
  });

  it('gets an error, and no end, from a stream that breaks', async () => {
    upstream.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chunk({ content: 'Two' }), () => response.destroy());
    };
    const stream = await client.chat.completions.create({ model: 'm1', messages, stream: true });
    const texts: unknown[] = [];
    const reading = (async () => {
      for await (const { choices } of stream) texts.push(choices[0].delta.content);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'broken_stream' });
    expect(texts).toEqual(['Two']);
  });

  it('aborts upstream when it aborts', async () => {
    upstream.answer = () => leaving.abort();
    const leaving = new AbortController();
    await expect(
      client.chat.completions.create({ model: 'm1', messages }, { signal: leaving.signal }),
    ).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
    await upstream.got[0].closed;
  });

  it('lists models, and embeds', async () => {
    const ids: string[] = [];
    for await (const { id } of client.models.list()) ids.push(id);
    expect(ids).toContain('router/support');
    upstream.answer = (_, response) =>
      sendJson(response, {
        object: 'list',
        data: [{ object: 'embedding', index: 0, embedding: [0.5, 1] }],
        model: 'e',
        usage: { prompt_tokens: 1, total_tokens: 1 },
      });
    const { data } = await client.embeddings.create({ model: 'embed', input: 'a', encoding_format: 'float' });
    expect(data[0].embedding).toEqual([0.5, 1]);
  });
});

/** What comes over the wire until the connection is closed. */
function wire(body: unknown): Promise<string> {
  const { hostname, port } = new URL(server.url);
  const text = JSON.stringify(body);
  return new Promise((resolve) => {
    let got = '';
    const socket = connect(Number(port), hostname, () => {
      socket.write(
        `POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
      );
    });
    socket.on('data', (data) => {
      got += data;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(got));
  });
}

it('lets go of a client that takes nothing of what it asked for, once its deadline is over', async () => {
  const config = await testConfig(upstream, { execution: { deadlineMs: 300 } });
  upstream.answer = (_, response) => {
    const piece = chunk({ content: 'x'.repeat(100_000) });
    const more = () => {
      while (!response.destroyed && response.write(piece));
      response.once('drain', more);
    };
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    more();
  };
  const own = await serve(await createGateway(config, { env: { MOCK_KEY } }), { stalledMs: 300 });
  const body = JSON.stringify(ask({ stream: true }));
  const socket = connect(Number(new URL(own.url).port), '127.0.0.1', () =>
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    ),
  );
  socket.on('error', () => {});
  while (upstream.got.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  await upstream.got[0].closed;
  // Of a connection that is under way it would wait so long.
  const began = performance.now();
  await own.close(60_000);
  expect(performance.now() - began).toBeLessThan(30_000);
  socket.destroy();
});

/** The same, of several requests that are sent at once on one connection; `got` is what came until now. */
function pipelined(...bodies: readonly unknown[]) {
  const texts = bodies.map((body) => JSON.stringify(body));
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1', () => {
    for (const text of texts)
      socket.write(
        `POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
      );
  });
  const sent = { got: '', closed: new Promise((resolve) => socket.on('close', resolve)), socket };
  socket.on('error', () => {});
  socket.on('data', (data) => {
    sent.got += data;
  });
  return sent;
}

describe('requests that wait for each other on one connection', () => {
  const begin = (response: ServerResponse) =>
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(chunk({ content: 'Two' }));

  it('are answered in order, and the connection is cut after one that breaks while it waits', async () => {
    let answerFirst = () => {};
    upstream.answer = (got, response) => {
      if (got === upstream.got[0]) {
        answerFirst = () => plainAnswer(got, response);
        return;
      }
      begin(response);
      setTimeout(() => response.destroy(), 20);
    };
    const sent = pipelined(ask({ model: 'm0', stream: true }), ask({ model: 'm1', stream: true }));
    while (upstream.got.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    await upstream.got[1].closed;
    await new Promise((resolve) => setTimeout(resolve, 20));
    answerFirst();
    await sent.closed;
    expect(sent.got).toMatch(/\[DONE\]\n\n\r\n0\r\n\r\nHTTP\/1.1 200[\s\S]*"code":"broken_stream"/);
    expect(sent.got).not.toMatch(/\r\n0\r\n\r\n$/);
  });

  it('are all given up when their client leaves, without a word of too many listeners', async () => {
    const warnings: Error[] = [];
    const warned = (warning: Error) => warnings.push(warning);
    process.on('warning', warned);
    upstream.answer = (_, response) => begin(response);
    const sent = pipelined(...Array.from({ length: 15 }, (_, i) => ask({ stream: i % 2 === 0 })));
    while (upstream.got.length < 15) await new Promise((resolve) => setTimeout(resolve, 5));
    sent.socket.destroy();
    await Promise.all(upstream.got.map(({ closed }) => closed));
    const metrics = async () => (await fetch(`${server.url}/metrics`)).text();
    await vi.waitFor(async () => expect(await metrics()).toMatch(/^pointsman_requests_in_flight 0$/m));
    process.off('warning', warned);
    expect(warnings).toEqual([]);
  });
});

describe('on the wire', () => {
  it('a stream that is whole ends with the last chunk of HTTP', async () => {
    expect(await wire(ask({ stream: true }))).toMatch(/\[DONE\]\n\n\r\n0\r\n\r\n$/);
  });

  it('a stream that breaks has its error event, and no last chunk', async () => {
    upstream.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chunk({ content: 'Two' }), () => response.destroy());
    };
    const got = await wire(ask({ stream: true }));
    expect(got).toContain('"code":"broken_stream"');
    expect(got).not.toMatch(/\r\n0\r\n\r\n$/);
  });

  it.each(['a piece', 'a piece, and the error too'])(
    'a mistake of the gateway in writing %s ends the stream of the upstream, which is paid for',
    async (what) => {
      const { writer } = chatCompletions;
      const wrong = () => {
        throw new Error('A mistake.');
      };
      let pieces = 0;
      const failing: Protocol['writer'] = (body) => {
        const right = writer(body);
        const piece: typeof right.piece = (...given) => (pieces++ === 1 ? wrong() : right.piece(...given));
        return { ...right, piece, ...(what === 'a piece' ? {} : { broken: wrong }) };
      };
      Object.assign(chatCompletions, { writer: failing });
      upstream.answer = (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(chunk({ content: 'Two' }) + chunk({ content: 'Three' }));
      };
      const got = await wire(ask({ stream: true })).finally(() => Object.assign(chatCompletions, { writer }));
      await upstream.got[0].closed;
      expect(got).toContain('Two');
      expect(got.includes('"code":"internal"')).toBe(what === 'a piece');
      expect(got).not.toMatch(/\r\n0\r\n\r\n$/);
      const id = /x-pointsman-decision-id: (\S+)/.exec(got)?.[1];
      const record = await (await fetch(`${server.url}/v1/decisions/${id}`)).json();
      expect(record).toMatchObject({ state: 'failed', error: { code: 'internal' } });
      expect(record.costUsd).toBeGreaterThan(0);
    },
  );
});

describe('a server that is closed', () => {
  it('finishes what is under way, takes nothing new, and leaves nothing open', async () => {
    const closing = await serve(await createGateway(await testConfig(upstream), { env: { MOCK_KEY } }));
    let finish = () => {};
    const asked = new Promise<void>((resolve) => {
      upstream.answer = (got, response) => {
        finish = () => plainAnswer(got, response);
        resolve();
      };
    });
    const request = () =>
      fetch(`${closing.url}/v1/chat/completions`, {
        method: 'POST',
        body: JSON.stringify(ask({ model: 'm0' })),
      });
    const underWay = request();
    await asked;
    const closed = closing.close();
    await expect(request()).rejects.toThrow();
    finish();
    expect((await (await underWay).json()).choices[0].message.content).toBe('from model-0');
    await closed;
  });

  it('says what is wrong with its address', async () => {
    const { port } = new URL(server.url);
    const config = await testConfig(upstream, { listen: { port: Number(port) } });
    const gateway = await createGateway(config, { env: { MOCK_KEY } });
    await expect(serve(gateway)).rejects.toThrow(`127.0.0.1:${port} cannot be listened at (EADDRINUSE)`);
    await gateway.close();
  });
});
