import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ingestOutcomes, readDecisionLog } from '@pointsman/training';
import { createFileLog } from 'pointsman/internal';
import { afterEach, describe, expect, it } from 'vitest';
import { openStore } from '../../../training/engine/engine.ts';
import { type LogBucket, withLogBucket } from '../../../training/engine/log-bucket.ts';
import { openBucket } from '../../../training/engine/objects.ts';
import { collectLogs } from '../../../training/log-store/collect.ts';
import { forgetInLogs } from '../../../training/log-store/forget.ts';
import { runCli } from '../../documents/run-cli.ts';
import { startS3Server } from '../../fixtures/s3-server.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { aDecision } from '../../src/log/a-decision.ts';
import { storeKinds } from './store-kinds.ts';

const { folder: root, path } = temporaryFolder();
const kinds = storeKinds(join(root, 'stores'));
const [, kind] = kinds;
const DAY_MS = 86_400_000;
let folders = 0;

afterEach(() => {
  kinds.server().look = () => undefined;
  kinds.server().versioning = null;
});

/** A log of ten decisions of two people on each of some days. */
async function someLog(days = 1): Promise<string> {
  const folder = path(`log-${folders++}`);
  for (let day = 0; day < days; day++) {
    const at = Date.UTC(2026, 10, 25) + day * DAY_MS;
    const clock = { wallNow: () => at, after: () => () => {} };
    const log = createFileLog(folder, { userKey: null, now: () => at, clock });
    for (let i = 0; i < 10; i++)
      log.decided(aDecision(), { text: `${folder} ${day} ${i}`, user: i % 2 === 0 ? 'ada' : 'bob' });
    await log.close();
  }
  return folder;
}

async function textsIn(address: string): Promise<string[]> {
  const texts: string[] = [];
  for await (const record of readDecisionLog(address))
    if (record.kind === 'decision') texts.push(String((record.request as { text: string }).text));
  return texts.sort();
}

const isParquet = (name: string) => name.endsWith('.parquet');
const isList = ({ method, path }: { method: string; path: string }) =>
  method === 'PUT' && path.endsWith('log-store.json');

/** As a process leaves it that died while it held the lease. */
async function leaveLease(address: string, leaseMs: number): Promise<void> {
  await withLogBucket(address, {}, async () => {});
  const list = JSON.parse((await kind.read(address, 'log-store.json')).toString());
  const dead = { ...list, holder: { name: 'process 7 on another', leaseMs }, change: 'of the dead' };
  await (await openBucket(address)).write('log-store.json', Buffer.from(JSON.stringify(dead)));
}

describe('a store in a bucket', () => {
  it.each([
    ['every condition', []],
    ['If-Match', ['if-none-match']],
    ['If-None-Match', ['if-match']],
  ])('whose server ignores %s of writes is refused, before anything is touched', async (_, heeds) => {
    const folder = path(`ignoring-${folders++}`);
    await mkdir(folder);
    const ignoring = await startS3Server(folder, heeds);
    const setBack = ignoring.use();
    try {
      const log = await someLog();
      const files = await readdir(log);
      const out = kind.newStore();
      const { code, stderr } = await runCli(['log', 'compact', log, '--out', out]);
      expect(code).toBe(1);
      expect(stderr).toContain(
        `The server of ${out} must heed If-None-Match and If-Match when it writes an object, or two that change the store at once would lose records. It ignores one of them, or both. No log was touched. Use a server that heeds them`,
      );
      expect(await readdir(log)).toEqual(files);
      expect(await kind.names(out)).toEqual([]);
    } finally {
      setBack();
      await ignoring.close();
    }
  });

  it('is the same with a slash at its end and without, and what is below another prefix is not of it', async () => {
    const out = kind.newStore();
    await collectLogs({ sources: [await someLog()], out: `${out}/` });
    await collectLogs({ sources: [await someLog()], out: `${out}-other` });
    expect(await textsIn(out)).toHaveLength(10);
    expect(await textsIn(`${out}//`)).toEqual(await textsIn(out));
  });

  it('may be a whole bucket', async () => {
    const before = await kind.names('s3://shards');
    expect(before).toEqual([]);
    await collectLogs({ sources: [await someLog()], out: 's3://shards' });
    expect(await textsIn('s3://shards/')).toHaveLength(10);
  });

  it('is taken over from a process that died, when its lease is over', async () => {
    const out = kind.newStore();
    await leaveLease(out, 600);
    const began = performance.now();
    expect(await collectLogs({ sources: [await someLog()], out, leaseMs: 300 })).toMatchObject({
      records: 10,
    });
    expect(performance.now() - began).toBeGreaterThan(500);
    await leaveLease(out, 700);
    const { code, stderr } = await runCli(['log', 'compact', await someLog(), '--out', out]);
    expect([code, stderr]).toEqual([
      0,
      `Waiting for process 7 on another (0.7 seconds at most, if it has died), which is changing ${out}.\n`,
    ]);
    await leaveLease(out, 60_000);
    await expect(
      collectLogs({ sources: [await someLog()], out, leaseMs: 300, patienceMs: 500 }),
    ).rejects.toThrow(
      `${out} has been changed by process 7 on another for 1 seconds. Wait until it has ended, or end it.`,
    );
  });

  it('is held for longer than its lease by whoever gives signs of life', async () => {
    const out = kind.newStore();
    const order: string[] = [];
    const first = withLogBucket(out, { leaseMs: 200 }, async () => {
      order.push('begun');
      await sleep(900);
      order.push('ended');
    });
    while (order.length === 0) await sleep(10);
    await withLogBucket(out, { leaseMs: 200 }, async () => void order.push('second'));
    await first;
    expect(order).toEqual(['begun', 'ended', 'second']);
  });

  it('is not changed by whoever was overtaken, and what he brought is swept away', async () => {
    const out = kind.newStore();
    await collectLogs({ sources: [await someLog()], out });
    const [part] = await kind.parts(out);
    await writeFile(path('late.parquet'), await kind.read(out, part));
    const add = (store: LogBucket) =>
      store.add('late', [{ day: 'day=2026-11-25', file: path('late.parquet') }]);
    const overtaken = withLogBucket(out, { leaseMs: 60_000 }, async (store) => {
      // Another one, who thinks that this one is dead.
      const list = JSON.parse((await kind.read(out, 'log-store.json')).toString());
      const bucket = await openBucket(out);
      await bucket.write(
        'log-store.json',
        Buffer.from(JSON.stringify({ ...list, change: 'x', holder: null })),
      );
      await add(store);
    });
    await expect(overtaken).rejects.toThrow(
      `A store must be changed by one at a time. ${out} was taken over by another process, since this one gave no sign for 60 seconds. Run the same command again: nothing is lost, and nothing is there twice.`,
    );
    expect((await kind.names(out)).filter(isParquet)).toHaveLength(2);
    expect(await textsIn(out)).toHaveLength(10);
    await collectLogs({ sources: [], out });
    expect((await kind.names(out)).filter(isParquet)).toEqual([part]);
  });

  it('is not fooled by answers that are lost', async () => {
    const out = kind.newStore();
    const seen = new Set<string>();
    let lost = 0;
    let lists = 0;
    kinds.server().look = (asked) => {
      const isFirst = isList(asked) ? lists++ % 2 === 0 : asked.method === 'PUT' && !seen.has(asked.path);
      seen.add(asked.path);
      if (isFirst) lost++;
      return isFirst ? 'unanswered' : undefined;
    };
    const log = await someLog(2);
    expect(await collectLogs({ sources: [log], out })).toMatchObject({ records: 20, repeated: 0 });
    expect(lost).toBeGreaterThan(4);
    kinds.server().look = () => undefined;
    expect(await textsIn(out)).toHaveLength(20);
    expect((await kind.names(out)).filter(isParquet)).toHaveLength(2);
  });

  it('is read whole by whoever reads while files are merged, and some of it forgotten', async () => {
    const out = kind.newStore();
    for (let i = 0; i < 3; i++) await collectLogs({ sources: [await someLog()], out });
    const all = await textsIn(out);
    let turns = 0;
    kinds.server().look = async ({ method, path }) => {
      if (method !== 'GET' || !path.endsWith('.parquet') || turns > 0) return undefined;
      turns++;
      await collectLogs({ sources: [], out, mostParts: 1, graceMs: -1 });
      await collectLogs({ sources: [], out, mostParts: 1, graceMs: -1 });
      return undefined;
    };
    expect(await textsIn(out)).toEqual(all);
    expect(turns).toBe(1);
    expect((await kind.names(out)).filter(isParquet)).toHaveLength(1);
  });

  it('says what is not of it, and leaves it alone', async () => {
    const out = kind.newStore();
    await collectLogs({ sources: [await someLog()], out });
    const name = 'day=2026-11-25/from-elsewhere.parquet';
    await (await openBucket(out)).write(name, Buffer.from('PAR1'));
    const { code, stderr } = await runCli(['log', 'compact', await someLog(), '--out', out]);
    expect(code).toBe(1);
    expect(stderr).toContain(
      `${name} in ${out} was not brought by this store, and does not count. Remove it`,
    );
    expect(await textsIn(out)).toHaveLength(20);
    expect(await kind.names(out)).toContain(name);
  });

  it('may be copied from a folder; without its list it is refused', async () => {
    const copied = kinds[0].newStore();
    for (let i = 0; i < 3; i++) await collectLogs({ sources: [await someLog()], out: copied, mostParts: 2 });
    const names = await kinds[0].names(copied);
    expect(names.filter(isParquet)).toHaveLength(4);
    const copy = async (address: string, wanted: (name: string) => boolean) => {
      const bucket = await openBucket(address);
      for (const name of names.filter(wanted)) await bucket.write(name, await readFile(join(copied, name)));
    };
    const [out, without] = [kind.newStore(), kind.newStore()];
    await copy(out, () => true);
    await copy(without, (name) => name !== 'log-store.json');
    expect(await textsIn(out)).toEqual(await textsIn(copied));
    expect(await collectLogs({ sources: [await someLog()], out })).toMatchObject({
      records: 10,
      refused: [],
    });
    expect(await textsIn(out)).toHaveLength(40);
    expect((await kind.names(out)).filter(isParquet)).toHaveLength(2);
    await expect(collectLogs({ sources: [], out: without })).rejects.toThrow(
      /has files of days, such as day=2026-11-25\/.*\.parquet, and none\. Bring it back; or put {"schemaVersion":1,"id":"[0-9a-f]{8}"} there/,
    );
    // And the other way round.
    const down = kinds[0].newStore();
    for (const name of await kind.names(out)) {
      await mkdir(join(down, name, '..'), { recursive: true });
      await writeFile(join(down, name), await kind.read(out, name));
    }
    await expect(collectLogs({ sources: [], out: down })).rejects.toThrow(
      `A store of a bucket must be named by its address, s3://bucket/prefix. ${down} is a copy of one`,
    );
  });

  it('names a file that counts and was deleted by others', async () => {
    const out = kind.newStore();
    await collectLogs({ sources: [await someLog()], out });
    const [part] = await kind.parts(out);
    await (await openBucket(out)).remove(part);
    await expect(textsIn(out)).rejects.toThrow(
      `All files that are in the list of ${out} must be there. Some are not.`,
    );
    await expect(collectLogs({ sources: [await someLog()], out })).rejects.toThrow(
      `${part} is not. Bring them back from a copy or an old version, or take them out of log-store.json there, if they are lost. What is old must go by \`pointsman log forget --older-than\`, and not by a rule of the bucket.`,
    );
  });

  it('takes six requests where there is nothing new, and four more for a day of records', async () => {
    const out = kind.newStore();
    await collectLogs({ sources: [await someLog()], out });
    const { asked } = kinds.server();
    const requests = async (sources: string[]) => {
      const before = asked.length;
      await collectLogs({ sources, out });
      return asked.length - before;
    };
    expect(await requests([])).toBe(6);
    expect(await requests([await someLog()])).toBe(10);
  });

  it('is read by days, where days are named', async () => {
    const out = kind.newStore();
    await collectLogs({ sources: [await someLog(3)], out });
    const rows = async (address: string) =>
      (await ingestOutcomes({ files: [address], format: 'pointsman', out: path('days.parquet') }))
        .rowsAccepted;
    expect(await rows(out)).toBe(30);
    expect(await rows(`${out}/day=2026-11-25`)).toBe(10);
    expect(await rows(`${out}/day=2026-11-2?/*.parquet`)).toBe(30);
    await expect(rows(`${out}/day=2025-*`)).rejects.toMatchObject({ name: 'NoFilesError' });
  });
});

describe('files of logs that were sent into a bucket', () => {
  /** As a gateway's machine would send them: a folder for each. */
  async function sent(...logs: readonly string[]): Promise<string> {
    const address = kind.newStore();
    const bucket = await openBucket(address);
    for (const [i, log] of logs.entries())
      for (const name of await readdir(log))
        await bucket.write(`gateway-${i}/${name}`, await readFile(join(log, name)));
    return address;
  }

  it('are taken from there, each record once, also where a compactor died before they were removed', async () => {
    const logs = [await someLog(2), await someLog(2)];
    const all = (await Promise.all(logs.map(textsIn))).flat().sort();
    const incoming = await sent(...logs);
    await (await openBucket(incoming)).write('gateway-0/notes.txt', Buffer.from('of somebody else'));
    expect(await kind.names(incoming)).toHaveLength(5);
    const out = kind.newStore();
    kinds.server().look = ({ method }) => (method === 'DELETE' ? 'refused' : undefined);
    await expect(collectLogs({ sources: [incoming], out })).rejects.toThrow('s3:DeleteObject');
    kinds.server().look = () => undefined;
    expect(await kind.names(incoming)).toHaveLength(5);
    expect(await collectLogs({ sources: [`${incoming}/`], out, batchBytes: 5000 })).toMatchObject({
      ...{ files: 4, records: 0, repeated: 40, refused: [] },
    });
    expect(await textsIn(out)).toEqual(all);
    expect(await kind.names(incoming)).toEqual(['gateway-0/notes.txt']);
    // Into a folder just as well.
    const folder = kinds[0].newStore();
    expect(await collectLogs({ sources: [await sent(await someLog())], out: folder })).toMatchObject({
      records: 10,
    });
  });

  it('stay there while they may grow, and where one is damaged, which is called by its name there', async () => {
    const [damaged, open] = [await someLog(), path(`open-${folders++}`)];
    const at = Date.UTC(2026, 10, 25);
    const log = createFileLog(open, {
      batch: 1,
      now: () => at,
      clock: { wallNow: () => at, after: () => () => {} },
    });
    log.decided(aDecision(), { text: 'a' });
    await log.flush();
    const [name] = await readdir(damaged);
    const text = await readFile(join(damaged, name), 'utf8');
    await writeFile(join(damaged, name), text.replace('"kind":"decision"', '"kind:"decision"'));
    const incoming = await sent(damaged, open);
    const before = await kind.names(incoming);
    const report = await collectLogs({ sources: [incoming], out: kind.newStore(), now: () => at });
    expect(report).toMatchObject({ files: 0, open: 1 });
    expect(report.refused).toEqual([
      {
        path: `${incoming}/gateway-0/${name}`,
        reason: `Line 2 of ${incoming}/gateway-0/${name} is no log record. The file is left as it is: mend or remove the line, and compact again.`,
      },
    ]);
    expect(await kind.names(incoming)).toEqual(before);
    await log.close();
  });

  it('need a store, which is not where they are taken from', async () => {
    const out = kind.newStore();
    await collectLogs({ sources: [], out });
    expect((await runCli(['log', 'compact', out])).stderr).toContain(
      `\`--out\` must be given for ${out}: the folder of a store, or s3://bucket/prefix. Got none.`,
    );
    await expect(collectLogs({ sources: [out], out: kinds[0].newStore() })).rejects.toThrow(
      `${out} is a store that they are taken into. Name it with --out, and another place to take logs from.`,
    );
  });
});

describe('what a newcomer may get wrong', () => {
  const compact = async (out: string) =>
    (await runCli(['log', 'compact', await someLog(), '--out', out])).stderr;

  it('a bucket that is not there, keys that are wrong, a server that is away, an address that is none', async () => {
    expect(await compact('s3://nowhere/log')).toBe(
      'The store s3://nowhere/log must be a bucket that can be read and written. It said: NoSuchBucket: The specified bucket does not exist. Make the bucket nowhere first, or check its name and AWS_ENDPOINT_URL_S3.\n',
    );
    expect(await compact('s3:/logs/x')).toBe(
      'A store must be a folder, or a bucket as s3://bucket/prefix. Got "s3:/logs/x".\n',
    );
    const { AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL_S3 } = process.env;
    try {
      process.env.AWS_ACCESS_KEY_ID = 'SOMEBODY';
      expect(await compact('s3://logs/x')).toMatch(
        /It said: InvalidAccessKeyId: .*\. Check the keys: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE\.\n$/,
      );
      process.env.AWS_ENDPOINT_URL_S3 = 'http://127.0.0.1:1';
      expect(await compact('s3://logs/x')).toMatch(
        /It said: ECONNREFUSED.*\. Look whether the server runs, and whether it can be reached from here: http:\/\/127\.0\.0\.1:1\.\n$/,
      );
    } finally {
      Object.assign(process.env, { AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL_S3 });
    }
  });

  it('a right that is missing is named, and the logs stay where they are', async () => {
    const log = await someLog();
    const files = await readdir(log);
    const out = kind.newStore();
    kinds.server().look = ({ method, path }) =>
      method === 'PUT' && path.endsWith('.parquet') ? 'refused' : undefined;
    const { stderr } = await runCli(['log', 'compact', log, '--out', out]);
    expect(stderr).toMatch(
      /It said: AccessDenied: AccessDenied\. Give these keys the right to s3:PutObject there\.\n$/,
    );
    kinds.server().look = () => undefined;
    expect(await readdir(log)).toHaveLength(files.length);
    expect(await collectLogs({ sources: [log], out })).toMatchObject({ records: 10 });
    kinds.server().look = ({ method }) => (method === 'GET' ? 'refused' : undefined);
    const read = await runCli(['ingest', out, '--out', path('denied.parquet')]);
    expect(read.stderr).toContain('Give these keys the right to s3:GetObject and s3:ListBucket there.');
  });

  it('a log that was never compacted into a bucket, or has no record yet', async () => {
    const out = kind.newStore();
    const ingest = async () => (await runCli(['ingest', out, '--out', path('none.parquet')])).stderr;
    expect(await ingest()).toContain(
      `A log in a bucket must be a store that logs were compacted into. There is no log-store.json in ${out}. Check the address; compact logs into it (npx pointsman log compact <folder> --out ${out}); or copy files of other kinds to this machine.`,
    );
    await collectLogs({ sources: [], out });
    expect(await ingest()).toContain(`There is no record in "${out}" yet. Compact logs into it first.`);
  });
});

describe('forgetting a person in a bucket', () => {
  const forget = (places: readonly string[], ...more: string[]) =>
    runCli(['log', 'forget', ...places, '--user', 'ada', '--work', path('work'), ...more]);

  it('removes what she asked from the log and from the store of shards, and no file has it any more', async () => {
    const out = kind.newStore();
    for (let i = 0; i < 3; i++) await collectLogs({ sources: [await someLog(2)], out, mostParts: 2 });
    expect((await kind.names(out)).filter(isParquet).length).toBeGreaterThan((await kind.parts(out)).length);
    const shards = 's3://shards/runs';
    const store = await openStore(shards, root);
    await store.noteDone('ab'.repeat(32), [await store.put(Buffer.from('a prompt of ada'))]);
    await Promise.all(Array.from({ length: 40 }, (_, i) => store.put(Buffer.from(`prompt ${i}`))));
    const all = await textsIn(out);
    const rehearsed = await forget([out], '--store', shards, '--dry-run');
    expect(rehearsed.stdout).toContain(`${out}: 30 records would be removed, 30 decisions among them`);
    expect(rehearsed.stdout).toContain(`${shards}: all shards would be removed`);
    expect(await textsIn(out)).toEqual(all);
    const { code, stdout } = await forget([out], '--store', shards);
    expect(code).toBe(0);
    expect(stdout).toContain(`${out}: 30 records removed, 30 decisions among them`);
    expect(stdout).toContain(`${shards}: all shards removed`);
    expect(stdout).not.toContain('old versions');
    expect(await textsIn(out)).toEqual(all.filter((text) => Number(text.split(' ')[2]) % 2 === 1));
    // Neither merged nor replaced files are left.
    const names = (await kind.names(out)).filter(isParquet);
    expect(names.sort()).toEqual((await kind.parts(out)).sort());
    expect(await kind.names(shards)).toEqual([]);
    expect((await forget([out], '--store', shards)).stdout).toContain(
      'left as it is, since nothing was found',
    );
  });

  it('says that a bucket keeps old versions, or that nobody knows', async () => {
    const out = kind.newStore();
    await collectLogs({ sources: [await someLog()], out });
    kinds.server().versioning = 'Enabled';
    const { stdout } = await forget([out], '--dry-run');
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      `The bucket of ${out} keeps old versions of what is deleted. Delete those below this address as well, or let a rule of the bucket do it (NoncurrentVersionExpiration).`,
    );
    kinds.server().look = ({ method, path }) =>
      method === 'GET' && path === 'logs/' ? 'refused' : undefined;
    const said = await forgetInLogs({ places: [out], forgetting: { users: ['ada'] }, dryRun: true });
    expect(said.places[0].left[0]).toContain('may keep, which these keys may not ask, old versions');
  });

  it('goes on where it was cut short, also without the right to delete', async () => {
    const out = kind.newStore();
    await collectLogs({ sources: [await someLog(2)], out });
    kinds.server().look = ({ method }) => (method === 'DELETE' ? 'refused' : undefined);
    const { code, stderr } = await forget([out]);
    expect(code).toBe(1);
    expect(stderr).toContain('Give these keys the right to s3:DeleteObject there.');
    kinds.server().look = () => undefined;
    await forget([out]);
    expect(await textsIn(out)).toHaveLength(10);
    expect((await kind.names(out)).filter(isParquet).sort()).toEqual((await kind.parts(out)).sort());
  });

  it('takes a folder, a bucket and what is older than some time together', async () => {
    const out = kind.newStore();
    const log = await someLog();
    await cp(log, `${log}-copy`, { recursive: true });
    await collectLogs({ sources: [log], out });
    const { places } = await forgetInLogs({
      places: [out, `${log}-copy`],
      forgetting: { before: Date.UTC(2026, 11, 1) },
    });
    expect(places.map(({ records }) => records)).toEqual([10, 10]);
    expect(await kind.parts(out)).toEqual([]);
    expect((await kind.names(out)).filter(isParquet)).toEqual([]);
  });
});
