import { existsSync } from 'node:fs';
import * as ai6 from 'ai';
import { MockLanguageModelV3 } from 'ai/test';
import { createRouter, InvalidInputError, memoryFiles, type PlanStep, readArtifact } from 'pointsman';
import { createSdkClients, type RoutedModelOptions, routedModel } from 'pointsman/ai-sdk';
import { BrokenStreamError, createClientPool, ExecutionFailedError } from 'pointsman/execution';
import type { SdkModel } from 'pointsman/internal';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { answerArtifact } from '../../fixtures/answer-artifact.ts';
import { fakeEmbedder } from '../../fixtures/fake-embedder.ts';
import { scriptedRouter } from './scripted-router.ts';

/** What is used of the SDK; its two versions take the same calls, though their types are not the same. */
interface Sdk {
  generateText(options: object): Promise<GeneratedText>;
  streamText(options: object): StreamedText;
  tool(options: object): object;
  stepCountIs(count: number): unknown;
  readonly Output: { object(options: object): object };
}
interface GeneratedText {
  readonly text: string;
  readonly output: unknown;
  readonly finishReason: string;
  readonly usage: object;
  readonly steps: readonly unknown[];
  readonly providerMetadata: { readonly pointsman: Record<string, never> & Routing } | undefined;
}
interface Routing {
  readonly candidate: string;
  readonly decision: { readonly artifactId: string };
  readonly outcome: { readonly costUsd: number; readonly quality: number | null };
  readonly trace: { readonly attempts: readonly { readonly candidate: string; readonly state: string }[] };
}
interface StreamedText {
  readonly textStream: AsyncIterable<string>;
  readonly text: Promise<string>;
  readonly finishReason: Promise<string>;
  readonly providerMetadata: Promise<GeneratedText['providerMetadata']>;
  readonly usage: Promise<object>;
}

type Part = Record<string, unknown>;
type Reply = Error | { readonly content: readonly Part[]; readonly finish?: string } | string;
type Call = {
  readonly prompt: readonly Part[];
  readonly abortSignal?: AbortSignal;
  readonly providerOptions?: object;
  readonly seed?: number;
};

const usage = {
  inputTokens: { total: 100, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: 20, text: undefined, reasoning: undefined },
};
const finishOf = (reply: Exclude<Reply, Error | string>) => ({
  unified: reply.finish ?? 'stop',
  raw: undefined,
});

/** Parts of a stream; an error in their midst is thrown by the stream. */
function streamOf(parts: readonly (Part | Error)[]) {
  let next = 0;
  return new ReadableStream({
    pull(controller) {
      const part = parts[next++];
      if (part === undefined) controller.close();
      else if (part instanceof Error) controller.error(part);
      else controller.enqueue(part);
    },
  });
}

const textParts = (...texts: string[]): Part[] => [
  { type: 'stream-start', warnings: [] },
  { type: 'response-metadata', id: 'r1', modelId: 'small-2026' },
  { type: 'text-start', id: '1' },
  ...texts.map((delta) => ({ type: 'text-delta', id: '1', delta })),
  { type: 'text-end', id: '1' },
];
const finishPart = { type: 'finish', usage, finishReason: { unified: 'stop', raw: 'stop' } };

type MockModel = new (options: object) => SdkModel;

/**
 * AI SDK 7 asks for Node 22, so it is no development dependency: `npm ci` would warn on Node 20, where it works.
 * `.ci/run` adds it; by hand: npm i --no-save ai-7@npm:ai@7
 */
const hasAi7 = existsSync(new URL('../../../node_modules/ai-7/package.json', import.meta.url));
const ai7 = hasAi7 ? [(await import('ai-7' as string)) as Sdk, await import('ai-7/test' as string)] : [];

describe.each<[string, Sdk, MockModel]>([
  ['ai 6', ai6 as unknown as Sdk, MockLanguageModelV3 as unknown as MockModel],
  ...(hasAi7 ? [['ai 7', ai7[0], ai7[1].MockLanguageModelV4] as [string, Sdk, MockModel]] : []),
])('a routed model in %s', (_, sdk, Mock) => {
  /** A model that gives these replies in turn, the last one for ever, and remembers its calls. */
  function model(replies: readonly Reply[], parts: readonly (Part | Error)[] = []) {
    const calls: Call[] = [];
    const mock = new Mock({
      doGenerate: async (call: Call) => {
        calls.push(call);
        const reply = replies[Math.min(calls.length, replies.length) - 1];
        if (reply instanceof Error) throw reply;
        const whole = typeof reply === 'string' ? { content: [{ type: 'text', text: reply }] } : reply;
        return { content: whole.content, finishReason: finishOf(whole), usage, warnings: [] };
      },
      doStream: async (call: Call) => {
        calls.push(call);
        return { stream: streamOf(parts) };
      },
    });
    return Object.assign(mock, { calls });
  }
  const small: PlanStep = { kind: 'call', candidate: 'small' };
  const routed = (
    plan: PlanStep,
    models: Record<string, SdkModel>,
    options: Partial<RoutedModelOptions<SdkModel>> = {},
  ) => {
    const router = scriptedRouter(plan, 'large');
    return { router, model: routedModel({ router, models, ...options }) };
  };
  const refused = Object.assign(new Error('Wrong.'), { statusCode: 400, isRetryable: false });

  it('generates text, and says in its metadata who did and what it cost', async () => {
    const { model: chosen, router } = routed(small, { small: model(['391']), large: model(['no']) });
    const { text, providerMetadata } = await sdk.generateText({ model: chosen, prompt: 'What is 17 * 23?' });
    expect(text).toBe('391');
    expect(providerMetadata?.pointsman).toMatchObject({
      candidate: 'small',
      decision: { artifactId: 'scripted-1' },
      outcome: { costUsd: 0.0003 },
      trace: { attempts: [{ candidate: 'small', state: 'answered' }] },
    });
    expect(router.asked[0].request.messages).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'What is 17 * 23?' }] },
    ]);
  });

  it('goes by the answer head of its router, whole and in pieces', async () => {
    const [wrong, right] = ['17 + 23 = 41. The answer is 41.', '17 + 23 = 40. The answer is 40.'];
    const router = createRouter(await readArtifact(memoryFiles((await answerArtifact()).files)), {
      embedder: fakeEmbedder,
      policy: {
        kind: 'cascade',
        steps: [{ use: 'small', accept: { kind: 'answer', threshold: 0.6 } }, { use: 'large' }],
      },
    });
    for (const [said, candidate] of [
      [right, 'small'],
      [wrong, 'large'],
    ]) {
      const parts = (text: string) => [...textParts(text), finishPart];
      const chosen = routedModel({
        router,
        models: { small: model([said], parts(said)), large: model([right], parts(right)) },
      });
      const { text, providerMetadata } = await sdk.generateText({
        model: chosen,
        prompt: 'What is 17 + 23?',
      });
      expect(text).toBe(right);
      expect(providerMetadata?.pointsman).toMatchObject({
        candidate,
        trace: { attempts: [{ scores: [{ source: 'answer' }] }, ...(candidate === 'large' ? [{}] : [])] },
      });
      const stream = sdk.streamText({ model: chosen, prompt: 'What is 17 + 23?' });
      expect(await stream.text).toBe(right);
      expect((await stream.providerMetadata)?.pointsman.candidate).toBe(candidate);
    }
  });

  it('falls back to the next model, without retries of the SDK', async () => {
    const first = model([refused]);
    const { model: chosen } = routed(small, { small: first, large: model(['yes']) });
    const { text, providerMetadata } = await sdk.generateText({ model: chosen, prompt: 'x' });
    expect([text, providerMetadata?.pointsman.candidate]).toEqual(['yes', 'large']);
    expect(first.calls).toHaveLength(1);
    const none = routed(small, { small: model([refused]), large: model([refused]) });
    await expect(sdk.generateText({ model: none.model, prompt: 'x' })).rejects.toThrow(ExecutionFailedError);
  });

  it('gives the router what the call says: policy, hints, tools, structure, images', async () => {
    const { model: chosen, router } = routed(
      small,
      { small: model(['{"n":1}']), large: model(['no']) },
      { policy: { weights: 'cheapest', limits: { maxCostUsd: 0.5 } } },
    );
    const image = { type: 'file', mediaType: 'image/png', data: new Uint8Array([137, 80, 78, 71]) };
    const hints = { limits: { maxCostUsd: 0.1 }, signals: { tier: 'free' } };
    const { output } = await sdk.generateText({
      model: chosen,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'What is this?' }, image] }],
      output: sdk.Output.object({ schema: z.object({ n: z.number() }) }),
      tools: { look: sdk.tool({ inputSchema: z.object({}), execute: async () => 'seen' }) },
      providerOptions: { pointsman: hints, other: { kept: true } },
    });
    expect(output).toEqual({ n: 1 });
    expect(router.asked[0].options).toMatchObject({
      weights: 'cheapest',
      limits: { maxCostUsd: 0.1 },
      signals: { tier: 'free' },
    });
    const { messages, tools, responseFormat } = router.asked[0].request;
    expect(messages?.[0].content).toEqual([{ type: 'text', text: 'What is this?' }, { type: 'image' }]);
    expect([tools?.length, responseFormat?.type]).toEqual([1, 'json']);
  });

  it('hands on other providers options, not its own, and its own signal', async () => {
    const only = model(['x']);
    const { model: chosen } = routed(small, { small: only, large: only });
    await sdk.generateText({
      model: chosen,
      prompt: 'x',
      providerOptions: { pointsman: {}, other: { kept: true } },
    });
    expect(only.calls[0].providerOptions).toEqual({ other: { kept: true } });
    expect(only.calls[0].abortSignal).toBeInstanceOf(AbortSignal);
  });

  it('calls tools, and routes each step of the loop', async () => {
    const call = { type: 'tool-call', toolCallId: 'c1', toolName: 'multiply', input: '{"a":17,"b":23}' };
    const caller = model([{ content: [call], finish: 'tool-calls' }, 'It is 391.']);
    const { model: chosen, router } = routed(small, { small: caller, large: caller });
    const { text, steps } = await sdk.generateText({
      model: chosen,
      prompt: 'What is 17 * 23?',
      stopWhen: sdk.stepCountIs(3),
      tools: {
        multiply: sdk.tool({
          inputSchema: z.object({ a: z.number(), b: z.number() }),
          execute: async ({ a, b }: { a: number; b: number }) => a * b,
        }),
      },
    });
    expect([text, steps.length, router.asked.length]).toEqual(['It is 391.', 2, 2]);
    expect(JSON.stringify(router.asked[1].request.messages)).toContain('391');
  });

  it('cancels the model when the call is cancelled', async () => {
    const controller = new AbortController();
    let heard = false;
    const hanging = new Mock({
      doGenerate: ({ abortSignal }: Call) =>
        new Promise(() => {
          abortSignal?.addEventListener('abort', () => {
            heard = true;
          });
          controller.abort();
        }),
    });
    const { model: chosen } = routed(small, { small: hanging, large: hanging });
    const running = sdk.generateText({ model: chosen, prompt: 'x', abortSignal: controller.signal });
    await expect(running).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    expect(heard).toBe(true);
  });

  it('streams the parts of the model as they are, with the metadata at the finish', async () => {
    const streaming = model([], [...textParts('Once ', 'upon.'), finishPart]);
    const { model: chosen } = routed(small, { small: streaming, large: streaming });
    const result = sdk.streamText({ model: chosen, prompt: 'x' });
    const texts: string[] = [];
    for await (const text of result.textStream) texts.push(text);
    expect(texts).toEqual(['Once ', 'upon.']);
    expect(await result.finishReason).toBe('stop');
    expect((await result.providerMetadata)?.pointsman).toMatchObject({
      candidate: 'small',
      outcome: { costUsd: 0.0003 },
    });
    expect(await result.usage).toMatchObject({ inputTokens: 100, outputTokens: 20 });
  });

  it('streams from the next model when the first fails before it has said anything', async () => {
    const failing = model([], [...textParts().slice(0, 3), { type: 'error', error: refused }]);
    const streaming = model([], [...textParts('Once.'), finishPart]);
    const { model: chosen } = routed(small, { small: failing, large: streaming });
    const result = sdk.streamText({ model: chosen, prompt: 'x' });
    expect(await result.text).toBe('Once.');
    expect((await result.providerMetadata)?.pointsman.candidate).toBe('large');
  });

  it.each([
    ['without a finish', []],
    ['with an error part', [{ type: 'error', error: refused }]],
    ['with an error', [new Error('Reset.')]],
    [
      'with a finish that is an error',
      [{ ...finishPart, finishReason: { unified: 'error', raw: 'overloaded' } }],
    ],
  ])('never gives a text that was cut: a stream that ends %s rejects', async (_, ending) => {
    const cut = model([], [...textParts('Once'), ...ending]);
    const { model: chosen } = routed(small, { small: cut, large: cut });
    const result = sdk.streamText({ model: chosen, prompt: 'x', onError: () => {} });
    const read = async () => {
      for await (const _ of result.textStream);
    };
    await expect(read()).rejects.toThrow(BrokenStreamError);
    await expect(result.text).rejects.toThrow();
  });

  it('streams calls of tools', async () => {
    const parts = [
      { type: 'stream-start', warnings: [] },
      { type: 'tool-input-start', id: 'c1', toolName: 'multiply' },
      { type: 'tool-input-delta', id: 'c1', delta: '{"a":17,' },
      { type: 'tool-input-delta', id: 'c1', delta: '"b":23}' },
      { type: 'tool-input-end', id: 'c1' },
      { type: 'tool-call', toolCallId: 'c1', toolName: 'multiply', input: '{"a":17,"b":23}' },
      { ...finishPart, finishReason: { unified: 'tool-calls', raw: undefined } },
    ];
    const calling = model([], parts);
    const { model: chosen } = routed(small, { small: calling, large: calling });
    let given: unknown;
    const multiply = sdk.tool({
      inputSchema: z.object({ a: z.number(), b: z.number() }),
      execute: async (input: unknown) => {
        given = input;
        return 391;
      },
    });
    const result = sdk.streamText({ model: chosen, prompt: 'x', tools: { multiply } });
    expect(await result.finishReason).toBe('tool-calls');
    expect(given).toEqual({ a: 17, b: 23 });
  });

  const cascade: PlanStep = {
    kind: 'sequence',
    steps: [
      { step: small, accept: { kind: 'json' } },
      { step: { kind: 'call', candidate: 'large' }, accept: null },
    ],
  };

  it('streams a judged answer whole, with everything the model gave', async () => {
    const judged = model([
      {
        content: [
          { type: 'reasoning', text: 'Hm.' },
          { type: 'text', text: '{"n":1}' },
        ],
      },
    ]);
    const { model: chosen } = routed(cascade, { small: judged, large: model(['no']) });
    const result = sdk.streamText({ model: chosen, prompt: 'x' });
    expect(await result.text).toBe('{"n":1}');
    expect((await result.providerMetadata)?.pointsman.candidate).toBe('small');
    expect(await result.usage).toMatchObject({ outputTokens: 20 });
  });

  it('escalates, and gives what a tool of the plan says', async () => {
    const { model: chosen } = routed(cascade, { small: model(['not JSON']), large: model(['large']) });
    const { text, providerMetadata } = await sdk.generateText({ model: chosen, prompt: 'x' });
    expect(text).toBe('large');
    expect(providerMetadata?.pointsman.trace.attempts.map(({ state }) => state)).toEqual([
      'rejected',
      'answered',
    ]);
    const after = model(['It is 391.']);
    const tool: PlanStep = { kind: 'tool', tool: 'calculate', before: null, after: null, otherwise: small };
    const execution = { tools: { calculate: () => '391' } };
    const direct = routed(tool, { small: after, large: after }, { execution });
    expect((await sdk.generateText({ model: direct.model, prompt: 'x' })).text).toBe('391');
    const told = routed({ ...tool, after: small }, { small: after, large: after }, { execution });
    expect((await sdk.generateText({ model: told.model, prompt: '17 * 23?' })).text).toBe('It is 391.');
    expect(JSON.stringify(after.calls[0].prompt)).toContain(
      'The tool \\"calculate\\" gave this result:\\n391',
    );
  });

  it('asks for different samples', async () => {
    const sampled = model(['391', '390', '391']);
    const plan: PlanStep = {
      kind: 'sequence',
      steps: [
        { step: small, accept: { kind: 'agreement', samples: 3, min: 0.6 } },
        { step: { kind: 'call', candidate: 'large' }, accept: null },
      ],
    };
    const { model: chosen } = routed(plan, { small: sampled, large: model(['no']) });
    expect((await sdk.generateText({ model: chosen, prompt: 'x', seed: 7 })).text).toBe('391');
    expect(sampled.calls.map(({ seed }) => seed)).toEqual([7, 8, 9]);
  });

  it('may share a pool, whose load is counted', async () => {
    const models = { small: model(['x']), large: model(['y']) };
    const pool = createClientPool(createSdkClients(models));
    const { model: chosen } = routed(small, models, { pool });
    await sdk.generateText({ model: chosen, prompt: 'x' });
    expect(pool.load.recentLatencyMs('small')).toBeGreaterThanOrEqual(0);
  });
});

it('is of one specification version', () => {
  const router = scriptedRouter({ kind: 'call', candidate: 'small' });
  const mixed: Record<string, SdkModel> = {
    small: new MockLanguageModelV3(),
    large: Object.assign(new MockLanguageModelV3(), { specificationVersion: 'v4' }) as unknown as SdkModel,
  };
  expect(() => routedModel({ router, models: mixed })).toThrow('Got v3 (small), v4 (large).');
  expect(() => routedModel({ router, models: {} })).toThrow(InvalidInputError);
  expect(routedModel({ router, models: { small: new MockLanguageModelV3() } })).toMatchObject({
    specificationVersion: 'v3',
    provider: 'pointsman',
    modelId: 'scripted-1',
  });
});
