import { readdirSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createRandom } from 'pointsman/internal';
import { describe, expect, it } from 'vitest';
import { createGateway, PROTOCOLS } from '../../../gateway/create-gateway.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import {
  type Answering,
  mockUpstream,
  post,
  readToEnd,
  sendJson,
  testConfig,
  testGateway,
  testServer,
} from '../gateway-fixture.ts';

const { path } = temporaryFolder();
const facts = { id: '1', candidate: 'served-1', created: 1 };

describe.each(PROTOCOLS)('in $name', (protocol) => {
  const { name, route } = protocol;
  const usage = { inputTokens: 100, outputTokens: 10 };
  const said = (text: string) => {
    const whole = { reasoning: '', toolCalls: [], costUsd: null, logprobs: null, model: null } as const;
    return protocol.writer({}).whole({ text, finishReason: 'stop', usage, ...whole }, facts);
  };
  const events = (text: string) => {
    const writer = protocol.writer({ stream_options: { include_usage: true } });
    return writer.piece({ text, finish: { reason: 'stop', usage } }, facts) + writer.end();
  };
  const begin = (response: ServerResponse, type = 'text/event-stream') =>
    response.writeHead(200, { 'content-type': type });
  const answering: Answering = ({ body }, response) => {
    const text = `from ${body.model}`;
    if (body.stream === true) begin(response).end(events(text));
    else sendJson(response, said(text));
  };
  const QUESTION = 'Where is my parcel?';
  const asked = (more = {}) => ({
    model: 'auto',
    ...(name === 'openai-responses'
      ? { input: QUESTION }
      : { messages: [{ role: 'user', content: QUESTION }] }),
    ...more,
  });
  /** With a candidate that no router knows: what it may cost is what its prices and the bound of a request say. */
  const configOf = async (upstream: { readonly url: string }, more = {}) => {
    const config = await testConfig(upstream, {
      upstreams: { mock: { baseUrl: `${upstream.url}/v1`, apiKey: '${MOCK_KEY}', protocol: name } },
      ...more,
    });
    return { ...config, candidates: { ...config.candidates, own: config.candidates!.m1 } };
  };
  const opened = async (more = {}) => {
    const upstream = await mockUpstream();
    upstream.answer = answering;
    return { upstream, gateway: await testGateway(await configOf(upstream, more)) };
  };

  it.each(['x-api-key', 'authorization'])('keys and budgets hold, by the header %s', async (header) => {
    const { gateway, upstream } = await opened({ keys: { state: path(`${name}-${header}.db`) } });
    const admin = async (where: string, body?: unknown) => {
      const request = new Request(`http://127.0.0.1:8800/admin/keys${where}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { host: '127.0.0.1:8800' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return (await gateway.fetch(request)).json();
    };
    const made = await admin('', { name: 'a', candidates: ['own'], budgetUsdPerDay: 0.001 });
    const send = (more = {}, secret = made.secret) =>
      post(gateway, route, asked(more), {
        [header]: header === 'authorization' ? `Bearer ${secret}` : secret,
      });
    const codeOf = async (response: Response) => [response.status, (await response.json()).error.code];
    expect(await codeOf(await send({}, 'pm-nobody'))).toEqual([401, 'invalid_api_key']);
    expect(await codeOf(await send({ model: 'm0' }))).toEqual([403, 'not_allowed']);
    expect(upstream.got).toEqual([]);
    const bound = name === 'openai-responses' ? 'max_output_tokens' : 'max_tokens';
    expect(await codeOf(await send({ model: 'own', [bound]: 1000 }))).toEqual([402, 'budget_exceeded']);
    const response = await send({ model: 'own', [bound]: 10 });
    expect(await response.text()).toContain('from model-1');
    const used = async () => (await admin(`/${made.key.id}/usage`)).days[0];
    for (let tries = 0; (await used()).heldUsd !== 0 && tries < 200; tries++)
      await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await used()).usd).toBeCloseTo((100 * 2 + 10 * 20) / 1e6, 9);
  });

  it.each([false, true])('the log holds what was asked and who answered (stream: %s)', async (stream) => {
    const folder = path(`log-${name}-${stream}`);
    const { gateway } = await opened({ log: { folder } });
    const response = await post(gateway, route, asked({ stream }), { 'x-pointsman-task': 'parcels' });
    await response.text();
    await gateway.close();
    const text = readdirSync(folder)
      .map((file) => readFileSync(`${folder}/${file}`, 'utf8'))
      .join('');
    const records = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const id = response.headers.get('x-pointsman-decision-id');
    expect(records.flatMap((record) => record.decisionId ?? record.id ?? [])).toEqual([id, id]);
    expect(text).toContain(JSON.stringify(QUESTION));
    expect(text).toContain(`"${response.headers.get('x-pointsman-candidate')}"`);
  });

  it.each([false, true])('a judge reads the answers behind what was asked (stream: %s)', async (stream) => {
    const { support } = (await testConfig({ url: 'http://127.0.0.1:1' })).routers as Record<string, object>;
    const combine = { kind: 'judge', judge: 'm2' };
    const policy = { kind: 'ensemble', members: ['m0', 'm1'], combine };
    const { gateway, upstream } = await opened({ routers: { support: { ...support, policy } } });
    const text = await (await post(gateway, route, asked({ stream, own: 1 }))).text();
    expect(text).toContain('from model-2');
    const judged = upstream.got.find(({ body }) => body.model === 'model-2')!.body;
    const messages = (judged.input ?? judged.messages) as { role: string; content: string }[];
    expect(messages).toEqual([
      { role: 'user', content: QUESTION },
      { role: 'user', content: expect.stringContaining('from model-1') },
    ]);
    expect(judged.own).toBe(1);
  });

  it('each request ends in a whole answer or in an error of the protocol, whatever upstreams do', async () => {
    const whole = events('from here');
    const cut = (response: ServerResponse, text: string) =>
      void begin(response).write(text, () => response.destroy());
    const faults: readonly Answering[] = [
      answering,
      answering,
      (_, response) => response.destroy(),
      (_, response) => sendJson(response, protocol.problem({ status: 429, message: 'Slow.' } as never), 429),
      (_, response) => void response.writeHead(503).end('<html>Bad gateway</html>'),
      (_, response) => cut(response, whole.slice(0, Math.floor(whole.length * random.next()))),
      (_, response) =>
        void begin(response).end(whole.slice(0, Math.floor((whole.length - 200) * random.next()))),
      (_, response) => void begin(response).end('data: {"type": [{]\n\n'),
      (_, response) => void begin(response).end('data: [1]\n\ndata: null\n\n'),
      (_, response) => void begin(response).end(Buffer.from([0xff, 0xfe, 0, 1, 2, 3])),
      (_, response) => sendJson(response, said('from here').slice(0, 80)),
      (_, response) => sendJson(response, {}),
      (_, response) => sendJson(response, said('')),
    ];
    const random = createRandom(Number(process.env.FUZZ_SEED ?? Date.now()));
    const upstream = await mockUpstream();
    upstream.answer = (got, response) => faults[random.integer(faults.length)](got, response);
    const execution = { retryDelayMs: 0, timeoutMs: 2000, breaker: false as const };
    const { url } = await testServer(await configOf(upstream, { execution }));
    const endings = new Map<string, number>();
    for (let i = 0; i < 80; i++) {
      const stream = i % 2 === 0;
      const body = JSON.stringify(asked({ stream, model: 'm1', user: String(i) }));
      const response = await fetch(`${url}${route}`, { method: 'POST', body });
      const { isCut, text } = await readToEnd(response);
      let ending = isCut ? 'broken' : stream ? 'streamed' : 'whole';
      if (response.status !== 200) {
        const { error } = JSON.parse(text);
        expect([isCut, error.message, error.type]).toEqual([false, expect.any(String), expect.any(String)]);
        ending = 'refused';
      } else if (isCut) expect(text.trimEnd().split('\n\n').at(-1)).toContain('"code":"broken_stream"');
      else if (stream) expect(text.trimEnd()).toMatch(/(\[DONE\]|"message_stop"\}|"response.completed".*)$/);
      else expect(text).toContain('from ');
      endings.set(ending, (endings.get(ending) ?? 0) + 1);
    }
    expect(endings.get('streamed')).toBeGreaterThan(3);
    expect(endings.get('whole')).toBeGreaterThan(3);
    expect(endings.get('refused')).toBeGreaterThan(0);
  });
});

it('a candidate answers in every protocol that its upstream speaks, with the settings of each', async () => {
  const upstream = await mockUpstream();
  upstream.answer = ({ url }, response) => {
    const protocol = PROTOCOLS.find(({ route }) => route === url)!;
    const answer = { text: 'Now', finishReason: 'stop', reasoning: '', toolCalls: [], model: null } as const;
    const rest = { usage: null, costUsd: null, logprobs: null };
    sendJson(response, protocol.writer({}).whole({ ...answer, ...rest }, facts));
  };
  const config = await testConfig(upstream, {
    upstreams: {
      mock: { baseUrl: `${upstream.url}/v1`, protocol: ['openai-chat', 'anthropic', 'openai-responses'] },
    },
  });
  Object.assign(config.candidates!.m1, {
    settings: { max_tokens: 50 },
    defaults: { top_p: 0.5 },
    perProtocol: { 'openai-responses': { settings: { reasoning: { effort: 'low' } } } },
  });
  const gateway = await testGateway(config);
  const content = 'Where is my parcel?';
  for (const { name, route } of PROTOCOLS) {
    const asked =
      name === 'openai-responses' ? { input: content } : { messages: [{ role: 'user', content }] };
    const response = await post(gateway, route, { model: 'm1', ...asked });
    expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('Now')]);
  }
  expect(upstream.got.map(({ body, url }) => [url, body.max_tokens, body.reasoning, body.top_p])).toEqual([
    ['/v1/chat/completions', 50, undefined, 0.5],
    ['/v1/messages', 50, undefined, 0.5],
    ['/v1/responses', undefined, { effort: 'low' }, 0.5],
  ]);
});

it('settings of a protocol that the upstream does not speak are a mistake, as is a protocol that nobody knows', async () => {
  const config = await testConfig({ url: 'http://127.0.0.1:1' });
  Object.assign(config.candidates!.m1, { perProtocol: { anthropic: { settings: {} } } });
  await expect(createGateway(config)).rejects.toThrow(
    '`candidates.m1.perProtocol.anthropic`: must be a protocol that its upstream speaks',
  );
  const upstreams = { mock: { baseUrl: 'http://127.0.0.1:1', protocol: 'gemini' } } as never;
  await expect(createGateway({ ...config, upstreams })).rejects.toThrow(
    '`upstreams.mock.protocol`: must be one or a list of: openai-chat, anthropic, openai-responses',
  );
});
