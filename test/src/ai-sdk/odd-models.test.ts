import { PointsmanError } from 'pointsman';
import { createSdkClients } from 'pointsman/ai-sdk';
import { type AnswerChunk, BrokenStreamError, executePlan, executePlanStream } from 'pointsman/execution';
import type { SdkModel, SdkRequest } from 'pointsman/internal';
import { describe, expect, it } from 'vitest';

type Part = Record<string, unknown>;
interface Prompt {
  readonly prompt: readonly { readonly role: string; readonly content: readonly Part[] }[];
}

const usage = { inputTokens: { total: 10 }, outputTokens: { total: 2 } };
const finish = (unified?: unknown, raw?: unknown) => ({
  type: 'finish',
  usage,
  finishReason: { unified, raw },
});
const said = (...texts: string[]) => texts.map((delta) => ({ type: 'text-delta', id: '1', delta }));

function streamOf(parts: readonly Part[]) {
  return new ReadableStream<Part>({
    start(controller) {
      for (const part of parts) controller.enqueue(part);
      controller.close();
    },
  });
}

/** A model that gives these parts, whole or streamed; the first of several replies first. */
function model(replies: readonly (readonly Part[] | { readonly thrown: unknown })[], provider = 'acme.chat') {
  const asked: Prompt[] = [];
  const reply = (prompt: Prompt) => {
    asked.push(prompt);
    const parts = replies[Math.min(asked.length, replies.length) - 1];
    if (!Array.isArray(parts)) throw (parts as { thrown: unknown }).thrown;
    return parts as readonly Part[];
  };
  const made: SdkModel = {
    specificationVersion: 'v3',
    provider,
    modelId: 'small-1',
    supportedUrls: {},
    doGenerate: async (options: Prompt) => {
      const parts = reply(options);
      const content = parts.filter(({ type }) => type !== 'finish' && type !== 'text-delta');
      const text = parts.map(({ delta }) => delta ?? '').join('');
      const all = text === '' ? content : [...content, { type: 'text', text }];
      const { finishReason } = parts.find(({ type }) => type === 'finish') ?? {};
      return { content: all, finishReason, usage, warnings: [] };
    },
    doStream: async (options: Prompt) => ({ stream: streamOf(reply(options)) }),
  };
  return { made, asked };
}

const plan = { plan: { kind: 'call', candidate: 'a' }, fallback: ['b'] } as const;
const request: SdkRequest = {
  text: 'x',
  call: { prompt: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }] },
};

async function ask(mode: 'stream' | 'whole', a: ReturnType<typeof model>, sent: SdkRequest = request) {
  const clients = { ...createSdkClients({ a: a.made }), b: async () => ({ text: 'from b' }) };
  const settings = { retryDelayMs: 0, random: () => 0 };
  if (mode === 'whole') return executePlan(plan, sent, clients, settings);
  const stream = await executePlanStream(plan, sent, clients, settings);
  const chunks: AnswerChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return stream.result;
}

describe('a model of the AI SDK that does not say that it is whole', () => {
  const odd: [what: string, unified: unknown, raw: unknown][] = [
    ['other, without a word of its own', 'other', undefined],
    ['other, and null', 'other', null],
    ['other, and ""', 'other', ''],
    ['other, and error', 'other', 'error'],
    ['other, and a word that nobody knows', 'other', 'whatever'],
    ['error', 'error', undefined],
    ['interrupted', 'interrupted', 'x'],
    ['unknown', 'unknown', undefined],
    ['stop, where its own word was error', 'stop', 'error'],
    ['stop, where its own word was abort', 'stop', 'abort'],
    ['nothing', undefined, undefined],
  ];
  it.each(odd)('is broken once its text is out, and else passed by: %s', async (_, unified, raw) => {
    const half = model([[...said('Two'), finish(unified, raw)]]);
    await expect(ask('stream', half)).rejects.toBeInstanceOf(BrokenStreamError);
    expect((await ask('whole', half)).candidate).toBe('b');
    expect((await ask('stream', model([[finish(unified, raw)]]))).candidate).toBe('b');
  });

  it('is broken without a reason, or with a part that has none', async () => {
    await expect(ask('stream', model([[...said('Two'), { type: 'finish', usage }]]))).rejects.toThrow(
      PointsmanError,
    );
    await expect(ask('stream', model([said('Two')]))).rejects.toThrow(BrokenStreamError);
    expect((await ask('whole', model([said('Two')]))).candidate).toBe('b');
  });

  it.each([
    ['stop', 'stop', 'stop'],
    ['other', 'eos', 'stop'],
    ['other', 'end_turn', 'stop'],
    ['other', 'MAX_TOKENS', 'length'],
    ['other', 'RECITATION', 'content-filter'],
    ['stop', undefined, 'stop'],
    ['length', undefined, 'length'],
    ['tool-calls', 'whatever', 'tool-calls'],
  ])('is none of these: %s, and %s', async (unified, raw, reason) => {
    for (const mode of ['stream', 'whole'] as const) {
      const { answer } = await ask(mode, model([[...said('Two moons'), finish(unified, raw)]]));
      expect(answer).toMatchObject({ text: 'Two moons', finishReason: reason });
    }
  });
});

describe('a model of the AI SDK that gives nothing', () => {
  it.each([
    ['no parts', []],
    ['an empty text', said('')],
    ['thoughts alone', [{ type: 'reasoning', text: 'Hm.' }]],
  ])('has failed: %s', async (_, parts) => {
    expect((await ask('whole', model([[...parts, finish('stop', 'stop')]]))).candidate).toBe('b');
    expect((await ask('stream', model([[...said(''), finish('stop', 'stop')]]))).candidate).toBe('b');
  });

  it('has not where it gives a file, or was filtered', async () => {
    const file = { type: 'file', mediaType: 'image/png', data: 'iVBO' };
    for (const mode of ['stream', 'whole'] as const) {
      expect((await ask(mode, model([[file, finish('stop', 'stop')]]))).candidate).toBe('a');
      expect((await ask(mode, model([[finish('content-filter', 'x')]]))).candidate).toBe('a');
    }
  });

  it.each([
    ['no content', { content: undefined }],
    ['null', null],
  ])('is malformed: %s', async (_, result) => {
    const { made } = model([]);
    const odd = { ...made, doGenerate: async () => result } as SdkModel;
    expect((await ask('whole', { made: odd, asked: [] })).candidate).toBe('b');
  });
});

describe('an error of the AI SDK', () => {
  const errors: [what: string, thrown: unknown, message: string, status: number | null, asked: number][] = [
    [
      'an object',
      { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
      'Overloaded',
      529,
      3,
    ],
    [
      'a flat one',
      { message: 'Rate limit reached', code: 'rate_limit_exceeded' },
      'Rate limit reached',
      429,
      3,
    ],
    ['one whose type tells', { type: 'rate_limit_error', message: 'Later.' }, 'Later.', 429, 3],
    ['a text', 'Rate limit exceeded', 'Rate limit exceeded', 429, 3],
    ['another text', 'Overloaded', 'Overloaded', 529, 3],
    ['a text that says nothing', 'Oops', 'Oops', null, 1],
    ['an object with a status', { statusCode: 503, message: 'Down.' }, 'Down.', 503, 3],
    [
      'a quota',
      { message: 'You exceeded your current quota', code: 'insufficient_quota' },
      'You exceeded',
      429,
      1,
    ],
    ['an Error', new Error('Overloaded'), 'Overloaded', 529, 3],
    [
      'an Error that holds another',
      Object.assign(new Error('Failed.'), { error: { type: 'overloaded_error', message: 'x' } }),
      'Failed.',
      529,
      3,
    ],
    [
      'a quota that the SDK would retry',
      Object.assign(new Error('Quota.'), {
        statusCode: 429,
        isRetryable: true,
        data: { error: { code: 'insufficient_quota' } },
      }),
      'Quota.',
      429,
      1,
    ],
    [
      'a quota in a body',
      Object.assign(new Error('Failed.'), {
        statusCode: 429,
        isRetryable: true,
        responseBody: '{"error":{"code":"insufficient_quota"}}',
      }),
      'Failed.',
      429,
      1,
    ],
    [
      'x-should-retry',
      Object.assign(new Error('No.'), {
        statusCode: 429,
        isRetryable: true,
        responseHeaders: { 'X-Should-Retry': 'false' },
      }),
      'No.',
      429,
      1,
    ],
    ['an object without words', { foo: 1 }, '{"foo":1}', null, 1],
    [
      'a circle',
      (() => {
        const circle: Record<string, unknown> = {};
        circle.self = circle;
        return circle;
      })(),
      'without words',
      null,
      1,
    ],
    ['null', null, 'null', null, 1],
  ];
  it.each(errors)(
    'keeps its words and means what they say: %s',
    async (_, thrown, message, status, asked) => {
      const failing = model([{ thrown }]);
      const { candidate, trace } = await ask('whole', failing);
      expect([candidate, failing.asked.length]).toEqual(['b', asked]);
      expect(trace.attempts[0].error).toMatchObject({ status, message: expect.stringContaining(message) });
      if (thrown === null) return;
      const parts = model([[{ type: 'stream-start' }, { type: 'error', error: thrown }]]);
      const streamed = await ask('stream', parts);
      expect([streamed.candidate, parts.asked.length]).toEqual(['b', asked]);
      expect(streamed.trace.attempts[0].error?.message).toContain(message);
    },
  );

  it('says nothing of a key that a provider wrote into it', async () => {
    const thrown = new Error(
      'Bad key sk-proj-abcdefghijklmnop1234 for Bearer abcdefgh12345678 at https://me:secret99@host/?key=topsecret1',
    );
    const { trace } = await ask('whole', model([{ thrown }]));
    expect(trace.attempts[0].error?.message).toBe('Bad key *** for Bearer *** at https://***@host/?key=***');
  });
});

describe('thoughts that a provider signed', () => {
  const signature = { anthropic: { signature: 'c2ln' } };
  const thought = { type: 'reasoning', text: 'Hm.', providerOptions: signature };
  const text = { type: 'text', text: 'Two.' };
  const history = (...content: Part[]): SdkRequest => ({
    text: 'x',
    call: {
      prompt: [
        ...request.call.prompt,
        { role: 'assistant', content: content as never },
        { role: 'user', content: [{ type: 'text', text: 'And Venus?' }] },
      ],
    },
  });
  const fine = [...said('None.'), finish('stop', 'stop')];
  const read = async (provider: string, ...content: Part[]) => {
    const reader = model([fine], provider);
    await ask('whole', reader, history(...content));
    return reader.asked[0].prompt
      .filter(({ role }) => role === 'assistant')
      .flatMap((message) => message.content);
  };

  it.each(['openai.responses', 'google.generative-ai', 'acme.chat', 'amazon-bedrock'])(
    'are not sent to %s',
    async (provider) => {
      expect(await read(provider, thought, text)).toEqual([text]);
    },
  );

  it.each(['anthropic.messages', 'vertex.anthropic.messages'])('are sent back to %s', async (provider) => {
    expect(await read(provider, thought, text)).toEqual([thought, text]);
  });

  it.each([
    ['encrypted ones of OpenAI', { openai: { itemId: 'rs_1', reasoningEncryptedContent: 'x' } }],
    ['redacted ones', { anthropic: { redactedData: 'x' } }],
    ['those of Gemini', { google: { thoughtSignature: 'x' } }],
  ])('are of every kind: %s', async (_, providerOptions) => {
    const part = { type: 'reasoning', text: '', providerOptions };
    expect(await read('acme.chat', part, text)).toEqual([text]);
    const [name] = Object.keys(providerOptions);
    expect(await read(`${name}.x`, part, text)).toEqual([part, text]);
  });

  it('leave no empty message behind, and take nothing else along', async () => {
    expect(await read('openai.responses', thought)).toEqual([]);
    const call = {
      type: 'tool-call',
      toolCallId: 'c',
      toolName: 'f',
      input: {},
      providerOptions: { google: { thoughtSignature: 'x' } },
    };
    const unsigned = { type: 'reasoning', text: 'Hm.' };
    expect(await read('openai.responses', unsigned, thought, call)).toEqual([unsigned, call]);
  });

  it('are known by their candidate when they come of a routed answer, whatever its provider is called', async () => {
    const own = { type: 'reasoning', text: 'Hm.', providerMetadata: { openai: { itemId: 'rs_1' } } };
    const { answer } = await ask('whole', model([[own, ...fine]], 'openai.responses'));
    const [{ providerMetadata, ...part }] = (
      answer.raw as { content: (Part & { providerMetadata: object })[] }
    ).content;
    const again = { ...part, providerOptions: providerMetadata };
    expect(await read('azure.openai.responses', again, text)).toEqual([text]);
    expect(await read('openai.responses', again, text)).toMatchObject([{ type: 'reasoning' }, text]);
    const said = { type: 'text', text: 'Two.', providerOptions: { ...providerMetadata } };
    expect(await read('azure.openai.responses', said)).toEqual([text]);
  });
});
