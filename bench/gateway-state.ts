import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@redis/client';
import { createKeyGuard } from '../gateway/keys/key-guard.ts';
import { createKey } from '../gateway/keys/manage-keys.ts';
import { RedisState } from '../gateway/state/redis-state.ts';
import { openSqliteState } from '../gateway/state/sqlite-state.ts';
import type { GatewayState } from '../gateway/state/state.ts';
import { quantileSorted } from '../src/internal.ts';
import { findRedis, startRedis } from '../test/fixtures/redis-server.ts';
import { atMost, type BenchLine, plain, skipped } from './bench-line.ts';

const KEYS = 10_000;
const ROUNDS = 20_000;
const REDIS_KEYS = 500;
const REDIS_ROUNDS = 3_000;

/** What keys, limits and budgets add to a request: from its key to what it really cost. */
export async function benchGatewayState(): Promise<BenchLine[]> {
  return [...(await fileLines()), ...(await redisLines())];
}

async function fileLines(): Promise<BenchLine[]> {
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-bench-'));
  const state = await openSqliteState(join(folder, 'gateway.db'));
  try {
    const times = await timed(state, KEYS, ROUNDS);
    const note = `${KEYS} keys with four limits each, ${ROUNDS} requests one at a time: key, reservation and settlement`;
    return [
      atMost('keys and budgets in a file, a request, p50', quantileSorted(times, 0.5), 'µs', 50, note),
      plain('keys and budgets in a file, a request, p99', quantileSorted(times, 0.99), 'µs', note),
    ];
  } finally {
    await state.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function redisLines(): Promise<BenchLine[]> {
  const name = 'keys and budgets in Redis, a request';
  if (findRedis() === undefined) return [skipped(name, 'Redis is not installed')];
  const redis = await startRedis();
  const state = new RedisState(redis.url, { timeoutMs: 10_000 });
  await state.connect();
  try {
    const times = await timed(state, REDIS_KEYS, REDIS_ROUNDS);
    const before = await callsOf(redis.url);
    await timed(state, 1, REDIS_ROUNDS);
    const trips = (await callsOf(redis.url)) - before;
    const note = `a Redis of this machine, ${REDIS_ROUNDS} requests one at a time`;
    return [
      plain(`${name}, p50`, quantileSorted(times, 0.5), 'µs', note),
      plain(`${name}, p99`, quantileSorted(times, 0.99), 'µs', note),
      atMost(
        'round trips to Redis a request: one decides, one settles',
        Math.round((100 * trips) / REDIS_ROUNDS) / 100,
        '',
        2,
        note,
      ),
    ];
  } finally {
    await state.close();
    await redis.stop();
  }
}

/** How many scripts a Redis has run. */
async function callsOf(url: string): Promise<number> {
  const client = createClient({ url });
  await client.connect();
  const said = String(await client.info('commandstats'));
  client.destroy();
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(said)?.[1] ?? 0);
}

/** Microseconds of each request, ascending. */
async function timed(state: GatewayState, keys: number, rounds: number): Promise<Float64Array> {
  const limits = {
    requestsPerMinute: 1e9,
    tokensPerMinute: 1e11,
    budgetUsdPerDay: 1e5,
    budgetUsdPerMonth: 1e6,
  };
  const secrets: string[] = [];
  for (let i = 0; i < keys; i++)
    secrets.push((await createKey(state, { name: `key ${i}`, ...limits })).secret);
  const guard = createKeyGuard({ state });
  // Each key is used before, as the first time it is read.
  const warmUp = keys;
  const times = new Float64Array(rounds);
  for (let i = -warmUp; i < rounds; i++) {
    const token = secrets[(i + warmUp) % secrets.length];
    const started = performance.now();
    const grant = await guard.admit({
      action: 'answer',
      token,
      router: 'support',
      candidate: null,
      inputTokens: 500,
    });
    const reservation = await grant.reserve({ candidate: 'small', costUsd: 0.001, inputTokens: 500 });
    await reservation.settle({ costUsd: 0.0009, inputTokens: 480, outputTokens: 90 });
    if (i >= 0) times[i] = 1000 * (performance.now() - started);
    // What is written in between belongs to it too, but as a gateway does it: between requests.
    if (i % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return times.sort();
}
