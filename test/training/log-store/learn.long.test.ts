import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { shortEmbedder } from '../../../data/month/short-embedder.ts';
import { collectLogs } from '../../../training/log-store/collect.ts';
import { retrain } from '../../../training/retrain/retrain.ts';
import { runCli } from '../../documents/run-cli.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { writeRows } from '../cli/planted-file.ts';
import { dayOfRow, decisionLog, plantedDays, quickConfig } from '../retrain/planted-logs.ts';
import { storeKinds } from './store-kinds.ts';

const { folder } = temporaryFolder();
const kinds = storeKinds(join(folder, 'stores'));
const rows = plantedDays(80, 12);
/** The same log, in each kind of store. */
const stores = new Map<string, string>();

beforeAll(async () => {
  for (const kind of kinds) {
    const log = join(folder, `log-${kind.kind}`);
    await mkdir(log);
    for (let day = 1; day <= 12; day++) {
      const name = `decisions-202601${String(day).padStart(2, '0')}T000000000Z-0.jsonl`;
      await writeRows(join(log, name), decisionLog(rows.filter((row) => dayOfRow(row) === day)));
    }
    const out = kind.newStore();
    const report = await collectLogs({ sources: [log], out, now: () => Date.now() + 3 * 86_400_000 });
    expect(report).toMatchObject({ files: 12, parts: 12, refused: [] });
    stores.set(kind.kind, out);
  }
});

it('a retraining learns the same from a bucket as from a folder', async () => {
  const embedder = await shortEmbedder(32);
  const runs = [];
  for (const [kind, store] of stores) {
    const own = join(folder, `retrain-${kind}`);
    await mkdir(own);
    const config = quickConfig(own, { name: 'planted', logs: { files: [store], format: 'pointsman' } });
    const now = new Date(Date.UTC(2026, 0, 13));
    const { challenger, gate, outcome, traffic } = await retrain({ config, embedder, now: () => now });
    runs.push({ challenger, outcome, traffic, tests: gate?.tests.map(({ kind, passed }) => [kind, passed]) });
  }
  expect(runs[0].outcome).toBe('promoted');
  expect(runs[0].traffic?.rowsAdded).toBe(rows.length);
  expect(runs[1]).toEqual(runs[0]);
});

it('a training on shards in a bucket does too, and what is done is not done again', async () => {
  const train = async (store: string, out: string, ...more: string[]) => {
    const name = ['--name', 'planted', '--out', join(folder, out), '--work', join(folder, 'work')];
    const { code, stderr, stdout } = await runCli([
      'train',
      store,
      ...name,
      '--json',
      '--heads',
      'linear',
      ...more,
    ]);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    expect(JSON.parse(stdout)).toBeTypeOf('object');
    return JSON.parse(await readFile(join(folder, out, 'current.json'), 'utf8')).version as string;
  };
  const version = await train(stores.get('folder')!, 'of-folder');
  const onShards = ['--store', 's3://shards/training'];
  expect(await train(stores.get('bucket')!, 'on-shards', ...onShards)).toBe(version);
  const { asked } = kinds.server();
  const written = () =>
    asked.filter(({ method, path }) => method === 'PUT' && path.startsWith('shards/')).length;
  const before = written();
  expect(before).toBeGreaterThan(10);
  expect(await train(stores.get('bucket')!, 'again', ...onShards)).toBe(version);
  expect(written()).toBe(before);
});
