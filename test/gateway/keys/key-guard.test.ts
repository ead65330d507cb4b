import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Admission, Guard } from '../../../gateway/keys/guard.ts';
import { createKeyGuard, type KeyGuardOptions } from '../../../gateway/keys/key-guard.ts';
import { changeKey, createKey, deleteKey, readUsage, rotateKey } from '../../../gateway/keys/manage-keys.ts';
import { RefusalError } from '../../../gateway/problem.ts';
import { openSqliteState } from '../../../gateway/state/sqlite-state.ts';
import { type GatewayState, StateUnavailableError } from '../../../gateway/state/state.ts';

const NOON = Date.UTC(2026, 10, 29, 12);

let now = NOON;
let state: GatewayState;
let guard: Guard;
let errors: unknown[];

beforeEach(async () => {
  now = NOON;
  errors = [];
  state = await openSqliteState(':memory:', { clock: () => now });
  guard = withOptions({});
});
afterEach(() => guard.close());

function withOptions(options: Partial<KeyGuardOptions>): Guard {
  return createKeyGuard({ state, clock: () => now, onError: (error) => errors.push(error), ...options });
}

function asked(token: string | null, admission: Partial<Admission> = {}): Admission {
  return { action: 'answer', token, router: 'support', candidate: null, inputTokens: 10, ...admission };
}

const expected = (costUsd: number | null, inputTokens = 10) => ({ candidate: 'small', costUsd, inputTokens });

async function answer(token: string, costUsd: number, realUsd: number | null = costUsd): Promise<void> {
  const grant = await guard.admit(asked(token));
  const reservation = await grant.reserve(expected(costUsd));
  await reservation.settle({ costUsd: realUsd, inputTokens: 10, outputTokens: 5 });
}

async function refusal(promise: Promise<unknown>): Promise<RefusalError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RefusalError);
  return error as RefusalError;
}

describe('who is let in', () => {
  it('is whoever brings a key, with its tier, tags and candidates', async () => {
    const settings = {
      name: 'Zoë',
      tier: 'gold',
      tags: { team: 'é' },
      candidates: ['small'],
      onBudget: 'degrade',
    };
    const { key, secret } = await createKey(state, settings);
    expect(await guard.admit(asked(secret))).toMatchObject({
      keyId: key.id,
      tier: 'gold',
      tags: { team: 'é' },
      candidates: ['small'],
      onBudget: 'degrade',
    });
  });

  it('is nobody without a key, with a wrong one, or with one of another', async () => {
    const { secret } = await createKey(state, { name: 'a' });
    const other = await createKey(state, { name: 'b' });
    const mixed = `pm-${other.key.id}${secret.slice(15)}`;
    const wrong = [
      null,
      '',
      'pm-',
      'sk-abc',
      secret.slice(0, -1),
      `${secret}x`,
      mixed,
      secret.toUpperCase(),
      `${secret}\0`,
      '🚂'.repeat(500),
    ];
    for (const token of wrong) {
      const error = await refusal(guard.admit(asked(token)));
      expect(error).toMatchObject({ kind: 'unauthenticated', status: 401, retryAfterMs: null });
      if (token !== null && token.length > 4) expect(error.message).not.toContain(token);
    }
  });

  it('is nobody any more at the next request, once a key is disabled, deleted, or has another secret', async () => {
    const keys = await Promise.all(['a', 'b', 'c'].map((name) => createKey(state, { name })));
    for (const { secret } of keys) await answer(secret, 0.01);
    const grants = await Promise.all(keys.map(({ secret }) => guard.admit(asked(secret))));
    await changeKey(state, keys[0].key.id, { disabled: true });
    await deleteKey(state, keys[1].key.id);
    const rotated = await rotateKey(state, keys[2].key.id);
    for (const grant of grants) expect((await refusal(grant.reserve(expected(0.01)))).status).toBe(401);
    for (const { secret } of keys) expect((await refusal(guard.admit(asked(secret)))).status).toBe(401);
    await answer(rotated.secret, 0.01);
    await changeKey(state, keys[0].key.id, { disabled: false });
    await answer(keys[0].secret, 0.01);
  });

  it('may still use the secret before for as long as a rotation says', async () => {
    const { key, secret } = await createKey(state, { name: 'a' });
    const second = await rotateKey(state, key.id, { graceMs: 1000, nowMs: now });
    await answer(secret, 0);
    await answer(second.secret, 0);
    now += 1000;
    expect((await refusal(guard.admit(asked(secret)))).status).toBe(401);
    await answer(second.secret, 0);
  });

  it('is nobody after a key has expired', async () => {
    const { secret } = await createKey(
      state,
      { name: 'a', expiresAt: new Date(NOON + 1).toISOString() },
      NOON,
    );
    await answer(secret, 0);
    now += 1;
    expect((await refusal(guard.admit(asked(secret)))).status).toBe(401);
  });

  it('keeps a key to its routers and candidates', async () => {
    const { secret } = await createKey(state, { name: 'a', routers: ['support'], candidates: ['small'] });
    await guard.admit(asked(secret, { router: 'support' }));
    await guard.admit(asked(secret, { router: null, candidate: 'small' }));
    for (const admission of [{ router: 'other' }, { router: null, candidate: 'large' }])
      expect(await refusal(guard.admit(asked(secret, admission)))).toMatchObject({
        kind: 'forbidden',
        status: 403,
      });
    const grant = await guard.admit(asked(secret));
    expect((await refusal(grant.reserve({ ...expected(0), candidate: 'large' }))).kind).toBe('forbidden');
  });

  it('lets a key that is kept to routers name no candidate past them', async () => {
    const { secret } = await createKey(state, { name: 'a', routers: ['support'] });
    const error = await refusal(guard.admit(asked(secret, { router: null, candidate: 'large' })));
    expect(error.kind).toBe('forbidden');
  });
});

describe('limits', () => {
  it('a minute: says which, when to ask again, and what is left', async () => {
    const { secret } = await createKey(state, { name: 'a', requestsPerMinute: 2, tokensPerMinute: 1000 });
    const reservation = await (await guard.admit(asked(secret))).reserve(expected(0.01, 400));
    expect(reservation.headers).toEqual({
      'x-ratelimit-limit-requests': '2',
      'x-ratelimit-remaining-requests': '1',
      'x-ratelimit-reset-requests': '30.000s',
      'x-ratelimit-limit-tokens': '1000',
      'x-ratelimit-remaining-tokens': '600',
      'x-ratelimit-reset-tokens': '24.000s',
    });
    const tooMany = await refusal((await guard.admit(asked(secret))).reserve(expected(0.01, 601)));
    expect(tooMany).toMatchObject({
      kind: 'rate-limited',
      status: 429,
      limit: 'tokens-per-minute',
      retryAfterMs: 60,
    });
    await answer(secret, 0.01);
    const again = await refusal(answer(secret, 0.01));
    expect(again).toMatchObject({ limit: 'requests-per-minute', retryAfterMs: 30_000 });
    expect(again.headers['x-ratelimit-remaining-requests']).toBe('0');
    expect(again.message).toBe('This key may make 2 requests a minute, and has. Ask again in 30 s.');
  });

  it('count decisions as they count answers, but not reading and feedback', async () => {
    const { secret } = await createKey(state, { name: 'a', requestsPerMinute: 2 });
    await guard.admit(asked(secret, { action: 'decide' }));
    for (let i = 0; i < 5; i++) await guard.admit(asked(secret, { action: 'feedback' }));
    await guard.admit(asked(secret, { action: 'decide' }));
    expect((await refusal(guard.admit(asked(secret, { action: 'decide' })))).status).toBe(429);
    await guard.admit(asked(secret, { action: 'read' }));
  });

  it('of money: 402, with what is left, and no false refusal by rounding', async () => {
    const { secret } = await createKey(state, { name: 'a', budgetUsdPerDay: 0.3, budgetUsdPerMonth: 5 });
    for (let i = 0; i < 3; i++) await answer(secret, 0.1);
    const error = await refusal(answer(secret, 0.1));
    expect(error).toMatchObject({
      kind: 'over-budget',
      status: 402,
      limit: 'budget-per-day',
      retryAfterMs: 43_200_000,
    });
    expect(error.headers).toEqual({
      'x-pointsman-limit': 'budget-per-day',
      'x-pointsman-budget-day-usd': '0.3',
      'x-pointsman-budget-day-left-usd': '0',
      'x-pointsman-budget-month-usd': '5',
      'x-pointsman-budget-month-left-usd': '4.7',
    });
    expect(error.message).toBe(
      'This key may spend $0.3 a day of UTC. $0.3 of it is spent or set aside, and this request is expected to cost $0.1. ' +
        'Ask again in 12 h.',
    );
  });

  it('lets a request that a budget does not cover ask again with less', async () => {
    const { secret } = await createKey(state, { name: 'a', budgetUsdPerDay: 1, requestsPerMinute: 1 });
    const grant = await guard.admit(asked(secret));
    expect((await refusal(grant.reserve(expected(2)))).retryAfterMs).toBe(null);
    await (await grant.reserve(expected(0.5))).settle({ costUsd: 0.25, inputTokens: 1, outputTokens: 1 });
    expect((await readUsage(state, grant.keyId!, 1))[0]).toMatchObject({
      usd: 0.25,
      heldUsd: 0,
      requests: 1,
    });
  });

  it('hold for all keys together too', async () => {
    guard = withOptions({ allKeys: { budgetUsdPerDay: 1 } });
    const [a, b] = await Promise.all(['a', 'b'].map((name) => createKey(state, { name })));
    await answer(a.secret, 0.6);
    const error = await refusal(answer(b.secret, 0.6));
    expect(error.message).toContain('All keys together may spend $1 a day');
    expect(error.headers).toEqual({ 'x-pointsman-limit': 'budget-per-day' });
    expect((await readUsage(state, '*', 1))[0].usd).toBe(0.6);
  });

  it('refuse what has no price where there is a budget, and count it where there is none', async () => {
    const [bounded, free] = await Promise.all([
      createKey(state, { name: 'a', budgetUsdPerMonth: 1 }),
      createKey(state, { name: 'b' }),
    ]);
    const error = await refusal((await guard.admit(asked(bounded.secret))).reserve(expected(null)));
    expect(error).toMatchObject({ kind: 'over-budget' });
    expect(error.message).toContain('No price of `small` is known');
    const reservation = await (await guard.admit(asked(free.secret))).reserve(expected(null));
    await reservation.settle({ costUsd: 0.5, inputTokens: 1, outputTokens: 1 });
    expect((await readUsage(state, free.key.id, 1))[0].usd).toBe(0.5);
  });

  it('are those of the key as it is when it pays', async () => {
    const { key, secret } = await createKey(state, { name: 'a', budgetUsdPerDay: 1 });
    const grant = await guard.admit(asked(secret));
    await changeKey(state, key.id, { budgetUsdPerDay: 0.1 });
    expect((await refusal(grant.reserve(expected(0.5)))).message).toContain('may spend $0.1 a day');
    await changeKey(state, key.id, { budgetUsdPerDay: null });
    await grant.reserve(expected(0.5));
  });
});

describe('settling', () => {
  it('happens once', async () => {
    const { key, secret } = await createKey(state, { name: 'a' });
    const reservation = await (await guard.admit(asked(secret))).reserve(expected(1));
    for (const costUsd of [0.5, 0.75, 0])
      await reservation.settle({ costUsd, inputTokens: 3, outputTokens: 4 });
    expect((await readUsage(state, key.id, 1))[0]).toMatchObject({
      usd: 0.5,
      inputTokens: 3,
      outputTokens: 4,
    });
  });

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY, 1e300])(
    'never throws: a cost of %d counts as what was set aside, and is told',
    async (costUsd) => {
      const { key, secret } = await createKey(state, { name: 'a' });
      const reservation = await (await guard.admit(asked(secret))).reserve(expected(0.4));
      await reservation.settle({ costUsd, inputTokens: Number.NaN, outputTokens: -5 });
      expect((await readUsage(state, key.id, 1))[0]).toMatchObject({ usd: 0.4, heldUsd: 0, inputTokens: 0 });
      expect(String(errors)).toContain('The cost of a request must be US dollars');
    },
  );

  it.each([Number.NaN, -1, Number.POSITIVE_INFINITY])('expects no cost of %d', async (costUsd) => {
    const { secret } = await createKey(state, { name: 'a' });
    const grant = await guard.admit(asked(secret));
    await expect(grant.reserve(expected(costUsd))).rejects.toThrow(
      'The expected cost of `small` must be US dollars',
    );
  });
});

describe('a state that cannot be reached', () => {
  it('is 503, with a time to ask again', async () => {
    const { secret } = await createKey(state, { name: 'a' });
    await answer(secret, 0);
    const away = new StateUnavailableError('away');
    state.reserve = () => Promise.reject(away);
    const error = await refusal(answer(secret, 0));
    expect(error).toMatchObject({ kind: 'unavailable', status: 503, retryAfterMs: 1000, cause: away });
    expect(errors).toEqual([away]);
  });
});

it('what is being settled when it is closed is settled before its state is let go of', async () => {
  const order: string[] = [];
  let go = () => {};
  const slow: GatewayState = Object.assign(Object.create(state) as GatewayState, {
    reserve: (given: Parameters<GatewayState['reserve']>[0]) => state.reserve(given),
    key: (id: string) => state.key(id),
    async settle(given: Parameters<GatewayState['settle']>[0]) {
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      const isThere = await state.settle(given);
      order.push('settled');
      return isThere;
    },
    close: async () => void order.push('closed'),
  });
  const { secret } = await createKey(state, { name: 'a' });
  const own = withOptions({ state: slow });
  const { settle } = await (await own.admit(asked(secret))).reserve(expected(1));
  void settle({ costUsd: 1, inputTokens: 10, outputTokens: 5 });
  const closed = own.close();
  await new Promise((resolve) => setImmediate(resolve));
  go();
  await closed;
  expect(order).toEqual(['settled', 'closed']);
});
