import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readDecisionLog } from '@pointsman/training';
import { createFileLog, createRandom } from 'pointsman/internal';
import { expect, it } from 'vitest';
import { openBucket } from '../../../training/engine/objects.ts';
import { collectLogs } from '../../../training/log-store/collect.ts';
import { runCompactionChaos } from '../../fixtures/run-compaction-chaos.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { aDecision } from '../../src/log/a-decision.ts';
import { storeKinds } from './store-kinds.ts';

const { folder } = temporaryFolder();
const kinds = storeKinds(join(folder, 'stores'));

it.each(kinds)(
  'compacted into a store in a $kind by a process that is killed twenty times, a log is there once, with its late ratings',
  async (kind) => {
    const { killed, merging, midway } = await runCompactionChaos(join(folder, kind.kind), 20, kind);
    expect(killed).toBe(20);
    expect(midway).toBeGreaterThan(3);
    expect(merging).toBeGreaterThan(3);
  },
);

it('a compactor that is stopped for longer than its lease, and overtaken, changes nothing when it wakes up', async () => {
  const [, kind] = kinds;
  const out = kind.newStore();
  let stopped = 0;
  const written: string[] = [];
  for (let round = 0; round < 6; round++) {
    const place = join(folder, `stopped-${round}`);
    const log = createFileLog(place, { maxBytes: 4_000, batch: 4, fsync: 'never' });
    for (let i = 0; i < 40; i++) written.push(log.decided(aDecision(), { text: `question ${round} ${i}` }));
    await log.close();
    const script = fileURLToPath(new URL('collecting-process.ts', import.meta.url));
    const child = fork(script, [out, place], { execArgv: ['--import', 'tsx'], stdio: 'pipe' });
    let said = '';
    child.stderr?.on('data', (data) => {
      said += data;
    });
    const ended = once(child, 'exit');
    await once(child, 'message');
    while (!(await readdir(place)).some((name) => name.startsWith('.taken-'))) await sleep(2);
    await sleep(10 * round);
    child.kill('SIGSTOP');
    // Another one, who waits for its lease to end, and takes what it had in its hands.
    await collectLogs({ sources: [place], out, leaseMs: 600 });
    child.kill('SIGCONT');
    await Promise.race([ended, sleep(3000)]);
    if (child.exitCode !== null && /was taken over by another process|ENOENT/.test(said)) stopped++;
    child.kill('SIGKILL');
    await ended;
  }
  await collectLogs({ sources: [], out, leaseMs: 600 });
  const kept: string[] = [];
  for await (const record of readDecisionLog(out)) if (record.kind === 'decision') kept.push(record.id);
  expect(kept.sort()).toEqual(written.sort());
  expect(stopped).toBeGreaterThan(2);
  expect((await kind.names(out)).filter((name) => name.endsWith('.parquet')).sort()).toEqual(
    expect.arrayContaining((await kind.parts(out)).sort()),
  );
});

it('files that were sent into a bucket are in the store once, however often who takes them is killed', async () => {
  const [, kind] = kinds;
  const [incoming, out] = [kind.newStore(), kind.newStore()];
  const bucket = await openBucket(incoming);
  const random = createRandom(31);
  const written: string[] = [];
  let [killed, midway] = [0, 0];
  for (let round = 0; round < 12; round++) {
    const place = join(folder, `sent-${round}`);
    const log = createFileLog(place, { maxBytes: 4_000, batch: 4, fsync: 'never' });
    for (let i = 0; i < 30; i++) written.push(log.decided(aDecision(), { text: `question ${round} ${i}` }));
    await log.close();
    for (const name of await readdir(place))
      await bucket.write(`${round % 2}/${name}`, await readFile(join(place, name)));
    const script = fileURLToPath(new URL('collecting-process.ts', import.meta.url));
    const child = fork(script, [out, incoming], { execArgv: ['--import', 'tsx'] });
    const ended = once(child, 'exit');
    await once(child, 'message');
    // While files are there, some of them perhaps in the store; or at any time.
    const before = (await kind.names(incoming)).length;
    if (round % 2 === 0) while ((await kind.names(incoming)).length === before) await sleep(5);
    await sleep(random.integer(round % 2 === 0 ? 60 : 900));
    child.kill('SIGKILL');
    if ((await ended)[1] === 'SIGKILL') killed++;
    if ((await kind.names(incoming)).length > 0) midway++;
  }
  await collectLogs({ sources: [incoming], out });
  expect([killed, midway > 3]).toEqual([12, true]);
  expect(await kind.names(incoming)).toEqual([]);
  const kept: string[] = [];
  for await (const record of readDecisionLog(out)) if (record.kind === 'decision') kept.push(record.id);
  expect(kept.sort()).toEqual(written.sort());
});
