import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { OutageState } from '../../../gateway/state/outage-state.ts';
import { RedisState } from '../../../gateway/state/redis-state.ts';
import { StateUnavailableError } from '../../../gateway/state/state.ts';
import { findRedis, type RedisServer, startRedis } from '../../fixtures/redis-server.ts';
import { anAccount, aRequest } from './a-request.ts';

describe.skipIf(findRedis() === undefined)('while Redis does not answer', () => {
  let server: RedisServer;
  let state: OutageState;
  let direct: RedisState;
  let account = anAccount('a');
  let made = 0;

  beforeAll(async () => {
    server = await startRedis();
    direct = new RedisState(server.url, { timeoutMs: 20_000 });
    await direct.connect();
  });
  afterAll(async () => {
    await direct.close();
    await server.stop();
  });
  beforeEach(() => {
    made += 1;
    account = anAccount(`account${made}`, { nanoUsdPerDay: 1000 });
  });
  afterEach(() => state.close());

  const open = async (onUnreachable: 'refuse' | 'allow') => {
    const redis = new RedisState(server.url, { timeoutMs: 150 });
    await redis.connect();
    state = new OutageState(redis, { onUnreachable, allowanceNanoUsd: 100, probeEveryMs: 20 });
  };
  const until = async (holds: () => Promise<boolean>) => {
    for (let tries = 0; !(await holds().catch(() => false)); tries++) {
      if (tries > 500) throw new Error('It never came to be.');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const spent = async () => (await direct.usage(account.id, 1))[0]?.nanoUsd ?? 0;
  const isBack = () =>
    until(
      async () => (await state.reserve(aRequest(anAccount('probe'), { isHeld: false }))).state === 'reserved',
    );

  it('refuses everything at once, and goes on when it is back', async () => {
    await open('refuse');
    await server.kill();
    await expect(state.reserve(aRequest(account))).rejects.toThrow(StateUnavailableError);
    const started = performance.now();
    await expect(state.reserve(aRequest(account))).rejects.toThrow(StateUnavailableError);
    expect(performance.now() - started).toBeLessThan(100);
    expect(await state.ready()).toBe(false);
    await server.start();
    await isBack();
    expect(await state.ready()).toBe(true);
  });

  it('settles what was under way when it is back', async () => {
    await open('refuse');
    const request = aRequest(account, { nanoUsd: 500 });
    await state.reserve(request);
    await server.kill();
    await state.settle({ id: request.id, nanoUsd: 70, inputTokens: 1, outputTokens: 2 });
    await server.start();
    await until(async () => (await spent()) === 70);
    expect((await direct.usage(account.id, 1))[0]).toMatchObject({ heldNanoUsd: 0, inputTokens: 1 });
  });

  it('lets through what its allowance covers, and tells Redis of it afterwards', async () => {
    await open('allow');
    await state.reserve(aRequest(account, { nanoUsd: 500 }));
    await server.kill();
    expect(await state.ready()).toBe(true);
    const [first, second, third] = [60, 40, 1].map((nanoUsd) => aRequest(account, { nanoUsd }));
    expect((await state.reserve(first)).state).toBe('reserved');
    expect((await state.reserve(second)).state).toBe('reserved');
    await expect(state.reserve(third)).rejects.toThrow('is used up');
    // What has no budget needs no allowance.
    expect((await state.reserve(aRequest(anAccount('free'), { nanoUsd: 1e9 }))).state).toBe('reserved');
    await state.settle({ id: first.id, nanoUsd: 50, inputTokens: 3, outputTokens: 4 });
    await server.start();
    await until(async () => (await spent()) === 550);
    await state.settle({ id: second.id, nanoUsd: null, inputTokens: 0, outputTokens: 0 });
    await until(async () => (await spent()) === 590);
    expect((await direct.usage(account.id, 1))[0]).toMatchObject({
      requests: 3,
      inputTokens: 3,
      outputTokens: 4,
    });
    // Another outage on the same day allows no more than what is left: 100 - 50 - 40.
    await isBack();
    await server.kill();
    await expect(state.reserve(aRequest(account, { nanoUsd: 11 }))).rejects.toThrow('is used up');
    expect((await state.reserve(aRequest(account, { nanoUsd: 10 }))).state).toBe('reserved');
    await server.start();
  });

  it.each(['refuse', 'allow'] as const)(
    'counts a request once that Redis took, but did not answer: %s',
    async (onUnreachable) => {
      await open(onUnreachable);
      server.pause();
      const request = aRequest(account, { nanoUsd: 60 });
      const asked = state.reserve(request);
      if (onUnreachable === 'refuse') await expect(asked).rejects.toThrow(StateUnavailableError);
      else {
        expect((await asked).state).toBe('reserved');
        await state.settle({ id: request.id, nanoUsd: 30, inputTokens: 0, outputTokens: 0 });
      }
      // What waits in its socket is done now.
      server.resume();
      await isBack();
      const rightly = onUnreachable === 'refuse' ? 0 : 30;
      await until(async () => {
        const [use] = await direct.usage(account.id, 1);
        return (use?.nanoUsd ?? 0) === rightly && (use?.heldNanoUsd ?? 0) === 0;
      });
      // However late it comes.
      await expect(direct.reserve(request)).rejects.toThrow(StateUnavailableError);
      expect(await spent()).toBe(rightly);
    },
  );

  it('starts without Redis, and finds it later', async () => {
    await server.kill();
    await open('refuse');
    await expect(state.key('aaaaaaaaaaaa')).rejects.toThrow('Redis does not answer');
    await server.start();
    await isBack();
    expect(await state.key('aaaaaaaaaaaa')).toBe(undefined);
  });
});
