import { afterAll, describe, expect, it } from 'vitest';
import { createConversations } from '../../../gateway/conversations/conversations.ts';
import { createMemory } from '../../../gateway/state/memory.ts';
import type { GatewayRequest } from '../../../gateway/upstreams/clients.ts';
import { findRedis, type RedisServer, startRedis } from '../../fixtures/redis-server.ts';
import {
  ask,
  completion,
  mockUpstream,
  post,
  recordOf,
  resetBeforeEach,
  sendJson,
  testConfig,
  testGateway,
} from '../gateway-fixture.ts';

const MINUTE = 60_000;
const user = (content: unknown) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const request = (messages: readonly unknown[], more: object = {}) =>
  ({ messages, ...more }) as unknown as GatewayRequest;
const answer = (candidate: string, usage: object = { inputTokens: 2000, outputTokens: 10 }, raw?: unknown) =>
  ({ candidate, answer: { text: '', usage, raw } }) as never;

describe('a turn', () => {
  let now = 0;
  const options = { ttlMs: 60 * MINUTE, cacheTtlMs: 5 * MINUTE };
  const conversations = createConversations(
    createMemory(() => now),
    options,
    undefined,
    () => now,
  );
  const open = (messages: readonly unknown[], named?: string, keyId: string | null = 'k1') =>
    conversations.open(request(messages), keyId, named);

  it('goes on from the request that it begins with', async () => {
    const first = [{ role: 'system', content: 'Be brief.' }, user('One')];
    const one = await open(first);
    expect(one.conversation.turns).toEqual([]);
    one.answered(answer('small', { inputTokens: 2000, outputTokens: 10, cachedInputTokens: 7 }));
    now += 1000;
    const two = await open([...first, assistant('1'), user('Two')]);
    expect(two.id).toBe(one.id);
    expect(two.conversation.turns).toEqual([
      { candidate: 'small', ageMs: 1000, inputTokens: 2000, outputTokens: 10, cachedTokens: 7 },
    ]);
    two.answered(answer('large'));
    const three = await open([...first, assistant('1'), user('Two'), assistant('2'), user('Three')]);
    expect(three.conversation.turns?.map(({ candidate }) => candidate)).toEqual(['small', 'large']);
    // One that goes on otherwise from the first turn is known by that.
    const other = await open([...first, assistant('1'), user('Something else')]);
    expect(other.conversation.turns?.map(({ candidate }) => candidate)).toEqual(['small']);
    for (const strange of [
      [user('One'), assistant('1'), user('Two')],
      [...first.slice(1), user('Two')],
    ])
      expect((await open(strange)).conversation.turns).toEqual([]);
  });

  it('is the same where an agent moves its marks of caches on, and adds calls and results', async () => {
    const mark = { cache_control: { type: 'ephemeral' } };
    const asked = (more: object) => user([{ type: 'text', text: 'Fix it', ...more }]);
    const one = await open([asked(mark)]);
    one.answered(answer('small'));
    const call = { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'read', input: {} }] };
    const result = user([{ type: 'tool_result', tool_use_id: 'a', content: 'x', ...mark }]);
    expect((await open([asked({}), call, result])).id).toBe(one.id);
  });

  it('is known by the name that its client gives, and by the answer that it names', async () => {
    const one = await open([user('a')], 'mine');
    expect(one.id).toBe('mine');
    one.answered(answer('large'));
    expect((await open([user('b')], 'mine')).conversation.turns).toHaveLength(1);
    const body = { protocol: 'openai-responses', parameters: { conversation: { id: 'mine' } } };
    expect((await conversations.open(request([user('c')], body), 'k1')).conversation.turns).toHaveLength(1);

    const raw = { candidate: 'large', text: 'event: response.completed\ndata: {"response":{"id":"resp_1"}}' };
    const whole = { candidate: 'large', text: '{"id":"resp_2"}' };
    for (const each of [raw, whole])
      (await conversations.open(request([user('d')], body), 'k1')).answered(answer('large', {}, each));
    for (const previous of ['resp_1', 'resp_2']) {
      const parameters = { previous_response_id: previous };
      const next = await conversations.open(request([user('e')], { parameters }), 'k1');
      expect([next.id, next.boundTo]).toEqual(['mine', 'large']);
    }
  });

  it('of another key is of another conversation', async () => {
    (await open([user('a')], 'shared', 'k1')).answered(answer('large'));
    expect((await open([user('a')], 'shared', 'k2')).conversation.turns).toEqual([]);
    expect((await open([user('a')], 'shared', null)).conversation.turns).toEqual([]);
  });

  it('is forgotten after its time, and when there are too many', async () => {
    (await open([user('a')], 'old')).answered(answer('large'));
    now += 60 * MINUTE;
    expect((await open([user('a')], 'old')).conversation.turns).toEqual([]);
    const memory = createMemory(() => now, 2);
    await memory.remember(
      [
        { key: 'a', value: '1' },
        { key: 'b', value: '2' },
      ],
      MINUTE,
    );
    await memory.recall(['a']);
    await memory.remember([{ key: 'c', value: '3' }], MINUTE);
    expect(await memory.recall(['a', 'b', 'c'])).toEqual(['1', undefined, '3']);
  });

  it('is taken for the first where memory fails, and says so', async () => {
    const errors: unknown[] = [];
    const failing = {
      recall: () => Promise.reject(new Error('gone')),
      remember: () => Promise.reject(new Error('gone')),
    };
    const lost = createConversations(failing, options, (error) => errors.push(error));
    const talk = await lost.open(request([user('a')]), null, 'mine');
    talk.answered(answer('large'));
    await new Promise((resolve) => setImmediate(resolve));
    expect([talk.conversation.turns, errors.length]).toEqual([[], 2]);
  });
});

const upstream = await mockUpstream();
resetBeforeEach(upstream);

let redis: RedisServer | undefined;
afterAll(() => redis?.stop());

describe('a gateway', () => {
  const policy = { kind: 'session', mode: 'pin', policy: { kind: 'utility', weights: 'best' } };
  const sessions = async (more: object = {}) => {
    const config = await testConfig(upstream, more);
    const routers = { support: { folder: config.routers!.support.folder, policy } };
    return testGateway({ ...config, routers } as never);
  };

  it('stays with who answered, and says which conversation it was', async () => {
    const gateway = await sessions();
    const deny = (name: string) => ({ 'x-pointsman-limits': JSON.stringify({ allow: [name] }) });
    const messages: object[] = [user('What is 17 * 23?')];
    const first = await post(gateway, '/v1/chat/completions', ask({ messages }), deny('m1'));
    expect(first.headers.get('x-pointsman-candidate')).toBe('m1');
    messages.push(assistant('391'), user('And in hexadecimal?'));
    const second = await post(gateway, '/v1/chat/completions', ask({ messages }));
    expect(second.headers.get('x-pointsman-candidate')).toBe('m1');
    const id = first.headers.get('x-pointsman-conversation-id');
    expect(second.headers.get('x-pointsman-conversation-id')).toBe(id);
    const { conversationId, decision } = await recordOf(gateway, second);
    expect(conversationId).toBe(id);
    expect(decision.policyPath[0]).toMatch(/^session:(stay|same)$/);
    expect(decision.signals).toMatchObject({ userTurn: 2, toolErrors: 0 });
    const route = await (await post(gateway, '/v1/route', { messages })).json();
    expect(route.candidate).toBe('m1');
    const fresh = await (await post(gateway, '/v1/route', ask())).json();
    expect(fresh.policyPath[0]).toMatch(/^session:/);
  });

  it('gives what goes on from an answer to the upstream that has it', async () => {
    const upstreams = {
      mock: { baseUrl: `${upstream.url}/v1`, protocol: 'openai-responses' },
      other: { baseUrl: `${upstream.url}/v1`, protocol: 'openai-responses' },
    };
    const candidates = { m0: { upstream: 'mock' }, m1: { upstream: 'other' }, m2: { upstream: 'mock' } };
    const config = await testConfig(upstream, { upstreams, candidates } as never);
    const gateway = await testGateway(config);
    upstream.answer = (_, response) =>
      sendJson(response, {
        id: 'resp_7',
        object: 'response',
        status: 'completed',
        model: 'served-1',
        output: [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'x' }] }],
        usage: { input_tokens: 100, output_tokens: 10, total_tokens: 110 },
      });
    const allow = { 'x-pointsman-limits': '{"allow":["m1"]}' };
    const first = await post(gateway, '/v1/responses', { model: 'auto', input: 'Hi' }, allow);
    expect([first.status, first.headers.get('x-pointsman-candidate')]).toEqual([200, 'm1']);
    const body = { model: 'auto', input: 'And?', previous_response_id: 'resp_7' };
    for (let i = 0; i < 3; i++)
      expect((await post(gateway, '/v1/responses', body)).headers.get('x-pointsman-candidate')).toBe('m1');
  });

  it.runIf(findRedis() !== undefined)('shares its conversations with others on one Redis', async () => {
    redis ??= await startRedis();
    const keys = { state: '${REDIS}', timeoutMs: 20_000 };
    const open = async () => {
      const config = await testConfig(upstream, { keys } as never);
      const routers = { support: { folder: config.routers!.support.folder, policy } };
      return testGateway({ ...config, routers } as never, { env: { MOCK_KEY: 'x', REDIS: redis!.url } });
    };
    const [a, b] = [await open(), await open()];
    const made = await a.fetch(
      new Request('http://127.0.0.1:8800/admin/keys', {
        method: 'POST',
        headers: { host: '127.0.0.1:8800' },
        body: '{"name":"a"}',
      }),
    );
    const headers = { 'x-api-key': (await made.json()).secret };
    const messages: object[] = [user('What is 17 * 23?')];
    const limits = { 'x-pointsman-limits': '{"allow":["m0"]}' };
    const first = await post(a, '/v1/chat/completions', ask({ messages }), { ...headers, ...limits });
    expect(first.headers.get('x-pointsman-candidate')).toBe('m0');
    messages.push(assistant('391'), user('And?'));
    const ids = new Set([first.headers.get('x-pointsman-conversation-id')]);
    for (const gateway of [b, a]) {
      const next = await post(gateway, '/v1/chat/completions', ask({ messages }), headers);
      expect(next.headers.get('x-pointsman-candidate')).toBe('m0');
      ids.add(next.headers.get('x-pointsman-conversation-id'));
    }
    expect(ids.size).toBe(1);
  });

  it('counts what upstreams had in their caches', async () => {
    const gateway = await sessions();
    const usage = {
      prompt_tokens: 5000,
      completion_tokens: 10,
      total_tokens: 5010,
      prompt_tokens_details: { cached_tokens: 4096 },
    };
    upstream.answer = (_, response) => sendJson(response, completion('x', { usage }));
    const messages: object[] = [user('word '.repeat(4000))];
    for (let turn = 0; turn < 3; turn++) {
      const response = await post(gateway, '/v1/chat/completions', ask({ messages }));
      expect(response.status).toBe(200);
      messages.push(assistant('x'), user(`And ${turn}?`));
      const { decision } = await recordOf(gateway, response);
      expect(decision.signals.userTurn).toBe(turn + 1);
    }
  });
});
