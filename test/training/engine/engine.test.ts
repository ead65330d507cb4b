import { appendFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  createInProcessEngine,
  type Engine,
  type EngineProgress,
  jobKey,
  openStore,
  type ShardStore,
} from '../../../training/engine/engine.ts';
import { openQueueEngine, startWorker, type WorkerEvent } from '../../../training/engine/queue.ts';
import { type RedisServer, startRedis } from '../../fixtures/redis-server.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { TEST_RELEASE, TEST_STEPS } from './engine-steps.ts';

const { folder: top } = temporaryFolder();
const ownFolder = (): Promise<string> => mkdtemp(join(top, 'engine-'));

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

interface Opened {
  readonly engine: Engine;
  readonly store: ShardStore;
  readonly folder: string;
  /** How many jobs were begun, by now. */
  readonly ran: () => number;
}

/** Each opens an engine over a store of its own. */
const ENGINES: Readonly<Record<string, (folder: string) => Promise<Opened>>> = {
  async 'in this process'(folder) {
    const { scratch, store } = await openParts(folder);
    let ran = 0;
    const engine = createInProcessEngine({
      ...{ steps: TEST_STEPS, release: TEST_RELEASE, store, scratch },
      onTime: () => ran++,
    });
    closing.push(() => engine.close());
    return { engine, store, folder, ran: () => ran };
  },
  async 'on a queue with two workers'(folder) {
    const { scratch, store } = await openParts(folder);
    const events: WorkerEvent[] = [];
    const shared = { steps: TEST_STEPS, release: TEST_RELEASE, store, url: redis.url };
    for (let i = 0; i < 2; i++) {
      const worker = await startWorker({ ...shared, scratch, onEvent: (event) => events.push(event) });
      closing.push(() => worker.close());
    }
    const engine = await openQueueEngine({ ...shared, window: 3, lookMs: 100 });
    closing.push(() => engine.close());
    return {
      ...{ engine, store, folder },
      ran: () => events.filter((event) => event.kind === 'begun').length,
    };
  },
};

const closing: (() => Promise<void>)[] = [];
async function openParts(folder: string) {
  const scratch = join(folder, 'scratch');
  await mkdir(scratch);
  return { scratch, store: await openStore(join(folder, 'store'), scratch) };
}

const files = async (folder: string): Promise<string[]> =>
  (await readdir(join(folder, 'store'), { recursive: true }))
    // Of a worker that has taken the job as well.
    .filter((name) => !name.includes('.writing-'))
    .sort();

describe.each(Object.entries(ENGINES))('an engine %s', (_, open) => {
  let opened: Opened;
  beforeAll(async () => {
    opened = await open(await ownFolder());
  });
  afterAll(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  it('gives what each job made, in the order of the jobs, more of them than it takes at a time', async () => {
    const { engine, store } = opened;
    const two = await store.put(Buffer.from('2'));
    const outputs = await engine.run(
      [5, 1, 4, 2, 3, 0, 9, 8].map((more) => ({ step: 'add', inputs: [two], parameters: { more } })),
    );
    const sums = await Promise.all(
      outputs.map(async ([sum]) => Buffer.from(await store.read(sum)).toString()),
    );
    expect(sums).toEqual(['7', '3', '6', '4', '5', '2', '11', '10']);
  });

  it('takes what one step made as the input of the next', async () => {
    const { engine, store } = opened;
    const leaves = await engine.run(
      [1, 2, 3].map((more) => ({ step: 'add', inputs: [], parameters: { more } })),
    );
    const [[total]] = await engine.run([
      { step: 'add', inputs: leaves.map(([sum]) => sum), parameters: { more: 0 } },
    ]);
    expect(Buffer.from(await store.read(total)).toString()).toBe('6');
  });

  it('does nothing twice: what is done is known, and equal jobs are one', async () => {
    const { engine, ran } = opened;
    const job = { step: 'add', inputs: [], parameters: { more: 77 } };
    const before = ran();
    const [first, second] = await engine.run([job, job]);
    expect(second).toEqual(first);
    const told: EngineProgress[] = [];
    expect(await engine.run([job], { onProgress: (progress) => told.push(progress) })).toEqual([first]);
    expect(ran() - before).toBe(1);
    expect(told.at(-1)).toMatchObject({ step: 'add', done: 1, total: 1, known: 1, perSecond: null });
  });

  it('makes anew what is gone of a job that was done, to the same bytes', async () => {
    const { engine, folder } = opened;
    const job = { step: 'add', inputs: [], parameters: { more: 31 } };
    const [made] = await engine.run([job]);
    const before = await files(folder);
    await rm(join(folder, 'store', 'shards', made[0].slice(0, 2), made[0]));
    expect(await engine.run([job])).toEqual([made]);
    expect(await files(folder)).toEqual(before);
  });

  it('refuses a damaged shard by its name, and goes on when it is deleted', async () => {
    const { engine, folder, store } = opened;
    const shard = await store.put(Buffer.from('41'));
    const path = join(folder, 'store', 'shards', shard.slice(0, 2), shard);
    await appendFile(path, '1');
    const job = { step: 'add', inputs: [shard], parameters: { more: 1 } };
    await expect(engine.run([job])).rejects.toThrow(new RegExp(`shards/../${shard} in .* is damaged`));
    await rm(path);
    await store.put(Buffer.from('41'));
    const [[sum]] = await engine.run([job]);
    expect(Buffer.from(await store.read(sum)).toString()).toBe('42');
  });

  it('throws what a step refuses as it is, and names step and shard of what broke', async () => {
    const { engine, store } = opened;
    const words = await store.put(Buffer.from('words'));
    await expect(engine.run([{ step: 'check', inputs: [words], parameters: null }])).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: 'A shard must hold a number. Got words.',
    });
    await expect(engine.run([{ step: 'break', inputs: [words], parameters: null }])).rejects.toMatchObject({
      code: 'ENGINE',
      message: `The step "break" must go through on every shard. On ${words.slice(0, 16)} it said: there is no such thing`,
    });
  });

  it('can be stopped, and goes on from there', async () => {
    const { engine } = opened;
    const jobs = Array.from({ length: 12 }, (_, i) => ({
      step: 'add',
      inputs: [],
      parameters: { more: 1000 + i, waitMs: 40 },
    }));
    const stop = new AbortController();
    const stopped = engine.run(jobs, {
      signal: stop.signal,
      onProgress: ({ done }) => done >= 2 && stop.abort(new Error('enough')),
    });
    await expect(stopped).rejects.toThrow('enough');
    const told: EngineProgress[] = [];
    expect(await engine.run(jobs, { onProgress: (progress) => told.push(progress) })).toHaveLength(12);
    expect(told.at(-1)?.known).toBeGreaterThanOrEqual(2);
    expect(told.at(-1)?.known).toBeLessThan(12);
    expect(told.at(-1)?.done).toBe(12);
  });

  it('has no jobs to run at once', async () => {
    expect(await opened.engine.run([])).toEqual([]);
  });
});

it('tells a worker that has another store than its run to look at that', async () => {
  const scratch = await mkdtemp(join(top, 'scratch-'));
  const [own, other] = [
    await openStore(join(top, 'own'), scratch),
    await openStore(join(top, 'other'), scratch),
  ];
  const shard = await own.put(Buffer.from('a prompt'));
  await expect(other.read(shard)).rejects.toThrow(
    / is not in .*other\. A worker must have the --store of the run that it works for: look whether it has\. Else start the run again/,
  );
});

describe('the name of a job', () => {
  const job = { step: 'add', inputs: ['a', 'b'], parameters: { more: 1 } };
  const key = jobKey(job, TEST_STEPS, TEST_RELEASE);
  const add = TEST_STEPS.add;

  it.each([
    ['its inputs', { ...job, inputs: ['b', 'a'] }, TEST_STEPS, TEST_RELEASE],
    ['its parameters', { ...job, parameters: { more: 2 } }, TEST_STEPS, TEST_RELEASE],
    ['the version of its step', job, { add: { ...add, version: 2 } }, TEST_RELEASE],
    ['the release', job, TEST_STEPS, { ...TEST_RELEASE, 'static table': 'bb22' }],
  ])('is another with %s', (_, other, steps, release) => {
    expect(jobKey(other, steps, release)).not.toBe(key);
    expect(jobKey(job, TEST_STEPS, TEST_RELEASE)).toBe(key);
  });

  it('is of a step that is known', () => {
    expect(() => jobKey({ ...job, step: 'subtract' }, TEST_STEPS, TEST_RELEASE)).toThrow(
      'A job must be of a step that is known: add, check, break. Got "subtract".',
    );
  });
});

describe('a queue', () => {
  it.each([
    [
      'another version',
      { ...TEST_RELEASE, pointsman: '1.2.4' },
      'pointsman of the run that it works for, 1.2.3. This one has 1.2.4',
    ],
    [
      'another static table',
      { ...TEST_RELEASE, 'static table': 'bb22' },
      'static table of the run that it works for, aa11. This one has bb22',
    ],
  ])('is left by a worker of %s, which says so, and its job goes to another', async (_, release, said) => {
    const folder = await ownFolder();
    const { scratch, store } = await openParts(folder);
    const shared = { steps: TEST_STEPS, store, scratch, url: redis.url };
    const stranger = await startWorker({ ...shared, release });
    const engine = await openQueueEngine({ ...shared, release: TEST_RELEASE, lookMs: 100 });
    const run = engine.run([{ step: 'add', inputs: [], parameters: { more: 5 } }]);
    await expect(stranger.ended).rejects.toThrow(said);
    const worker = await startWorker({ ...shared, release: TEST_RELEASE });
    expect(await run).toHaveLength(1);
    await worker.close();
    await engine.close();
  });

  it('may forget all that is in it: what is not done is queued again', async () => {
    const folder = await ownFolder();
    const { scratch, store } = await openParts(folder);
    const shared = { steps: TEST_STEPS, store, scratch, url: redis.url, release: TEST_RELEASE };
    const onNobody = vi.fn();
    const engine = await openQueueEngine({ ...shared, lookMs: 100, onNobody });
    const run = engine.run([1, 2, 3].map((more) => ({ step: 'add', inputs: [], parameters: { more } })));
    await vi.waitFor(() => expect(onNobody).toHaveBeenCalled(), 5_000);
    const { Redis } = await import('ioredis');
    const client = new Redis(redis.url);
    expect(await client.keys('bull:pointsman:*')).not.toEqual([]);
    await client.flushall();
    client.disconnect();
    const worker = await startWorker(shared);
    expect(await run).toHaveLength(3);
    expect(onNobody).toHaveBeenCalledOnce();
    await worker.close();
    await engine.close();
  });

  it.each([
    [
      'redis://127.0.0.1:1',
      '`--engine` must be a Redis that answers. redis://127.0.0.1:1 said: connect ECONNREFUSED',
    ],
    ['redis://:secret@127.0.0.1:1', 'Redis that answers. redis://127.0.0.1:1 said'],
    [
      'http://127.0.0.1',
      '`--engine` must be the address of a Redis, as redis://host:6379. Got "http://127.0.0.1".',
    ],
  ])('at %s is refused with the reason', async (url, message) => {
    const folder = await ownFolder();
    const { scratch, store } = await openParts(folder);
    const shared = { steps: TEST_STEPS, store, scratch, url, release: TEST_RELEASE };
    await expect(openQueueEngine(shared)).rejects.toThrow(message);
    await expect(startWorker(shared)).rejects.toThrow(message);
  });
});
