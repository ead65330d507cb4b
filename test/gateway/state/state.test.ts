import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RedisState } from '../../../gateway/state/redis-state.ts';
import { openSqliteState } from '../../../gateway/state/sqlite-state.ts';
import type { GatewayState, ReserveRequest } from '../../../gateway/state/state.ts';
import { findRedis, type RedisServer, startRedis } from '../../fixtures/redis-server.ts';
import { aKey, anAccount, aRequest } from './a-request.ts';

const NOON = Date.UTC(2026, 10, 29, 12);
const MINUTE = 60_000;
const DAY = 86_400_000;

let redis: RedisServer | undefined;
let namespaces = 0;

interface Kind {
  readonly name: string;
  readonly isThere: boolean;
  open(clock: () => number): Promise<GatewayState>;
}

const KINDS: readonly Kind[] = [
  { name: 'SQLite', isThere: true, open: (clock) => openSqliteState(':memory:', { clock }) },
  {
    name: 'Redis',
    isThere: findRedis() !== undefined,
    async open(clock) {
      redis ??= await startRedis();
      namespaces += 1;
      // The machine may be busy with other tests.
      const options = { namespace: `n${namespaces}`, clock, timeoutMs: 20_000 };
      const state = new RedisState(redis.url, options);
      await state.connect();
      return state;
    },
  },
];

afterAll(() => redis?.stop());

describe.each(KINDS.filter(({ isThere }) => isThere))('a state in $name', ({ open }) => {
  let now = NOON;
  let state: GatewayState;
  beforeAll(async () => {
    state = await open(() => now);
  });
  afterAll(() => state.close());

  let accounts = 0;
  const account = (limits: Parameters<typeof anAccount>[1]) => anAccount(`account${accounts++}`, limits);
  const settle = (id: string, nanoUsd: number | null, tokens = 0) =>
    state.settle({ id, nanoUsd, inputTokens: tokens, outputTokens: 0 });
  const stateOf = async (request: ReserveRequest) => (await state.reserve(request)).state;
  const refusalOf = async (request: ReserveRequest) => {
    const result = await state.reserve(request);
    return result.state === 'refused' ? result.refusal : null;
  };

  it('lets through as many requests as a minute may have, and the next when it says so', async () => {
    now = NOON;
    const limited = account({ requestsPerMinute: 3 });
    for (let i = 0; i < 3; i++) expect(await stateOf(aRequest(limited))).toBe('reserved');
    expect(await refusalOf(aRequest(limited))).toEqual({
      account: limited.id,
      limit: 'requests-per-minute',
      retryAfterMs: 20_000,
    });
    now += 19_999;
    expect(await stateOf(aRequest(limited))).toBe('refused');
    now += 1;
    expect(await stateOf(aRequest(limited))).toBe('reserved');
    expect(await stateOf(aRequest(limited))).toBe('refused');
  });

  it('remembers for a while what does no harm when it is forgotten', async () => {
    await state.remember(
      [
        { key: 'a', value: '1' },
        { key: 'k1:id:ü', value: '{"x":2}' },
      ],
      MINUTE,
    );
    await state.remember([{ key: 'b', value: 'soon gone' }], 40);
    await state.remember([{ key: 'a', value: '3' }], MINUTE);
    expect(await state.recall([])).toEqual([]);
    // The clock of this test for the one, and time itself for the other.
    now += 41;
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(await state.recall(['a', 'none', 'k1:id:ü', 'b'])).toEqual(['3', undefined, '{"x":2}', undefined]);
  });

  it('counts a request that is asked for twice once', async () => {
    const limited = account({ requestsPerMinute: 2, nanoUsdPerDay: 10 });
    const request = aRequest(limited, { nanoUsd: 5 });
    const first = await state.reserve(request);
    expect(await state.reserve(request)).toEqual(first);
    expect(await stateOf(aRequest(limited, { nanoUsd: 5 }))).toBe('reserved');
  });

  it('takes nothing for a request that it refuses', async () => {
    const limited = account({ requestsPerMinute: 2, nanoUsdPerDay: 10 });
    for (let i = 0; i < 5; i++) expect(await stateOf(aRequest(limited, { nanoUsd: 11 }))).toBe('refused');
    expect(await stateOf(aRequest(limited, { nanoUsd: 10 }))).toBe('reserved');
    expect(await stateOf(aRequest(limited))).toBe('reserved');
  });

  it('gives back tokens that were not used, and takes those that were used beyond', async () => {
    now = NOON;
    const limited = account({ tokensPerMinute: 1000 });
    const long = aRequest(limited, { tokens: 900 });
    expect(await stateOf(long)).toBe('reserved');
    expect(await stateOf(aRequest(limited, { tokens: 200 }))).toBe('refused');
    expect(await settle(long.id, 0, 100)).toBe(true);
    const short = aRequest(limited, { tokens: 100 });
    expect(await stateOf(short)).toBe('reserved');
    expect(await settle(short.id, 0, 1500)).toBe(true);
    // 1600 are in use: 700 of them must drain before 100 more fit.
    expect((await refusalOf(aRequest(limited, { tokens: 100 })))?.retryAfterMs).toBe(42_000);
    now += 42_000;
    expect(await stateOf(aRequest(limited, { tokens: 100 }))).toBe('reserved');
  });

  it('gives back no tokens that have drained', async () => {
    now = NOON;
    const limited = account({ tokensPerMinute: 1000 });
    const first = aRequest(limited, { tokens: 1000 });
    expect(await stateOf(first)).toBe('reserved');
    now += MINUTE;
    expect(await stateOf(aRequest(limited, { tokens: 1000 }))).toBe('reserved');
    expect(await settle(first.id, 0, 0)).toBe(true);
    expect(await stateOf(aRequest(limited, { tokens: 500 }))).toBe('refused');
  });

  it('says when no waiting helps', async () => {
    const limited = account({ tokensPerMinute: 10, nanoUsdPerMonth: 10 });
    expect(await refusalOf(aRequest(limited, { tokens: 11 }))).toMatchObject({
      limit: 'tokens-per-minute',
      retryAfterMs: null,
    });
    expect(await refusalOf(aRequest(limited, { nanoUsd: 11 }))).toMatchObject({
      limit: 'budget-per-month',
      retryAfterMs: null,
    });
  });

  it('sets a cost aside, and puts the real one in its place, once', async () => {
    const limited = account({ nanoUsdPerDay: 100 });
    const request = aRequest(limited, { nanoUsd: 100 });
    expect(await stateOf(request)).toBe('reserved');
    expect(await stateOf(aRequest(limited, { nanoUsd: 1 }))).toBe('refused');
    expect(await settle(request.id, 30)).toBe(true);
    expect(await settle(request.id, 30)).toBe(false);
    expect(await settle(request.id, 0)).toBe(false);
    expect(await stateOf(aRequest(limited, { nanoUsd: 71 }))).toBe('refused');
    expect(await stateOf(aRequest(limited, { nanoUsd: 70 }))).toBe('reserved');
  });

  it('counts what was set aside where nobody knows the cost', async () => {
    const limited = account({ nanoUsdPerDay: 100 });
    const request = aRequest(limited, { nanoUsd: 60 });
    await state.reserve(request);
    expect(await settle(request.id, null)).toBe(true);
    expect(await stateOf(aRequest(limited, { nanoUsd: 41 }))).toBe('refused');
  });

  it('lets what is free through any budget', async () => {
    const limited = account({ nanoUsdPerDay: 0 });
    expect(await stateOf(aRequest(limited, { nanoUsd: 1 }))).toBe('refused');
    expect(await stateOf(aRequest(limited))).toBe('reserved');
  });

  it('knows nothing of what it never reserved', async () => {
    expect(await settle('never', 100)).toBe(false);
  });

  it('begins days and months anew at midnight of UTC, and counts a request on the day it began', async () => {
    now = Date.UTC(2026, 1, 28, 23, 59, 59, 999);
    const limited = account({ nanoUsdPerDay: 10, nanoUsdPerMonth: 15 });
    const late = aRequest(limited, { nanoUsd: 10, leaseMs: DAY });
    expect(await stateOf(late)).toBe('reserved');
    // The month is short: a day and a month end together.
    expect(await refusalOf(aRequest(limited, { nanoUsd: 10 }))).toMatchObject({ retryAfterMs: 1 });
    now += 1;
    expect(await stateOf(aRequest(limited, { nanoUsd: 10 }))).toBe('reserved');
    expect(await settle(late.id, 9)).toBe(true);
    expect((await state.usage(limited.id, 10)).map(({ day, nanoUsd }) => [day, nanoUsd])).toEqual([
      ['2026-03-01', 10],
      ['2026-02-28', 9],
    ]);
    now += DAY;
    expect(await refusalOf(aRequest(limited, { nanoUsd: 10 }))).toMatchObject({
      limit: 'budget-per-month',
      retryAfterMs: Date.UTC(2026, 3, 1) - now,
    });
    expect(await stateOf(aRequest(limited, { nanoUsd: 5 }))).toBe('reserved');
  });

  it('knows leap days, ends of years, and days on which clocks change', async () => {
    const days = [
      [Date.UTC(2028, 1, 29, 23, 59), '2028-02-29'],
      [Date.UTC(2026, 11, 31, 23, 59), '2026-12-31'],
      [Date.UTC(2027, 0, 1), '2027-01-01'],
      [Date.UTC(2026, 2, 29, 1, 30), '2026-03-29'],
      [Date.UTC(2026, 9, 25, 23, 59), '2026-10-25'],
      [Date.UTC(2100, 1, 28, 23), '2100-02-28'],
    ] as const;
    for (const [at, day] of days) {
      now = at;
      const limited = account({ nanoUsdPerDay: 10 });
      await state.reserve(aRequest(limited, { nanoUsd: 1 }));
      expect((await state.usage(limited.id, 1))[0].day).toBe(day);
    }
    now = NOON;
  });

  it('waits for nothing when the clock went back, and gives no day twice', async () => {
    now = NOON + 3 * DAY;
    const limited = account({ requestsPerMinute: 1, nanoUsdPerDay: 10 });
    expect(await stateOf(aRequest(limited, { nanoUsd: 10 }))).toBe('reserved');
    now = NOON;
    expect((await refusalOf(aRequest(limited)))?.retryAfterMs).toBe(MINUTE);
    now = NOON + MINUTE;
    expect(await stateOf(aRequest(limited, { nanoUsd: 10 }))).toBe('reserved');
    now = NOON + 3 * DAY;
    expect(await stateOf(aRequest(limited, { nanoUsd: 1 }))).toBe('refused');
    now = NOON;
    expect(await stateOf(aRequest(limited, { nanoUsd: 1 }))).toBe('refused');
  });

  it.each([
    ['charge', 10, 'refused'],
    ['release', 0, 'reserved'],
  ] as const)('after a lease, %s: a crash counts as %i of 10', async (onExpiry, nanoUsd, then) => {
    now = NOON;
    const limited = account({ nanoUsdPerDay: 10 });
    const lost = aRequest(limited, { nanoUsd: 10, leaseMs: 1000, onExpiry });
    expect(await stateOf(lost)).toBe('reserved');
    now += 999;
    expect(await stateOf(aRequest(limited, { nanoUsd: 1 }))).toBe('refused');
    expect((await state.usage(limited.id, 1))[0]).toMatchObject({ nanoUsd: 10, heldNanoUsd: 10, expired: 0 });
    now += 1;
    expect((await state.usage(limited.id, 1))[0]).toMatchObject({ nanoUsd, heldNanoUsd: 0, expired: 1 });
    const next = aRequest(limited, { nanoUsd: 1 });
    expect(await stateOf(next)).toBe(then);
    await settle(next.id, 0);
    // It was slow and not dead: the real cost counts all the same, once.
    expect(await settle(lost.id, 4)).toBe(true);
    expect(await settle(lost.id, 4)).toBe(false);
    expect((await state.usage(limited.id, 1))[0]).toMatchObject({ nanoUsd: 4, heldNanoUsd: 0 });
  });

  it('takes from every account or from none', async () => {
    const [key, all] = [account({ nanoUsdPerDay: 10 }), account({ nanoUsdPerDay: 15 })];
    const both = (nanoUsd: number) => aRequest(key, { accounts: [key, all], nanoUsd });
    expect(await stateOf(both(10))).toBe('reserved');
    expect((await refusalOf(both(1)))?.account).toBe(key.id);
    const other = account({ nanoUsdPerDay: 10 });
    const more = (nanoUsd: number) => aRequest(other, { accounts: [other, all], nanoUsd });
    expect((await refusalOf(more(6)))?.account).toBe(all.id);
    expect(await stateOf(more(5))).toBe('reserved');
    expect(await refusalOf(aRequest(other, { nanoUsd: 6 }))).toMatchObject({ account: other.id });
  });

  it('counts requests and tokens of each day', async () => {
    const limited = account({});
    const request = aRequest(limited, { tokens: 7, nanoUsd: 3 });
    const result = await state.reserve(request);
    expect(result).toMatchObject({ standings: [{ account: limited.id, dayNanoUsd: 3, monthNanoUsd: 3 }] });
    await state.settle({ id: request.id, nanoUsd: 2, inputTokens: 5, outputTokens: 4 });
    await state.reserve(aRequest(limited, { isHeld: false }));
    expect(await state.usage(limited.id, 1)).toEqual([
      expect.objectContaining({ nanoUsd: 2, heldNanoUsd: 0, requests: 2, inputTokens: 5, outputTokens: 4 }),
    ]);
    expect(await state.usage('nobody', 5)).toEqual([]);
  });

  it('counts millions of dollars to the billionth', async () => {
    const limited = account({ nanoUsdPerMonth: 9e15 });
    for (let i = 0; i < 8; i++)
      expect(await stateOf(aRequest(limited, { nanoUsd: 1e15 - 1, leaseMs: DAY }))).toBe('reserved');
    expect(await stateOf(aRequest(limited, { nanoUsd: 1e15 + 9 }))).toBe('refused');
    expect(await stateOf(aRequest(limited, { nanoUsd: 1e15 + 8 }))).toBe('reserved');
    expect((await state.usage(limited.id, 1))[0].nanoUsd).toBe(9e15);
  });

  it('keeps keys, in their order, and lets the first of two writers win', async () => {
    const [a, b] = [
      aKey('aaaaaaaaaaaa', { name: 'Zoë 🚂 "x"' }),
      aKey('bbbbbbbbbbbb', { tags: { team: 'é' } }),
    ];
    expect(await state.writeKey(b)).toBe(true);
    expect(await state.writeKey(a)).toBe(true);
    expect(await state.writeKey(a)).toBe(false);
    expect(await state.key(a.id)).toEqual(a);
    expect(await state.keys(null, 10)).toEqual([a, b]);
    expect(await state.keys(null, 1)).toEqual([a]);
    expect(await state.keys(a.id, 10)).toEqual([b]);
    const changed = { ...a, version: 2, disabled: true };
    expect(await state.writeKey(changed)).toBe(true);
    expect(await state.writeKey({ ...a, version: 2 })).toBe(false);
    expect(await state.key(a.id)).toEqual(changed);
    expect(await state.deleteKey(a.id)).toBe(true);
    expect(await state.deleteKey(a.id)).toBe(false);
    expect(await state.key(a.id)).toBe(undefined);
    expect(await state.writeKey({ ...a, version: 3 })).toBe(false);
    expect(await state.keys(null, 10)).toEqual([b]);
  });

  it('decides on the key as it is now', async () => {
    const key = aKey('cccccccccccc');
    await state.writeKey(key);
    const request = (version: number) => aRequest(anAccount(key.id), { key: { id: key.id, version } });
    expect(await stateOf(request(1))).toBe('reserved');
    await state.writeKey({ ...key, version: 2 });
    expect(await stateOf(request(1))).toBe('key-changed');
    expect(await stateOf(request(2))).toBe('reserved');
    await state.deleteKey(key.id);
    expect(await stateOf(request(2))).toBe('key-changed');
  });

  it('is ready', async () => {
    expect(await state.ready()).toBe(true);
  });
});
