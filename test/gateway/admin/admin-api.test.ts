import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAdminApi } from '../../../gateway/admin/admin-api.ts';
import { createKeysArea } from '../../../gateway/admin/keys-area.ts';
import { openSqliteState } from '../../../gateway/state/sqlite-state.ts';
import { type GatewayState, StateUnavailableError } from '../../../gateway/state/state.ts';
import { aKey, anAccount, aRequest } from '../state/a-request.ts';

const NAMED = { routers: { support: {} }, candidates: { small: {}, large: {} }, embeddings: { vectors: {} } };
const TOKEN = 'a-token-that-is-long-enough';

let state: GatewayState;
let app: ReturnType<typeof createAdminApi>;

beforeEach(async () => {
  state = await openSqliteState(':memory:');
  app = createAdminApi({ areas: [createKeysArea(state, NAMED)], host: '0.0.0.0', token: TOKEN });
});
afterEach(() => state.close());

async function ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await app.request(`http://gateway.test${path}`, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? null : JSON.parse(text),
  };
}

describe('the admin API', () => {
  it('makes, shows, changes, rotates and deletes a key, and shows its secret once', async () => {
    const made = await ask('POST', '/admin/keys', { name: 'Zoë', budgetUsdPerDay: 5, tags: { team: 'é' } });
    expect(made.status).toBe(201);
    const { key, secret } = made.body;
    expect(secret).toMatch(/^pm-[a-z0-9]{12}-[A-Za-z0-9_-]{43}$/);
    expect(secret.endsWith(key.hint)).toBe(true);
    expect((await ask('GET', `/admin/keys/${key.id}`)).body).toEqual(key);
    expect((await ask('GET', '/admin/keys')).body).toEqual({ keys: [key] });
    const changed = await ask('PATCH', `/admin/keys/${key.id}`, { disabled: true, budgetUsdPerDay: null });
    expect(changed.body).toEqual({ ...key, disabled: true, budgetUsdPerDay: null });
    const rotated = await ask('POST', `/admin/keys/${key.id}/rotate`, { graceSeconds: 60 });
    expect(rotated.body.secret).not.toBe(secret);
    for (const { body } of [changed, rotated, await ask('GET', '/admin/keys')]) {
      const text = JSON.stringify({ ...body, secret: '' });
      expect(text).not.toContain(secret.slice(16));
      expect(text).not.toContain('sha256');
    }
    expect((await ask('DELETE', `/admin/keys/${key.id}`)).status).toBe(204);
    expect(await ask('DELETE', `/admin/keys/${key.id}`)).toMatchObject({
      status: 404,
      body: { error: { code: 'UNKNOWN_KEY' } },
    });
  });

  it('says which names a key may have where one is wrong, and takes the right ones', async () => {
    const { body } = await ask('POST', '/admin/keys', { name: 'a', candidates: ['small', 'smal'] });
    expect(body.error.message).toBe(
      '`candidates` of a key must name candidates of the configuration, which are small, large, vectors. Got "smal".',
    );
    const names = { routers: ['support'], candidates: ['large', 'vectors'] };
    const made = await ask('POST', '/admin/keys', { name: 'a', ...names });
    expect([made.status, made.body.key]).toEqual([201, expect.objectContaining(names)]);
    const changed = await ask('PATCH', `/admin/keys/${made.body.key.id}`, { routers: ['other'] });
    expect([changed.status, changed.body.error.message]).toEqual([
      400,
      '`routers` of a key must name routers of the configuration, which are support. Got "other".',
    ]);
  });

  it('shows what a key and all keys used', async () => {
    const { key } = (await ask('POST', '/admin/keys', { name: 'a' })).body;
    const accounts = [anAccount(key.id), anAccount('*')];
    await state.reserve(aRequest(accounts[0], { accounts, nanoUsd: 25e7 }));
    const days = [expect.objectContaining({ usd: 0.25, heldUsd: 0.25, requests: 1, expired: 0 })];
    expect((await ask('GET', `/admin/keys/${key.id}/usage?days=7`)).body).toEqual({ days });
    expect((await ask('GET', '/admin/usage')).body).toEqual({ days });
    for (const bad of ['0', 'x', '1e9', '-1'])
      expect((await ask('GET', `/admin/keys/${key.id}/usage?days=${bad}`)).status).toBe(400);
  });

  it.each([
    ['nothing', undefined],
    ['no JSON', '{'],
    ['a list', []],
    ['no name', {}],
    ['an empty name', { name: '' }],
    ['a name that steers a terminal', { name: '\u001b[2J' }],
    ['half a character', { name: '\ud800' }],
    ['an unknown field', { name: 'a', budget: 5 }],
    ['a budget below 0', { name: 'a', budgetUsdPerDay: -1 }],
    ['a budget that is too large', { name: 'a', budgetUsdPerMonth: 1e12 }],
    ['a budget in words', { name: 'a', budgetUsdPerDay: '5' }],
    ['half a request a minute', { name: 'a', requestsPerMinute: 0.5 }],
    ['no routers at all', { name: 'a', routers: [] }],
    ['a router that is not there', { name: 'a', routers: ['support', 'suport'] }],
    ['a candidate that is not there', { name: 'a', candidates: ['smal'] }],
    ['another onBudget', { name: 'a', onBudget: 'pay' }],
    ['no date', { name: 'a', expiresAt: 'tomorrow' }],
    ['a date in the past', { name: 'a', expiresAt: '2020-01-01T00:00:00Z' }],
    [
      'too many tags',
      { name: 'a', tags: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`t${i}`, 'x'])) },
    ],
    ['an id of its own', { name: 'a', id: 'aaaaaaaaaaaa' }],
    ['a secret of its own', { name: 'a', secrets: [] }],
  ])('makes no key of %s', async (_, body) => {
    const answer = await ask('POST', '/admin/keys', body);
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'INVALID_INPUT' } } });
    expect((await ask('GET', '/admin/keys')).body.keys).toEqual([]);
  });

  it('lets nobody in without the token, and says it in no URL', async () => {
    const wrong = ['', 'Bearer', 'Bearer ', `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`];
    for (const authorization of wrong)
      for (const path of ['/admin/keys', '/admin/usage', '/admin/nothing', `/admin/keys?token=${TOKEN}`]) {
        const { body, headers, status } = await ask('GET', path, undefined, { authorization });
        expect(status).toBe(401);
        expect(headers.get('set-cookie')).toBe(null);
        expect(JSON.stringify(body)).not.toContain(TOKEN);
      }
  });

  it('lets nothing be kept or framed, whatever it answers', async () => {
    for (const [path, authorization] of [
      ['/admin/keys', `Bearer ${TOKEN}`],
      ['/admin/keys/x', `Bearer ${TOKEN}`],
      ['/admin/keys', ''],
    ]) {
      const { headers } = await ask('GET', path, undefined, { authorization });
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  it('takes no body without end', async () => {
    expect((await ask('POST', '/admin/keys', { name: 'x'.repeat(70_000) })).status).toBe(413);
  });

  it('says what is wrong when its state is away, and nothing of what went wrong inside', async () => {
    state.keys = () => Promise.reject(new StateUnavailableError('Redis does not answer.'));
    expect(await ask('GET', '/admin/keys')).toMatchObject({
      status: 503,
      body: { error: { code: 'STATE_UNAVAILABLE' } },
    });
    state.keys = () => Promise.reject(new Error('at /secret/path'));
    const { body, status } = await ask('GET', '/admin/keys');
    expect(status).toBe(500);
    expect(JSON.stringify(body)).not.toContain('secret');
  });

  it('shows ten thousand keys', async () => {
    for (let i = 0; i < 10_000; i++) await state.writeKey(aKey(`k${String(i).padStart(11, '0')}`));
    const { keys } = (await ask('GET', '/admin/keys')).body;
    expect(new Set(keys.map(({ id }: { id: string }) => id)).size).toBe(10_000);
  });
});

describe('an admin API without a token', () => {
  it.each(['0.0.0.0', '::', '192.168.1.5', 'gateway.test', '127.0.0.1.evil.test', '1270.0.0.1', ''])(
    'is refused at %s',
    (host) => {
      expect(() => createAdminApi({ areas: [createKeysArea(state, NAMED)], host, token: null })).toThrow(
        'must have a token',
      );
    },
  );

  it.each(['127.0.0.1', 'localhost', '::1', '127.8.9.1'])('is there at %s', (host) => {
    expect(() => createAdminApi({ areas: [createKeysArea(state, NAMED)], host, token: null })).not.toThrow();
  });

  it('is refused with a token that can be guessed', () => {
    for (const token of ['', 'admin', 'fifteen-letters'])
      expect(() =>
        createAdminApi({ areas: [createKeysArea(state, NAMED)], host: '127.0.0.1', token }),
      ).toThrow('at least 16 characters');
  });

  it('lets programs of this machine in, and no web page', async () => {
    const own = createAdminApi({ areas: [createKeysArea(state, NAMED)], host: '127.0.0.1', token: null });
    const status = async (url: string, headers: Record<string, string>) =>
      (await own.request(`${url}/admin/keys`, { headers })).status;
    const here = 'http://127.0.0.1:8800';
    expect(await status(here, {})).toBe(200);
    expect(await status('http://localhost:8800', { host: 'localhost:8800' })).toBe(200);
    expect(await status('http://[::1]:8800', { host: '[::1]:8800' })).toBe(200);
    expect(
      await status(here, { host: '127.0.0.1:8800', origin: here, 'sec-fetch-site': 'same-origin' }),
    ).toBe(200);
    expect(await status(here, { origin: 'https://evil.test' })).toBe(401);
    expect(await status(here, { origin: 'null' })).toBe(401);
    expect(await status(here, { origin: 'http://127.0.0.1:9999' })).toBe(401);
    expect(await status(here, { 'sec-fetch-site': 'cross-site' })).toBe(401);
    // A name that leads here (DNS rebinding).
    expect(await status('http://evil.test:8800', {})).toBe(401);
    expect(await status(here, { host: 'evil.test:8800' })).toBe(401);
  });
});
