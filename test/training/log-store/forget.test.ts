import { createHmac } from 'node:crypto';
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { createFileLog, createFileSink } from 'pointsman/internal';
import { createPostgresSink, createPostgresTable, type LogRecord } from 'pointsman/log';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collectLogs } from '../../../training/log-store/collect.ts';
import { compactLog } from '../../../training/log-store/compact.ts';
import { forgetInLogs, namesOf } from '../../../training/log-store/forget.ts';
import { readDecisionLog } from '../../../training/log-store/read.ts';
import { runCli } from '../../documents/run-cli.ts';
import { findPostgres, startPostgres } from '../../fixtures/postgres-server.ts';
import { findRedis, startRedis } from '../../fixtures/redis-server.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { aDecision } from '../../src/log/a-decision.ts';

const { folder: root } = temporaryFolder();
const SECRET = 'a secret';

/** In hexadecimal digits three letters may stand by chance. */
const ADA = /(of|to) ada|ada says/;
const DAY_MS = 86_400_000;
let folders = 0;

/** A day of two people and of somebody unknown: each decision with its outcome and its feedback. */
async function writeDay(folder: string, day: number, texts = ['first', 'second', 'third']) {
  const now = Date.UTC(2026, 10, 1) + day * DAY_MS;
  const clock = {
    wallNow: () => now,
    after: (ms: number, done: () => void) => {
      const timer = setTimeout(done, ms);
      return () => clearTimeout(timer);
    },
  };
  const log = createFileLog(folder, { userKey: SECRET, answers: 'text', now: () => now, clock });
  const ids: Record<string, string[]> = {};
  for (const user of ['ada', 'bob', undefined])
    for (const text of texts) {
      const request = { text: `${text} of ${user} on day ${day}`, ...(user === undefined ? {} : { user }) };
      const id = log.decided(aDecision(), request);
      log.outcome(id, { candidate: 'mini', costUsd: 0.001, answer: { text: `answer to ${user}` } });
      log.feedback(id, { quality: 1, comment: `${user} says so` });
      ids[String(user)] = [...(ids[String(user)] ?? []), id];
    }
  await log.close();
  return ids;
}

async function read(folder: string): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const record of readDecisionLog(folder)) if (record.kind !== 'file') records.push(record);
  return records;
}

/** Everything below a folder, unzipped Parquet aside. */
async function bytesBelow(folder: string): Promise<string> {
  let text = '';
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name);
    if ((await stat(path)).isFile()) text += await readFile(path, 'latin1');
  }
  return text;
}

const place = () => join(root, `log-${folders++}`);
const users = namesOf('ada', [SECRET]);

describe('forgetting a person', () => {
  it('removes decisions, answers and feedback from JSONL, Parquet and partitions, and nobody else', async () => {
    const [jsonl, parquet, loose, store] = [place(), place(), place(), place()];
    for (const folder of [jsonl, parquet, loose]) await writeDay(folder, 1);
    await compactLog({ folder: parquet });
    await collectLogs({ sources: [loose], out: store });
    const places = [jsonl, parquet, store];
    const rehearsal = await forgetInLogs({ places, forgetting: { users }, dryRun: true });
    expect(rehearsal.places.map(({ decisions, records }) => [decisions, records])).toEqual([
      [3, 9],
      [3, 9],
      [3, 9],
    ]);
    expect(rehearsal.decisions.map(({ request }) => request?.text)).toContain('first of ada on day 1');
    for (const each of places) expect(await read(each)).toHaveLength(27);
    expect(await forgetInLogs({ places, forgetting: { users } })).toEqual(rehearsal);
    for (const each of places) {
      const left = await read(each);
      expect(left).toHaveLength(18);
      expect(JSON.stringify(left)).not.toMatch(ADA);
      expect(JSON.stringify(left)).not.toContain(users[1]);
      expect(JSON.stringify(left)).toContain('answer to bob');
    }
    expect(await bytesBelow(jsonl)).not.toMatch(ADA);
    for (const each of places)
      for (const name of await readdir(each, { recursive: true })) {
        const found = await stat(join(each, name));
        // Nothing is in the file that is locked.
        if (found.isFile() && name !== '.lock') expect(found.mode & 0o077).toBe(0);
      }
    expect(
      (await forgetInLogs({ places, forgetting: { users } })).places.map(({ records }) => records),
    ).toEqual([0, 0, 0]);
  });

  it('finds feedback of another day and another gateway by the decision that it belongs to', async () => {
    const [first, second, store] = [place(), place(), place()];
    const ids = await writeDay(first, 1);
    await collectLogs({ sources: [first], out: store });
    const log = createFileLog(second, { now: () => Date.UTC(2026, 10, 9) });
    for (const user of ['ada', 'bob'])
      log.feedback(ids[user][0], { quality: 0, comment: `late word of ${user}` });
    await log.close();
    await collectLogs({ sources: [second], out: store });
    await forgetInLogs({ places: [store], forgetting: { users } });
    const text = JSON.stringify(await read(store));
    expect(text).not.toContain('late word of ada');
    expect(text).toContain('late word of bob');
  });

  it('takes a file from a gateway that is at work on it, which goes on in another', async () => {
    const folder = place();
    await mkdir(folder);
    const sink = createFileSink({ folder });
    const line = (id: string, user: string): LogRecord =>
      ({
        ...(written[0] as object),
        id,
        user: createHmac('sha256', SECRET).update(user).digest('hex'),
      }) as LogRecord;
    const other = place();
    await writeDay(other, 1);
    const written = (await read(other)).filter(({ kind }) => kind === 'decision');
    await sink.write([line('a', 'ada'), line('b', 'bob')]);
    expect((await forgetInLogs({ places: [folder], forgetting: { users } })).places[0]).toMatchObject({
      records: 1,
      left: [],
    });
    await sink.write([line('c', 'bob')]);
    await sink.close();
    const left = (await read(folder)).map((record) => (record as { id: string }).id);
    expect(left.sort()).toEqual(['b', 'c']);
  });

  it('keeps only what is younger than an age', async () => {
    const [folder, store] = [place(), place()];
    await writeDay(folder, 1);
    await writeDay(folder, 5);
    await collectLogs({ sources: [folder], out: store });
    await writeDay(folder, 1);
    const before = Date.UTC(2026, 10, 4);
    const { places } = await forgetInLogs({ places: [folder, store], forgetting: { before } });
    expect(places.map(({ records }) => records)).toEqual([27, 27]);
    expect(await read(folder)).toEqual([]);
    expect((await read(store)).map(({ at }) => at.slice(0, 10))).toEqual(Array(27).fill('2026-11-06'));
  });

  it('says what is on its way into a store', async () => {
    const folder = place();
    await writeDay(folder, 1);
    const [name] = await readdir(folder);
    await rename(join(folder, name), join(folder, `.taken-01234567-20261125T000000000Z-0badf00d-${name}`));
    const { places } = await forgetInLogs({ places: [folder], forgetting: { users } });
    expect(places[0]).toMatchObject({
      records: 0,
      left: [expect.stringMatching(/^1 file of .* is being taken into a store/)],
    });
  });
});

describe.skipIf(findPostgres() === undefined || findRedis() === undefined)('forgetting in servers', () => {
  let close = async () => {};
  let places: string[];
  beforeAll(async () => {
    const [postgres, redis] = [await startPostgres(), await startRedis()];
    const folder = place();
    await writeDay(folder, 1);
    const records = await read(folder);
    const { database, host, port, user } = postgres.connection;
    const pool = new pg.Pool(postgres.connection);
    await createPostgresTable(pool, 'own_log');
    await createPostgresSink({ client: pool, table: 'own_log' }).write(records);
    await pool.end();
    const client = new Redis(redis.url);
    for (const record of records) await client.xadd('own_log', '*', 'record', JSON.stringify(record));
    client.disconnect();
    places = [`postgres://${user}@${host}:${port}/${database}?table=own_log`, `${redis.url}?stream=own_log`];
    close = async () => {
      await postgres.stop();
      await redis.stop();
    };
  }, 60_000);
  afterAll(() => close());

  it('removes rows and entries', async () => {
    const rehearsal = await forgetInLogs({ places, forgetting: { users }, dryRun: true });
    expect(rehearsal.places.map(({ decisions, records }) => [decisions, records])).toEqual([
      [3, 9],
      [3, 9],
    ]);
    const done = await forgetInLogs({ places, forgetting: { users } });
    expect(done.places.map(({ records }) => records)).toEqual([9, 9]);
    expect(done.places[0].place).not.toContain('@');
    const again = await forgetInLogs({ places, forgetting: { before: Date.UTC(2027, 0, 1) }, dryRun: true });
    expect(again.places.map(({ records }) => records)).toEqual([18, 18]);
  });
});

describe('the command', () => {
  it('says of a version without a record of its prompts that it cannot be known, and asks for a secret', async () => {
    const logs = place();
    await writeDay(logs, 1);
    const version = join(root, 'models', 'old', 'v-000000000000');
    await mkdir(version, { recursive: true });
    await writeFile(join(version, 'manifest.json'), '{}');
    const { code, stderr, stdout } = await runCli([
      'log',
      'forget',
      logs,
      '--user',
      'ada',
      '--models',
      join(root, 'models', 'old'),
    ]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^Note: no secret that users are hashed with was found/);
    expect(stdout.replace(/\s+/g, ' ')).toMatch(
      /0 records removed, 0 decisions among them .*it cannot be known whether it learned from this/,
    );
    const old = await runCli(['log', 'forget', logs, '--older-than', '1h', '--json']);
    expect(JSON.parse(old.stdout).places).toEqual([{ place: logs, decisions: 9, records: 27, left: [] }]);
    expect((await runCli(['log', 'forget', logs])).code).not.toBe(0);
    expect((await runCli(['log', 'forget', logs, '--older-than', '90'])).stderr).toContain('90d or 36h');
  });
});
