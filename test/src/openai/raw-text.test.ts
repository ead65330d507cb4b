import { type AnswerChunk, executePlan, executePlanStream, type UpstreamError } from 'pointsman/execution';
import { createOpenAiClient, type OpenAiClientOptions } from 'pointsman/openai';
import { describe, expect, it } from 'vitest';

const plan = { plan: { kind: 'call', candidate: 'a' }, fallback: [] } as const;
const event = (data: unknown) => `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
const delta = (content: string, index = 0) =>
  event({ id: 'x', model: 'small-1', choices: [{ index, delta: { content }, finish_reason: null }] });
const finish = (index = 0) => event({ choices: [{ index, delta: {}, finish_reason: 'stop' }] });
const usage = event({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } });

function clientOf(body: string, options: Partial<OpenAiClientOptions> = {}, sent: unknown[] = []) {
  const pieces = body.match(/[\s\S]{1,7}/g) ?? [];
  return createOpenAiClient({
    model: 'small-1',
    rawText: true,
    fetch: async (_, init) => {
      sent.push({ body: JSON.parse(String(init.body)), headers: init.headers });
      return new Response(
        new ReadableStream({
          start(controller) {
            for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
            controller.close();
          },
        }),
      );
    },
    ...options,
  });
}

async function streamed(body: string, options: Partial<OpenAiClientOptions> = {}): Promise<AnswerChunk[]> {
  const stream = await executePlanStream(plan, { text: 'Hi' }, { a: clientOf(body, options) });
  const chunks: AnswerChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

const rawOf = (chunks: readonly AnswerChunk[]) => chunks.map(({ raw }) => raw ?? '').join('');

describe('with `rawText`', () => {
  it.each([
    ['a plain stream', delta('Two') + delta(' moons') + finish() + usage + event('[DONE]')],
    ['several choices', delta('a') + delta('b', 1) + finish() + finish(1) + usage + event('[DONE]')],
    ['named events and fields that nobody knows', `event: message\nid: 7\n: aside\n${delta('a')}${finish()}`],
    [
      'a delta that says nothing',
      event({ choices: [{ delta: { role: 'assistant' } }] }) + delta('a') + finish(),
    ],
    [
      'events without an empty line between',
      `data: ${'{"choices":[{"delta":{"content":"a"}}]}'}\n${delta('b')}${finish()}`,
    ],
  ])('%s comes with each event once, as it was sent', async (_, body) => {
    expect(rawOf(await streamed(body))).toBe(body);
  });

  it('what only keeps the connection alive is left out, and line ends are those of one kind', async () => {
    const body = `: wait\n\n${delta('Two').replaceAll('\n', '\r\n')}: wait\n\n${finish()}`;
    expect(rawOf(await streamed(body))).toBe(delta('Two') + finish());
  });

  it('a last event whose empty line was lost gets it', async () => {
    expect(rawOf(await streamed((delta('Two') + finish()).trimEnd()))).toBe(delta('Two') + finish());
  });

  it('an upstream that says nothing at great length is stopped', async () => {
    const silence = event({ choices: [{ delta: { role: 'assistant' } }] }).repeat(100);
    await expect(streamed(silence + delta('a') + finish(), { maxResponseBytes: 1000 })).rejects.toThrow(
      'more than 1000 bytes',
    );
  });

  it('a whole answer comes as it was written, and as sound JSON where it was none', async () => {
    const body = '{ "choices": [{"message": {"content": "Two"}, "finish_reason": "stop"}],\n "own": 1.50 }';
    const clients = { a: clientOf(body) };
    expect((await executePlan(plan, { text: 'Hi' }, clients)).answer.raw).toBe(body);
    const unsound = { a: clientOf(body.replace('1.50', 'NaN')) };
    const { answer } = await executePlan(plan, { text: 'Hi' }, unsound);
    expect(JSON.parse(String(answer.raw))).toMatchObject({ own: null });
  });
});

it('without, `raw` is the object that was read', async () => {
  const [chunk] = await streamed(delta('Two') + finish(), { rawText: false });
  expect(chunk.raw).toMatchObject({ model: 'small-1' });
});

it('headers of a request go along, and what else it wants of a stream', async () => {
  const sent: { body: unknown; headers: unknown }[] = [];
  const a = clientOf(delta('a') + finish(), { apiKey: () => 'key-1' }, sent);
  const request = {
    text: 'Hi',
    headers: { traceparent: '00-1' },
    parameters: { stream_options: { include_obfuscation: false, include_usage: false } },
  };
  const stream = await executePlanStream(plan, request, { a });
  for await (const _ of stream);
  expect(sent).toMatchObject([
    {
      headers: { traceparent: '00-1', authorization: 'Bearer key-1' },
      body: { stream_options: { include_obfuscation: false, include_usage: true } },
    },
  ]);
});

it('an error has what the upstream said, without its secrets', async () => {
  const a = createOpenAiClient({
    model: 'small-1',
    apiKey: () => 'key-1234567890',
    fetch: async () => Response.json({ error: { message: 'No key-1234567890 here.' } }, { status: 400 }),
  });
  const failed = await executePlan(plan, { text: 'Hi' }, { a }).catch((error: Error) => error.cause);
  expect((failed as UpstreamError).said).toBe('No *** here.');
});
