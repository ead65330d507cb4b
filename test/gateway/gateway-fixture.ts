import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeEach, onTestFinished } from 'vitest';
import type { GatewayConfig } from '../../gateway/config/schema.ts';
import { createGateway, type Gateway, type GatewayOptions } from '../../gateway/create-gateway.ts';
import { type RunningServer, serve } from '../../gateway/serve.ts';
import { writeArtifact } from '../../training/artifact/write-artifact.ts';
import { madeOnce } from '../fixtures/made-once.ts';
import { servingArtifact } from '../fixtures/serving-artifact.ts';

/** A request as an upstream got it. */
export interface Got {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
  /** Resolves when the other side closed the connection, or the response was sent. */
  readonly closed: Promise<void>;
}

export type Answering = (got: Got, response: ServerResponse) => void;

/** An upstream on this machine whose answers a test can change, and what it was asked. */
export interface MockUpstream {
  readonly url: string;
  readonly got: Got[];
  /** How the next requests are answered. */
  answer: Answering;
}

export const completion = (content: string, more: Readonly<Record<string, unknown>> = {}) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'served-1',
  choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 },
  ...more,
});

export const event = (data: unknown) => `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;

export const chunk = (delta: unknown, finish: string | null = null, index = 0) =>
  event({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'served-1',
    choices: [{ index, delta, finish_reason: finish }],
  });

export const usageEvent = event({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'served-1',
  choices: [],
  usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 },
});

export function sendJson(response: ServerResponse, body: unknown, status = 200): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json' }).end(text);
}

export function sendEvents(response: ServerResponse, ...events: readonly string[]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const text of events) response.write(text);
  response.end();
}

/** Says which model it is, whole or streamed as it is asked. */
export const plainAnswer: Answering = ({ body }, response) => {
  if (body.stream !== true) return sendJson(response, completion(`from ${body.model}`));
  sendEvents(
    response,
    chunk({ role: 'assistant', content: '' }),
    chunk({ content: 'from ' }),
    chunk({ content: String(body.model) }),
    chunk({}, 'stop'),
    usageEvent,
    event('[DONE]'),
  );
};

export async function mockUpstream(): Promise<MockUpstream> {
  const upstream = { url: '', got: [] as Got[], answer: plainAnswer };
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    const closed = new Promise<void>((resolve) => response.once('close', resolve));
    const got = { url: request.url ?? '', headers: request.headers, body: JSON.parse(body), closed };
    upstream.got.push(got);
    upstream.answer(got, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });
  upstream.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return upstream;
}

/** Each test begins with an upstream that was asked nothing, and answers so. */
export function resetBeforeEach(upstream: MockUpstream, answer: Answering = plainAnswer): void {
  beforeEach(() => {
    upstream.got.length = 0;
    upstream.answer = answer;
  });
}

/** A router of three candidates, `m0`, `m1` and `m2`, whose weights are random. */
export async function routerFolder(): Promise<string> {
  const made = await madeOnce('gateway-router', async (folder) => {
    await writeArtifact(join(folder, 'support'), await servingArtifact({ candidates: 3 }));
  });
  return join(made, 'support');
}

/** Three candidates behind one upstream. */
export async function testConfig(
  upstream: Pick<MockUpstream, 'url'>,
  more: Partial<GatewayConfig> = {},
): Promise<GatewayConfig> {
  return {
    listen: { port: 0 },
    upstreams: { mock: { baseUrl: `${upstream.url}/v1`, apiKey: '${MOCK_KEY}' } },
    candidates: Object.fromEntries(
      ['m0', 'm1', 'm2'].map((name, c) => [
        name,
        {
          upstream: 'mock',
          model: `model-${c}`,
          inputPricePerMillionTokens: c + 1,
          outputPricePerMillionTokens: 10 * (c + 1),
        },
      ]),
    ),
    routers: { support: { folder: await routerFolder() } },
    execution: { retryDelayMs: 0 },
    ...more,
  };
}

export const MOCK_KEY = 'sk-upstream-0123456789';

export async function testGateway(config: GatewayConfig, options: GatewayOptions = {}): Promise<Gateway> {
  const gateway = await createGateway(config, { env: { MOCK_KEY }, ...options });
  atTheEnd(() => gateway.close());
  return gateway;
}

/** Within a test after it, as `afterAll` is not heard there any more; else after all tests. */
function atTheEnd(close: () => Promise<void>): void {
  try {
    onTestFinished(close);
  } catch {
    afterAll(close);
  }
}

/** On a socket of this machine. */
export async function testServer(
  config: GatewayConfig,
  options: GatewayOptions = {},
): Promise<RunningServer> {
  const server = await serve(await createGateway(config, { env: { MOCK_KEY }, ...options }));
  atTheEnd(() => server.close(0));
  return server;
}

/** Without a socket. */
export function post(
  gateway: Gateway,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
  signal?: AbortSignal,
): Promise<Response> {
  return gateway.fetch(
    new Request(`http://gateway${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...(signal === undefined ? {} : { signal }),
    }),
  );
}

export const ask = (more: Readonly<Record<string, unknown>> = {}) => ({
  model: 'auto',
  messages: [{ role: 'user', content: 'What is 17 * 23?' }],
  ...more,
});

/** What the gateway keeps of the decision that was answered. */
export async function recordOf(gateway: Gateway, response: Response) {
  const id = response.headers.get('x-pointsman-decision-id');
  return (await gateway.fetch(new Request(`http://gateway/v1/decisions/${id}`))).json();
}

/** All that came of a body, and whether its connection was cut. */
export async function readToEnd(response: Response): Promise<{ text: string; isCut: boolean }> {
  let text = '';
  try {
    for await (const piece of response.body as never as AsyncIterable<Uint8Array>) text += Buffer.from(piece);
    return { text, isCut: false };
  } catch {
    return { text, isCut: true };
  }
}
