import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  checkFence,
  RouterBusyError,
  takeFence,
  withRetrainLock,
} from '../../../training/artifact/versions.ts';
import { readVersionPointer } from '../../../training/artifact/write-artifact.ts';
import {
  enqueueRetrain,
  type RetrainEvent,
  type RetrainJob,
  scheduleOnQueue,
  startRetrainWorker,
} from '../../../training/retrain/queued.ts';
import { runCli } from '../../documents/run-cli.ts';
import { findRedis, type RedisServer, startRedis } from '../../fixtures/redis-server.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const { folder: top } = temporaryFolder();
const jobFor = (router: string): RetrainJob => ({
  config: join(router, 'retrain.yaml'),
  folder: top,
  router,
});

async function until(what: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
  for (const end = Date.now() + ms; !(await what()); await sleep(20))
    if (Date.now() > end) throw new Error('It did not come.');
}

describe('the fence of a router', () => {
  it('keeps everybody from promoting but who has begun last', async () => {
    const router = await mkdtemp(join(top, 'router-'));
    const first = await takeFence(router);
    await checkFence(router, first);
    const second = await takeFence(router, true);
    expect(second).toBeGreaterThan(first);
    await expect(checkFence(router, first)).rejects.toThrow(RouterBusyError);
    await checkFence(router, second);
  });

  it('lets a run that a queue has given the router pass over one that a queue gave it before, and no other', async () => {
    const router = await mkdtemp(join(top, 'router-'));
    await withRetrainLock(router, async () => {
      await takeFence(router);
      await expect(withRetrainLock(router, async () => 1, true)).rejects.toThrow(RouterBusyError);
      await takeFence(router, true);
      expect(await withRetrainLock(router, async () => 1, true)).toBe(1);
      await expect(withRetrainLock(router, async () => 1)).rejects.toThrow(RouterBusyError);
    });
  });
});

// Debian: apt-get install redis-server. `.ci/run` does so.
describe.skipIf(findRedis() === undefined)(
  'retrainings on a queue (skipped where Redis is not installed)',
  () => {
    let redis: RedisServer;
    beforeAll(async () => {
      redis = await startRedis();
    });
    afterAll(() => redis?.stop());

    it('give each of a hundred routers one turn, whoever asks for one of them again and again', async () => {
      const url = `${redis.url}/1`;
      const names = Array.from({ length: 100 }, (_, n) => `/models/r${n}`);
      for (let i = 0; i < 20; i++) await enqueueRetrain(url, jobFor(names[0]));
      for (const name of names.slice(1)) await enqueueRetrain(url, jobFor(name));
      const order: string[] = [];
      const atOnce = new Map<string, number>();
      const events: RetrainEvent[] = [];
      const run = async ({ router }: RetrainJob): Promise<string> => {
        atOnce.set(router, (atOnce.get(router) ?? 0) + 1);
        expect(atOnce.get(router)).toBe(1);
        order.push(router);
        // The one that asks most asks on, while its turn is under way.
        if (router === names[0]) for (let i = 0; i < 20; i++) await enqueueRetrain(url, jobFor(router));
        await sleep(5);
        atOnce.set(router, 0);
        return order.length % 7 === 0 ? 'kept' : 'promoted';
      };
      const workers = await Promise.all(
        [1, 2].map(() => startRetrainWorker({ url, run, onEvent: (event) => events.push(event) })),
      );
      await until(() => new Set(order).size === 100);
      for (const worker of workers) await worker.close();
      // Behind every twenty requests of its own stands one turn; all others had theirs before its second or third.
      expect(order.slice(0, 101).filter((router) => router === names[0]).length).toBeLessThanOrEqual(3);
      for (const name of names.slice(1)) expect(order.filter((router) => router === name)).toHaveLength(1);
      expect(events.filter(({ kind }) => kind === 'retrained').length).toBe(order.length);
    });

    it('that fail are told of and do not come again by themselves, and others go on', async () => {
      const url = `${redis.url}/2`;
      const events: RetrainEvent[] = [];
      for (const name of ['/bad', '/good']) await enqueueRetrain(url, jobFor(name));
      const run = async ({ router }: RetrainJob): Promise<string> => {
        if (router === '/bad') throw new Error('There is no log.');
        return 'promoted';
      };
      const worker = await startRetrainWorker({ url, run, onEvent: (event) => events.push(event) });
      await until(() => events.length === 4);
      await sleep(300);
      await worker.close();
      expect(events).toHaveLength(4);
      expect(events).toContainEqual({ kind: 'not retrained', router: '/bad', reason: 'There is no log.' });
      expect(events).toContainEqual({ kind: 'retrained', router: '/good', outcome: 'promoted' });
    });

    it('come at their times, and a schedule that is none is refused', async () => {
      const url = `${redis.url}/3`;
      const seen: string[] = [];
      for (const name of ['/a', '/b']) {
        const first = await scheduleOnQueue(url, jobFor(name), '* * * * * *', 'Europe/Berlin');
        expect(first.getTime() - Date.now()).toBeLessThan(2000);
      }
      const run = async ({ router }: RetrainJob) => {
        seen.push(router);
        return 'kept';
      };
      const worker = await startRetrainWorker({ url, run });
      await until(() => seen.filter((router) => router === '/a').length > 1 && seen.includes('/b'));
      await worker.close();
      await expect(scheduleOnQueue(url, jobFor('/a'), 'every night')).rejects.toThrow(
        /`schedule` must be a cron/,
      );
      await expect(scheduleOnQueue(url, jobFor('/a'), '0 3 * * *', 'Moon/Base')).rejects.toThrow(
        /`timezone`/,
      );
    });

    it('are done by the command, in a process of their own, where a worker has its turn', async () => {
      const url = `${redis.url}/5`;
      const own = await mkdtemp(join(top, 'command-'));
      const config = join(own, 'retrain.yaml');
      await writeFile(
        config,
        `router: ${own}/models/r\nwork: ${own}/work\nlogs: { files: ['${own}/*.jsonl'], format: pointsman }\n`,
      );
      const root = fileURLToPath(new URL('../../..', import.meta.url));
      const args = ['worker', '--engine', url, '--store', join(own, 'store'), '--json'];
      const worker = spawn(process.execPath, [join(root, 'src/bin/pointsman.js'), ...args], { cwd: root });
      let told = '';
      worker.stdout.on('data', (chunk) => {
        told += chunk;
      });
      try {
        const { code, stdout } = await runCli(['retrain', '--config', config, '--engine', url]);
        expect(code).toBe(0);
        expect(stdout).toContain(`models/r is in the queue of ${url}`);
        await until(() => /retrained/.test(told), 50_000);
        const events = told
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line));
        expect(events).toContainEqual({ kind: 'retrained', router: join(own, 'models/r'), outcome: 'kept' });
        const [record] = (await readdir(join(own, 'models/r/runs'))).filter((name) => name.endsWith('.json'));
        expect(JSON.parse(await readFile(join(own, 'models/r/runs', record), 'utf8')).sentence).toMatch(
          /no log/,
        );
        const ended = once(worker, 'exit');
        worker.kill('SIGTERM');
        expect((await ended)[0]).toBe(0);
      } finally {
        worker.kill('SIGKILL');
      }
    });

    it('a worker that is stopped for longer than its lease loses the router, and does not promote when it wakes up', async () => {
      const url = `${redis.url}/4`;
      const router = await mkdtemp(join(top, 'router-'));
      const script = fileURLToPath(new URL('retraining-process.ts', import.meta.url));
      const said: { who: string; what: string }[] = [];
      const start = (who: string): ChildProcess => {
        const child = fork(script, [url, who], { execArgv: ['--import', 'tsx'] });
        child.on('message', (what) => said.push({ who, what: String(what) }));
        return child;
      };
      const has = (who: string, what: string) =>
        said.some((each) => each.who === who && each.what.startsWith(what));
      const children = [start('first')];
      try {
        await until(() => has('first', 'ready'));
        await enqueueRetrain(url, jobFor(router));
        await until(() => has('first', 'begun'));
        children[0].kill('SIGSTOP');
        children.push(start('second'));
        await until(() => has('second', 'promoted'), 40_000);
        expect((await readVersionPointer(router))?.version).toBe('v-second');
        children[0].kill('SIGCONT');
        await until(() => has('first', 'refused'));
        expect(said.find(({ what }) => what.startsWith('refused'))?.what).toMatch(/is being retrained/);
        expect(has('first', 'promoted')).toBe(false);
        expect(await readVersionPointer(router)).toEqual({
          version: 'v-second',
          previous: [],
          withdrawn: [],
        });
        expect(JSON.parse(await readFile(join(router, 'fence.json'), 'utf8'))).toMatchObject({
          token: 2,
          isLeased: true,
        });
      } finally {
        for (const child of children) {
          const ended = once(child, 'exit');
          child.kill('SIGKILL');
          await ended;
        }
      }
    });
  },
);
