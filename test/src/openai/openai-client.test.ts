import {
  BrokenStreamError,
  type ClientContext,
  ExecutionFailedError,
  executePlan,
  executePlanStream,
  MalformedAnswerError,
  UpstreamError,
} from 'pointsman/execution';
import type { ModelRequest } from 'pointsman/internal';
import { createOpenAiClient, type OpenAiClientOptions } from 'pointsman/openai';
import { describe, expect, it } from 'vitest';

interface Sent {
  readonly url: string;
  readonly init: RequestInit;
  readonly body: Record<string, unknown>;
}

/** A client whose fetch gives this response, and what it was asked. */
function clientFor(
  respond: (sent: Sent) => Response | Promise<Response>,
  options: Partial<OpenAiClientOptions> = {},
) {
  const sent: Sent[] = [];
  const client = createOpenAiClient({
    model: 'small-1',
    baseUrl: 'http://upstream.test/v1/',
    now: () => Date.UTC(2026, 0, 1),
    fetch: async (url, init) => {
      sent.push({ url, init, body: JSON.parse(String(init.body)) });
      return respond(sent[sent.length - 1]);
    },
    ...options,
  });
  return { client, sent };
}

const context = (more: Partial<ClientContext> = {}): ClientContext => ({
  signal: new AbortController().signal,
  candidate: 'small',
  stream: false,
  logprobs: false,
  sample: 0,
  retry: 0,
  ...more,
});

const completion = (message: unknown, more: object = {}, choice: object = {}) =>
  Response.json({
    model: 'small-1-2026',
    choices: [{ message, finish_reason: 'stop', ...choice }],
    usage: { prompt_tokens: 100, completion_tokens: 20 },
    ...more,
  });

const eventStream = (...events: (string | object)[]) =>
  new Response(
    events.map((event) => `data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`).join(''),
    {
      headers: { 'content-type': 'text/event-stream; charset=utf-8' },
    },
  );
const delta = (content: string | null, more: object = {}) => ({
  choices: [{ index: 0, delta: { content }, ...more }],
});
const finish = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] };
const usage = { choices: [], usage: { prompt_tokens: 100, completion_tokens: 20 } };

describe('a whole answer', () => {
  it('is asked for in the words of the API', async () => {
    const { client, sent } = clientFor(() => completion({ content: 'x' }), {
      apiKey: () => 'k-123',
      headers: { 'x-team': 'search' },
      parameters: { temperature: 0, top_p: 1 },
      sampleParameters: { temperature: 0.8 },
    });
    const request: ModelRequest = {
      text: 'Hi.',
      tools: [{ type: 'function' }],
      responseFormat: { type: 'json_object' },
      parameters: { top_p: 0.5, model: 'other', stream: true },
    };
    await client(request, context({ logprobs: true }));
    await client({ messages: [{ role: 'user', content: 'Hi.' }] }, context({ sample: 1 }));
    expect(sent[0].url).toBe('http://upstream.test/v1/chat/completions');
    expect(sent[0].init.headers).toEqual({
      'content-type': 'application/json',
      authorization: 'Bearer k-123',
      'x-team': 'search',
    });
    expect(sent[0].body).toEqual({
      model: 'small-1',
      messages: [{ role: 'user', content: 'Hi.' }],
      temperature: 0,
      top_p: 0.5,
      tools: [{ type: 'function' }],
      response_format: { type: 'json_object' },
      logprobs: true,
      stream: false,
    });
    expect(sent[1].body).toMatchObject({ temperature: 0.8, messages: [{ role: 'user', content: 'Hi.' }] });
  });

  it('holds text, thoughts, tool calls, log-probabilities, usage and cost', async () => {
    const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } };
    const { client } = clientFor(
      () =>
        completion(
          { content: 'x', reasoning_content: 'Hm.', tool_calls: [call] },
          {},
          {
            finish_reason: 'tool_calls',
            logprobs: { content: [{ token: 'x', logprob: -0.25 }] },
          },
        ),
      { inputPricePerMillionTokens: 1, outputPricePerMillionTokens: 5 },
    );
    expect(await client({ text: 'x' }, context())).toMatchObject({
      text: 'x',
      reasoning: 'Hm.',
      toolCalls: [{ id: 'c1', name: 'f', arguments: '{"a":1}' }],
      finishReason: 'tool-calls',
      logprobs: [-0.25],
      usage: { inputTokens: 100, outputTokens: 20 },
      costUsd: 0.0002,
      model: 'small-1-2026',
    });
  });

  it('costs less for what was cached, and what thoughts cost for thoughts', async () => {
    const { client } = clientFor(
      () =>
        completion(
          { content: 'x' },
          {
            usage: {
              prompt_tokens: 100,
              completion_tokens: 20,
              prompt_tokens_details: { cached_tokens: 80 },
              completion_tokens_details: { reasoning_tokens: 15 },
            },
          },
        ),
      {
        inputPricePerMillionTokens: 1,
        outputPricePerMillionTokens: 5,
        cachedInputPricePerMillionTokens: 0.1,
        reasoningPricePerMillionTokens: 2,
      },
    );
    expect(await client({ text: 'x' }, context())).toMatchObject({
      usage: { inputTokens: 100, outputTokens: 20, cachedInputTokens: 80, reasoningTokens: 15 },
      costUsd: (20 * 1 + 80 * 0.1 + 5 * 5 + 15 * 2) / 1e6,
    });
  });

  it('may be cut at a limit of the caller, or be a refusal, and says so', async () => {
    const cut = clientFor(() => completion({ content: 'x' }, {}, { finish_reason: 'length' }));
    expect(await cut.client({ text: 'x' }, context())).toMatchObject({ finishReason: 'length' });
    const refused = clientFor(() => completion({ content: null, refusal: 'No.' }));
    expect(await refused.client({ text: 'x' }, context())).toMatchObject({
      text: 'No.',
      finishReason: 'content-filter',
    });
  });

  it.each([
    ['a page', () => new Response('<html>Welcome</html>')],
    ['nothing', () => new Response('')],
    ['null', () => Response.json(null)],
    ['a list', () => Response.json([])],
    ['no choice', () => Response.json({ choices: [] })],
    ['no message', () => Response.json({ choices: [{ finish_reason: 'stop' }] })],
    ['no content', () => completion({ content: null })],
    ['no finish', () => completion({ content: 'x' }, {}, { finish_reason: null })],
    ['half a body', () => new Response('{"choices":[{"message":{"content":"Par')],
  ])('that is %s is malformed', async (_, respond) => {
    await expect(clientFor(respond).client({ text: 'x' }, context())).rejects.toThrow(MalformedAnswerError);
  });

  it('that is an error with a good status is an error', async () => {
    const { client } = clientFor(() => Response.json({ error: { message: 'Overloaded.', code: 529 } }));
    await expect(client({ text: 'x' }, context())).rejects.toMatchObject({ status: 529, retryable: true });
  });
});

describe('a refusal', () => {
  it('says the status, what was said without the key, and how long to wait', async () => {
    const { client } = clientFor(
      () => new Response('Bad key k-123', { status: 429, headers: { 'retry-after': '2' } }),
      { apiKey: () => 'k-123' },
    );
    const refusal = client({ text: 'x' }, context());
    await expect(refusal).rejects.toBeInstanceOf(UpstreamError);
    await expect(refusal).rejects.toMatchObject({ status: 429, retryable: true, retryAfterMs: 2000 });
    await expect(refusal).rejects.toThrow('answered 429: Bad key ***');
  });

  it('says where the key comes from when it is missing or wrong', async () => {
    const missing = clientFor(() => completion({ content: 'x' }), { apiKey: () => '', apiKeyName: 'MY_KEY' });
    await expect(missing.client({ text: 'x' }, context())).rejects.toMatchObject({ retryable: false });
    expect(missing.sent).toHaveLength(0);
    const wrong = clientFor(() => new Response('', { status: 401 }), {
      apiKey: () => 'k',
      apiKeyName: 'MY_KEY',
    });
    await expect(wrong.client({ text: 'x' }, context())).rejects.toThrow(
      'answered 401. Check the key in MY_KEY.',
    );
  });

  it('is a lost connection when there was no response', async () => {
    const { client } = clientFor(() => Promise.reject(new TypeError('fetch failed')));
    await expect(client({ text: 'x' }, context())).rejects.toMatchObject({ status: null, retryable: true });
  });

  it('is the reason of the signal when the caller has left', async () => {
    const { client } = clientFor(() => Promise.reject(new TypeError('fetch failed')));
    const signal = AbortSignal.abort(new Error('Gone.'));
    await expect(client({ text: 'x' }, context({ signal }))).rejects.toThrow('Gone.');
  });
});

describe('a streamed answer', () => {
  const open = (respond: () => Response, options: Partial<OpenAiClientOptions> = {}) => {
    const { client, sent } = clientFor(respond, options);
    const stream = executePlanStream(
      { plan: { kind: 'call', candidate: 'a' }, fallback: [] },
      { text: 'x' } as ModelRequest,
      { a: client },
      { retries: 0 },
    );
    return { stream, sent };
  };
  const read = async (respond: () => Response, options: Partial<OpenAiClientOptions> = {}) => {
    const { stream, sent } = open(respond, options);
    const opened = await stream;
    let text = '';
    for await (const chunk of opened) text += chunk.text ?? '';
    return { text, answer: (await opened.result).answer, sent };
  };

  it('comes in pieces, with usage and cost at its end', async () => {
    const { text, answer, sent } = await read(
      () =>
        eventStream(
          delta('', { role: 'assistant' }),
          delta('Once '),
          delta('upon.'),
          finish,
          usage,
          '[DONE]',
        ),
      { inputPricePerMillionTokens: 1, outputPricePerMillionTokens: 5 },
    );
    expect(sent[0].body).toMatchObject({ stream: true, stream_options: { include_usage: true } });
    expect(text).toBe('Once upon.');
    expect(answer).toMatchObject({
      usage: { inputTokens: 100, outputTokens: 20 },
      costUsd: 0.0002,
      finishReason: 'stop',
    });
  });

  it('may leave out [DONE] and usage, but not its finish', async () => {
    const { answer, sent } = await read(() => eventStream(delta('Once.'), finish), { streamUsage: false });
    expect(answer).toMatchObject({ text: 'Once.', usage: null });
    expect(sent[0].body).not.toHaveProperty('stream_options');
    await expect(read(() => eventStream(delta('Once')))).rejects.toThrow(BrokenStreamError);
    await expect(read(() => eventStream(delta('Once'), '[DONE]'))).rejects.toThrow(BrokenStreamError);
    await expect(read(() => eventStream())).rejects.toThrow(ExecutionFailedError);
  });

  it('is whole although the connection is lost after its finish', async () => {
    const bytes = new TextEncoder().encode(
      `data: ${JSON.stringify(delta('Once.'))}\n\ndata: ${JSON.stringify(finish)}\n\n`,
    );
    let sent = false;
    const body = new ReadableStream({
      pull(controller) {
        if (sent) return controller.error(new TypeError('terminated'));
        sent = true;
        controller.enqueue(bytes);
      },
    });
    const { answer } = await read(
      () => new Response(body, { headers: { 'content-type': 'text/event-stream' } }),
    );
    expect(answer.text).toBe('Once.');
  });

  it.each([
    ['an error', { error: { message: 'Overloaded.' } }],
    ['no JSON', '<html>'],
    ['a number', '7'],
  ])('that turns into %s is broken', async (_, event) => {
    await expect(read(() => eventStream(delta('Once'), event))).rejects.toThrow(BrokenStreamError);
  });

  it('puts tool calls together', async () => {
    const piece = (call: object) => ({ choices: [{ index: 0, delta: { tool_calls: [call] } }] });
    const { answer } = await read(() =>
      eventStream(
        piece({ index: 0, id: 'c1', function: { name: 'f', arguments: '' } }),
        piece({ index: 0, function: { arguments: '{"a"' } }),
        piece({ index: 0, function: { arguments: ':1}' } }),
        { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] },
        '[DONE]',
      ),
    );
    expect(answer).toMatchObject({
      finishReason: 'tool-calls',
      toolCalls: [{ id: 'c1', name: 'f', arguments: '{"a":1}' }],
    });
  });

  it('may come whole from an endpoint that does not stream', async () => {
    expect((await read(() => completion({ content: 'Once.' }))).text).toBe('Once.');
  });

  it('is read across every possible cut between its bytes', async () => {
    const bytes = new TextEncoder().encode(
      [delta('Ωnce — 🦊'), finish, usage].map((event) => `data: ${JSON.stringify(event)}\r\n\r\n`).join(''),
    );
    for (let cut = 0; cut <= bytes.length; cut += 7) {
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(bytes.slice(0, cut));
          controller.enqueue(bytes.slice(cut));
          controller.close();
        },
      });
      const { text } = await read(
        () => new Response(body, { headers: { 'content-type': 'text/event-stream' } }),
      );
      expect(text).toBe('Ωnce — 🦊');
    }
  });

  it('lets go of the response when the reader leaves', async () => {
    let cancelled = false;
    const body = new ReadableStream({
      pull(controller) {
        controller.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(delta('x'))}\n\n`));
      },
      cancel() {
        cancelled = true;
      },
    });
    const stream = await open(() => new Response(body, { headers: { 'content-type': 'text/event-stream' } }))
      .stream;
    for await (const _ of stream) break;
    await stream.result.catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    expect(cancelled).toBe(true);
  });
});

it('is a client like any other', async () => {
  const { client } = clientFor(() => completion({ content: '391' }));
  const { answer } = await executePlan(
    { plan: { kind: 'call', candidate: 'a' }, fallback: [] },
    { text: 'x' } as ModelRequest,
    { a: client },
  );
  expect(answer.text).toBe('391');
});
