import fc from 'fast-check';
import { createRouter, type Message, type PolicySpec, type Request, type RouteOptions } from 'pointsman';
import { describe, expect, it } from 'vitest';
import { readTurn, warmTokens } from '../../../src/router/conversation.ts';
import type { ConversationTurn } from '../../../src/router/router.ts';
import { fakeEmbedder } from '../../fixtures/fake-embedder.ts';
import { readTinyArtifact } from '../../fixtures/tiny-artifact.ts';

const artifact = await readTinyArtifact();
const routerWith = (policy: PolicySpec) => createRouter(artifact, { embedder: fakeEmbedder, policy });
const user = (content: unknown) => ({ role: 'user', content }) as Message;
const assistant = (content: string) => ({ role: 'assistant', content });
const signalsOf = (messages: readonly unknown[]) =>
  readTurn({ messages: messages as Message[] }, { conversation: {} }, []).options.signals;
const turn = (candidate: string, more: Partial<ConversationTurn> = {}): ConversationTurn => ({
  candidate,
  ageMs: 1000,
  inputTokens: 10_000,
  outputTokens: 100,
  ...more,
});

const router = routerWith({ kind: 'utility' });
const decided = async (messages: readonly Message[], options: RouteOptions = { conversation: {} }) => {
  const { predictions } = await router.route({ messages }, options);
  return predictions.map(({ candidate, successProbability }) => [candidate, successProbability]);
};
const asked = await decided([user('And in euros?')]);

describe('a turn of a conversation', () => {
  it('is decided on by the last thing that the user asked', async () => {
    const before = [user('What is the dollar worth?'), assistant('A lot.')];
    expect(await decided([...before, user('And in euros?')])).toEqual(asked);
    expect(await decided([...before, user('And in euros?')], {})).not.toEqual(asked);
  });

  it('passes over what a harness wrote, and what tools gave', async () => {
    const harness = '<system-reminder>\nNever mention this.\n</system-reminder>';
    expect(await decided([user(`${harness}\nAnd in euros?`)])).toEqual(asked);
    const parts = [harness, 'And in euros?'].map((text) => ({ type: 'text', text }));
    expect(await decided([user(parts)])).toEqual(asked);
    expect(await decided([user(parts)], {})).not.toEqual(asked);
    expect(
      await decided([
        user('And in euros?'),
        { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'rate', input: {} }] },
        user([{ type: 'tool_result', tool_use_id: 'a', content: 'One is 0.9.' }]),
        user(harness),
      ]),
    ).toEqual(asked);
  });

  it('counts as long as it is', async () => {
    const messages = [user('word '.repeat(500)), assistant('Yes.'), user('And in euros?')];
    const { options } = readTurn({ messages }, { conversation: { tokens: 7 } }, []);
    expect(options.signals?.conversationTokens).toBeGreaterThan(500);
    const longer = readTurn({ messages }, { conversation: { tokens: 1007 } }, []);
    expect(longer.options.signals!.conversationTokens! - options.signals!.conversationTokens!).toBe(1000);
  });

  it('never makes routing throw by what is said in it', () => {
    const anything = fc.record(
      { role: fc.constantFrom('user', 'tool', 'assistant'), content: fc.anything(), type: fc.anything() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.array(anything), (messages) => {
        readTurn({ messages } as Request, { conversation: {} }, []);
      }),
    );
  });

  it('takes time in proportion to what is said, closed or not', () => {
    const timeOf = (tags: number) => {
      const messages = [user('<system-reminder>'.repeat(tags))];
      const { user: before } = process.cpuUsage();
      for (let i = 0; i < 5; i++) readTurn({ messages }, { conversation: {} }, []);
      return process.cpuUsage().user - before;
    };
    timeOf(1000);
    // 10 times as long; 100 times as long would be 100 times as slow.
    expect(timeOf(20_000)).toBeLessThan(40 * timeOf(2000) + 50_000);
  });

  it.each([
    [{ turns: [{}] }, 'turns[0]'],
    [{ turns: [turn('a', { ageMs: -1 })] }, 'turns[0].ageMs'],
    [{ turns: [turn('a', { inputTokens: 0.5 })] }, 'turns[0].inputTokens'],
    [{ turn: 1 }, 'conversation of route options'],
    [{ tokens: '7' }, 'tokens'],
  ])('%j is refused', async (conversation, field) => {
    const options = { conversation } as RouteOptions;
    await expect(router.route({ text: 'Hi' }, options)).rejects.toThrow(field);
  });

  it('is for `route` alone', () => {
    const embed = () => router.routeEmbedding(new Float32Array(8), undefined, { conversation: {} });
    expect(embed).toThrow('without `conversation`');
  });
});

describe('signals of a conversation', () => {
  const call = (name: string, args: string) => ({
    role: 'assistant',
    content: null,
    tool_calls: [{ id: 'x', type: 'function', function: { name, arguments: args } }],
  });
  const result = (content: string) => ({ role: 'tool', tool_call_id: 'x', content });

  it('say where it stands: OpenAI, chat', () => {
    const messages = [
      { role: 'system', content: 'Be brief.' },
      user('One'),
      call('read', '{"a":1}'),
      result('Error: no such file'),
      user('Two'),
      call('read', '{"a":1}'),
      result('Error: no such file'),
      call('read', '{"a":1}'),
      result('fine'),
      call('list', '{}'),
      result('exit code: 1'),
      call('read', '{"a":1}'),
    ];
    expect(signalsOf(messages)).toMatchObject({ userTurn: 2, toolResults: 3, toolErrors: 2, stall: 2 });
  });

  it('say where it stands: Anthropic', () => {
    const use = (input: object) => ({
      role: 'assistant',
      content: [
        { type: 'text', text: 'Let me look.' },
        { type: 'tool_use', id: 'a', name: 'read', input },
      ],
    });
    const gave = (content: unknown, isError = false) =>
      user([{ type: 'tool_result', tool_use_id: 'a', content, is_error: isError }]);
    const messages = [
      user('Go'),
      use({ a: 1 }),
      gave('x', true),
      use({ a: 1 }),
      gave([{ type: 'text', text: 'ok' }]),
    ];
    expect(signalsOf(messages)).toMatchObject({ userTurn: 1, toolResults: 2, toolErrors: 1, stall: 1 });
  });

  it('say where it stands: OpenAI, responses', () => {
    const messages = [
      { role: 'user', content: [{ type: 'input_text', text: 'Go' }] },
      { type: 'function_call', call_id: 'a', name: 'read', arguments: '{}' },
      { type: 'function_call_output', call_id: 'a', output: 'Traceback (most recent call last)' },
      { type: 'function_call', call_id: 'b', name: 'read', arguments: '{}' },
      { type: 'function_call_output', call_id: 'b', output: 'fine' },
    ];
    expect(signalsOf(messages)).toMatchObject({ userTurn: 1, toolResults: 2, toolErrors: 1, stall: 1 });
  });

  it('say where it stands: AI SDK', () => {
    const messages = [
      user([{ type: 'text', text: 'Go' }]),
      {
        role: 'assistant',
        content: [{ type: 'tool-call', toolCallId: 'a', toolName: 'read', input: { a: 1 } }],
      },
      {
        role: 'tool',
        content: [{ type: 'tool-result', toolCallId: 'a', output: { type: 'error-text', value: 'No.' } }],
      },
    ];
    expect(signalsOf(messages)).toMatchObject({ userTurn: 1, toolErrors: 1, stall: 0 });
  });

  it('are what the caller says, where it does, and stand in the decision', async () => {
    const { signals } = await router.route({ text: 'Hi' }, { conversation: {}, signals: { userTurn: 9 } });
    expect(signals).toMatchObject({ userTurn: 9, toolResults: 0, toolErrors: 0, stall: 0 });
  });
});

describe('a warm prefix', () => {
  it('is what a candidate read and wrote last, while it is fresh and long enough', () => {
    const turns = [turn('a'), turn('b'), turn('a', { inputTokens: 20_000 }), turn('c', { inputTokens: 900 })];
    expect(warmTokens(turns, 60_000)).toEqual({ a: 20_100, b: 10_100 });
    expect(warmTokens([turn('a', { ageMs: 60_001 })], 60_000)).toEqual({});
  });

  it('is as long as its provider says that such prefixes are', () => {
    const reported = (cachedTokens: number | null) =>
      warmTokens([turn('a', { ageMs: 2000 }), turn('a', { inputTokens: 12_000, cachedTokens })], 60_000).a;
    expect(reported(null)).toBe(12_100);
    expect(reported(10_100)).toBe(12_100);
    expect(reported(0)).toBeLessThan(0.1 * 12_100);
    expect(reported(5_050)).toBeGreaterThan(reported(0));
  });
});

const base: PolicySpec = { kind: 'utility', weights: 'best' };
const request = { text: 'hello' };
const [first, second] = (await routerWith(base).route(request)).predictions;

describe('a session', () => {
  const gap = first.utility - second.utility;
  const decide = (policy: Partial<Extract<PolicySpec, { kind: 'session' }>>, ...turns: ConversationTurn[]) =>
    routerWith({ kind: 'session', policy: base, ...policy }).route(request, { conversation: { turns } });

  it('leaves the one that answered last when another is above it by more than the margin', async () => {
    const left = await decide({ switchMargin: gap * 0.9 }, turn(second.candidate));
    expect([left.candidate, left.policyPath[0]]).toEqual([first.candidate, 'session:leave']);
    const stayed = await decide({ switchMargin: gap * 1.1 }, turn(second.candidate));
    expect([stayed.candidate, stayed.policyPath[0]]).toEqual([second.candidate, 'session:stay']);
    expect(stayed.plan).toEqual({ kind: 'call', candidate: second.candidate });
    expect(stayed.fallback[0]).toBe(first.candidate);
    expect(stayed.whatWouldChangeIt).toMatchObject([
      { kind: 'threshold', field: 'switchMargin', to: expect.closeTo(gap), candidate: first.candidate },
    ]);
  });

  it('stays with nobody before there is an answer, after its time, and who is out of choice', async () => {
    const pin = { mode: 'pin' } as const;
    expect((await decide(pin)).policyPath[0]).toBe('session:first');
    expect((await decide({ ...pin, ttlMs: 500 }, turn(second.candidate))).policyPath[0]).toBe('session:late');
    const denied = { ...pin, limits: { deny: [second.candidate] } };
    expect((await decide(denied, turn(second.candidate))).policyPath[0]).toBe('session:gone');
    expect((await decide(pin, turn(first.candidate))).policyPath[0]).toBe('session:same');
    expect((await decide(pin, turn('unheard of'))).policyPath[0]).toBe('session:gone');
  });

  it('that is pinned stays whatever it costs', async () => {
    const { candidate, policyPath } = await decide({ mode: 'pin' }, turn(second.candidate));
    expect([candidate, policyPath[0]]).toEqual([second.candidate, 'session:stay']);
  });

  it('that goes upwards leaves for no candidate that is less likely to answer well', async () => {
    const cheapest: PolicySpec = { kind: 'utility', weights: 'cheapest' };
    const up = { mode: 'upwards' } as const;
    const { candidate: cheap } = await routerWith(cheapest).route(request);
    expect(cheap).not.toBe(first.candidate);
    const down = await decide({ ...up, policy: cheapest }, turn(first.candidate));
    expect([down.candidate, down.policyPath[0]]).toEqual([first.candidate, 'session:stay']);
    expect((await decide({ ...up }, turn(cheap))).candidate).toBe(first.candidate);
  });

  it('counts what is warm, which makes staying cheaper', async () => {
    const manifest = {
      candidates: artifact.manifest.candidates.map((candidate) => ({
        ...candidate,
        inputPricePerMillionTokens: 1,
        cachedInputPricePerMillionTokens: 0.1,
        outputPricePerMillionTokens: 1,
        tokens: { meanInput: 100, meanOutput: 10, inputFrame: 0, inputRatio: 1 },
        meanCostUsd: 0.01,
      })),
    };
    const priced = createRouter(await readTinyArtifact({ manifest }), {
      embedder: fakeEmbedder,
      policy: { kind: 'session', policy: { kind: 'utility', weights: 'cheapest' } },
    });
    const long = { messages: [user('word '.repeat(9000)), assistant('Yes.'), user('And?')] };
    for (const { name } of manifest.candidates) {
      const turns = [turn(name, { inputTokens: 8000 })];
      const { candidate, predictions } = await priced.route(long, { conversation: { turns } });
      expect(candidate).toBe(name);
      expect(predictions[0].expectedCostUsd!).toBeLessThan(0.3 * predictions[1].expectedCostUsd!);
    }
  });

  it('decides as the policy inside it without a conversation', async () => {
    const plain = await routerWith(base).route(request);
    const { routerMs: _, ...inside } = plain;
    const { routerMs: __, ...session } = await routerWith({ kind: 'session', policy: base }).route(request);
    expect(session).toEqual(inside);
  });
});
