import { fork } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import type { LogRecord } from 'pointsman/log';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGateway, type Gateway } from '../../../gateway/create-gateway.ts';
import { collectLogs } from '../../../training/log-store/collect.ts';
import { readDecisionLog } from '../../../training/log-store/read.ts';
import { freePort } from '../../fixtures/own-server.ts';
import { findRedis, type RedisServer, startRedis } from '../../fixtures/redis-server.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { ask, MOCK_KEY, mockUpstream, post, testConfig } from '../gateway-fixture.ts';

const { folder } = temporaryFolder();
const NO_UPSTREAM = { url: 'http://127.0.0.1:9' };
const env = { MOCK_KEY, USER_KEY: 'a secret of all gateways' };

async function recordsOf(store: string): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const record of readDecisionLog(store)) records.push(record);
  return records;
}

/** Asks, and rates by another gateway than the one that decided. */
async function askAndRate(gateways: readonly Gateway[], count: number, rates = true): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const asked = ask({ model: 'auto', user: `person ${i % 3}` });
    const response = await post(gateways[i % 2], '/v1/chat/completions', asked);
    const decisionId = response.headers.get('x-pointsman-decision-id') as string;
    await response.text();
    ids.push(decisionId);
  }
  if (!rates) return ids;
  for (const [i, decisionId] of ids.entries()) {
    const rated = await post(gateways[(i + 1) % 2], '/v1/feedback', { decisionId, rating: 'up' });
    expect(rated.status).toBe(201);
  }
  return ids;
}

// Debian: apt-get install redis-server. `.ci/run` does so.
describe.skipIf(findRedis() === undefined)(
  'a decision log in a stream of Redis (skipped where it is not installed)',
  () => {
    let server: RedisServer;
    beforeAll(async () => {
      server = await startRedis();
    });
    afterAll(() => server?.stop());

    it('of two gateways goes into a store, each record once, while Redis and the compactor are killed', async () => {
      const upstream = await mockUpstream();
      const redis = { url: server.url, stream: 'chaos' };
      const config = await testConfig(upstream, { log: { redis, userKey: '${USER_KEY}' } });
      const gateways = [await createGateway(config, { env }), await createGateway(config, { env })];
      const source = `${server.url}?stream=chaos`;
      const store = join(folder, 'store');
      const script = fileURLToPath(
        new URL('../../training/log-store/collecting-process.ts', import.meta.url),
      );
      const ids: string[] = [];
      for (let round = 0; round < 4; round++) {
        ids.push(...(await askAndRate(gateways, 10)));
        // What the gateways have not written yet waits for the Redis that comes back.
        if (round % 2 === 0) await server.kill();
        const unrated = await askAndRate(gateways, 5, false);
        if (round % 2 === 0) await server.start();
        for (const decisionId of unrated)
          expect((await post(gateways[0], '/v1/feedback', { decisionId, rating: 'up' })).status).toBe(201);
        ids.push(...unrated);
        const child = fork(script, [store, source], { execArgv: ['--import', 'tsx'] });
        const ended = once(child, 'exit');
        await once(child, 'message');
        await sleep(120 * round);
        if (round === 3) {
          await server.kill();
          await server.start();
        }
        child.kill('SIGKILL');
        await ended;
      }
      for (const gateway of gateways) await gateway.close();
      await collectLogs({ sources: [source], out: store });
      expect(await collectLogs({ sources: [source], out: store })).toMatchObject({ records: 0, repeated: 0 });

      const records = await recordsOf(store);
      for (const kind of ['decision', 'outcome', 'feedback'] as const) {
        const found = records
          .filter((record) => record.kind === kind)
          .map((record) => (record as { id: string }).id);
        expect(found.sort()).toEqual([...ids].sort());
      }
      // Taken off the stream when it was safe.
      const client = new Redis(server.url);
      expect(await client.xlen('chaos')).toBe(0);
      client.disconnect();
      const users = records.flatMap((record) => (record.kind === 'decision' ? [record.user] : []));
      const hashes = [0, 1, 2].map((n) =>
        createHmac('sha256', env.USER_KEY).update(`person ${n}`).digest('hex'),
      );
      expect(new Set(users)).toEqual(new Set(hashes));
      expect(JSON.stringify(records)).not.toContain('person 1');
    });

    it('keeps what is no record, says so, and says how much a full stream has lost', async () => {
      const client = new Redis(server.url);
      const line = (n: number) =>
        JSON.stringify({
          schemaVersion: 1,
          kind: 'feedback',
          id: `d${n}`,
          at: '2026-11-25T03:00:00.000Z',
          quality: 1,
        });
      const source = `${server.url}?stream=full`;
      const out = join(folder, 'full');
      await client.xadd('full', '*', 'record', line(0));
      expect(await collectLogs({ sources: [source], out })).toMatchObject({ records: 1, trimmed: 0 });
      for (let n = 1; n <= 20; n++) await client.xadd('full', 'MAXLEN', '=', 5, '*', 'record', line(n));
      await client.xadd('full', '*', 'record', 'not JSON');
      const report = await collectLogs({ sources: [source], out });
      expect(report).toMatchObject({ records: 5, trimmed: 15 });
      expect(report.refused.map(({ reason }) => reason)).toEqual([
        expect.stringMatching(
          /^Entry \d+-\d+ of redis:.*stream=full is no log record\. It stays in the stream/,
        ),
      ]);
      expect(await client.xlen('full')).toBe(1);
      expect((await collectLogs({ sources: [source], out })).refused).toHaveLength(1);
      client.disconnect();
    });

    it('tells when it is full, and goes on', async () => {
      const told: string[] = [];
      const log = { redis: { url: server.url, stream: 'small', maxLength: 1 } };
      const gateway = await createGateway(await testConfig(await mockUpstream(), { log }), {
        env,
        onError: (error) => told.push((error as Error).message),
      });
      await askAndRate([gateway, gateway], 2);
      await gateway.close();
      expect(told).toEqual([expect.stringMatching(/stream small .* has \d+ entries, and loses the oldest/)]);
    });

    it('of which nobody gave a secret keeps no user', async () => {
      const config = await testConfig(await mockUpstream(), {
        log: { redis: { url: server.url, stream: 'keyless' } },
      });
      const gateway = await createGateway(config, { env });
      await askAndRate([gateway, gateway], 1);
      await gateway.close();
      const out = join(folder, 'keyless');
      await collectLogs({ sources: [`${server.url}?stream=keyless`], out });
      expect((await recordsOf(out)).filter((record) => 'user' in record)).toEqual([]);
    });
  },
);

it('a log in Redis that nobody answers for starts no gateway, and shows no password', async () => {
  const url = `redis://user:secret-word@127.0.0.1:${await freePort()}`;
  const config = await testConfig(NO_UPSTREAM, { log: { redis: { url } } });
  const error = await createGateway(config, { env }).catch((error: Error) => error);
  expect((error as Error).message).toMatch(/stream pointsman_log.*ECONNREFUSED.*`log\.redis`/s);
  expect((error as Error).message).not.toContain('secret-word');
  const collected = collectLogs({ sources: ['redis://127.0.0.1:9?stream=x'], out: join(folder, 'none') });
  await expect(collected).rejects.toThrow(/cannot be read from redis:\/\/127\.0\.0\.1:9.*ECONNREFUSED/s);
});

describe('who asked', () => {
  it('is kept as a keyed hash, by a secret beside the files that is made once, whatever the request calls it', async () => {
    const upstream = await mockUpstream();
    const place = join(folder, 'log');
    const config = await testConfig(upstream, { log: { folder: place } });
    const gateways = await Promise.all([1, 2].map(() => createGateway(config, { env })));
    const asked = [
      [ask({ model: 'auto', user: 'ada' }), {}],
      [ask({ model: 'auto', safety_identifier: 'ada', user: 'other' }), {}],
      [ask({ model: 'auto', metadata: { user_id: 'ada' } }), {}],
      [ask({ model: 'auto', user: 'other' }), { 'x-pointsman-user': 'ada' }],
      [ask({ model: 'm0', user: 'ada' }), {}],
    ] as const;
    for (const [i, [body, headers]] of asked.entries()) {
      const response = await post(gateways[i % 2], '/v1/chat/completions', body, headers);
      expect(response.status).toBe(200);
      await response.text();
    }
    const decided = await post(gateways[0], '/v1/route', { text: 'What now?', user: 'ada' });
    expect(decided.status).toBe(200);
    // It is nobody's business upstream that did not stand in the body.
    expect(JSON.stringify(upstream.got[3].body)).not.toContain('ada');
    expect(upstream.got[3].headers).not.toHaveProperty('x-pointsman-user');
    for (const gateway of gateways) await gateway.close();
    const keyFile = `${place}.user-key`;
    expect((await stat(keyFile)).mode & 0o077).toBe(0);
    const key = (await readFile(keyFile, 'utf8')).trim();
    const users = (await recordsOf(place)).flatMap((record) =>
      record.kind === 'decision' ? [record.user] : [],
    );
    expect(users).toEqual(Array(6).fill(createHmac('sha256', key).update('ada').digest('hex')));
  });

  it.each(['plain', 'none'] as const)('is kept %s where the configuration says so', async (user) => {
    const place = join(folder, `log-${user}`);
    const config = await testConfig(await mockUpstream(), { log: { folder: place, user } });
    const gateway = await createGateway(config, { env });
    await (await post(gateway, '/v1/chat/completions', ask({ model: 'auto', user: 'ada' }))).text();
    await gateway.close();
    const users = (await recordsOf(place)).flatMap((record) =>
      record.kind === 'decision' ? [record.user] : [],
    );
    expect(users).toEqual([user === 'plain' ? 'ada' : undefined]);
  });
});
