import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createFileLog } from 'pointsman/internal';
import type { LogRecord } from 'pointsman/log';
import { readArtifactFolder } from 'pointsman/node';
import { expect, it } from 'vitest';
import { parseTrainConfig } from '../../../training/config.ts';
import { openStore } from '../../../training/engine/engine.ts';
import { ingestOutcomes } from '../../../training/ingest/ingest.ts';
import { OutcomeStore } from '../../../training/ingest/outcome-store.ts';
import { collectLogs } from '../../../training/log-store/collect.ts';
import { readDecisionLog } from '../../../training/log-store/read.ts';
import { trainFromFiles } from '../../../training/train/train-router.ts';
import { runCli } from '../../documents/run-cli.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { aDecision } from '../../src/log/a-decision.ts';
import { storeKinds } from './store-kinds.ts';

const { folder: base } = temporaryFolder();
const SECRET = 'a secret';

async function read(folder: string): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const record of readDecisionLog(folder)) if (record.kind !== 'file') records.push(record);
  return records;
}

const kinds = storeKinds(join(base, 'stores'));

it.each(kinds)(
  'the command that forgets removes rows that routers have gathered and examples, says who learned from it, and rehearses first: $kind',
  async (kind) => {
    const root = join(base, kind.kind);
    await mkdir(join(root, 'scratch'), { recursive: true });
    const sample = fileURLToPath(new URL('../../../training/samples/traffic.jsonl', import.meta.url));
    const rows = (await readFile(sample, 'utf8'))
      .split('\n')
      .slice(0, 240)
      .filter((row) => row !== '');
    const traffic = join(root, 'traffic.jsonl');
    await writeFile(traffic, rows.join('\n'));
    const models = join(root, 'models', 'support');
    const work = join(root, 'work');
    const { written } = await trainFromFiles({
      files: [traffic],
      out: models,
      name: 'support',
      workFolder: work,
      config: parseTrainConfig({
        ...{ heads: ['linear'], folds: 2, resamples: 100, examples: 40 },
        ngrams: { dimensions: 8, buckets: 1024, wordOrder: 1 },
      }),
    });
    const before = await readArtifactFolder(written.path, { reports: true });
    const examplesOf = (artifact: typeof before) =>
      JSON.parse(new TextDecoder().decode(artifact.reports?.files.get('examples.json'))) as {
        text: string;
      }[];
    const shown = examplesOf(before);
    const asked = [shown[0].text, shown[1].text, 'something that nobody trained on'];

    const logs = join(root, 'decisions');
    await writeFile(`${logs}.user-key`, `${SECRET}\n`);
    const log = createFileLog(logs, { userKey: SECRET });
    for (const text of asked) {
      const id = log.decided(aDecision(), { text, user: 'ada' });
      log.outcome(id, { candidate: 'mini' });
      log.feedback(id, { quality: 1 });
    }
    const kept = log.decided(aDecision(), { text: 'by somebody else', user: 'bob' });
    log.outcome(kept, { candidate: 'mini' });
    log.feedback(kept, { quality: 1 });
    await log.close();
    const table = join(root, 'outcomes.parquet');
    await ingestOutcomes({ files: [logs], format: 'pointsman', out: table });
    const gathered = join(work, 'routers', 'support-0123456789ab', 'outcomes');
    await new OutcomeStore(gathered).add(table, null);
    const place = kind.newStore();
    await collectLogs({ sources: [logs], out: place });
    const shards = kind.kind === 'folder' ? join(root, 'shards-store') : 's3://shards/runs';
    const store = await openStore(shards, join(root, 'scratch'));
    await store.noteDone('ab'.repeat(32), [await store.put(Buffer.from('a prompt of ada'))]);

    const args = [
      ...['log', 'forget', place, '--user', 'ada', '--user-key', `${logs}.user-key`],
      ...['--models', models, '--work', work, '--store', shards],
    ];
    const rehearsal = await runCli([...args, '--dry-run', '--json']);
    expect(rehearsal.code).toBe(0);
    const version = {
      folder: models,
      version: written.version,
      learnedFrom: 2,
      examples: 2,
      hasNeighbours: false,
      problem: null,
    };
    const expected = {
      places: [{ place, decisions: 3, records: 9, left: [] }],
      gathered: [{ folder: gathered, rows: 3 }],
      shards: { store: shards, emptied: true, left: [] },
      versions: [version],
    };
    expect(JSON.parse(rehearsal.stdout)).toEqual({ dryRun: true, ...expected });
    expect(examplesOf(await readArtifactFolder(written.path, { reports: true }))).toEqual(shown);
    expect(await kind.names(shards)).toHaveLength(3);

    const { code, stderr, stdout } = await runCli(args);
    expect([code, stderr]).toEqual([0, '']);
    const said = stdout.replace(/\s+/g, ' ');
    expect(said).toContain('9 records removed, 3 decisions among them');
    expect(said).toContain('outcomes: 3 rows removed');
    expect(said).toContain(
      `${written.version}: learned from the prompts of 2 decisions, whoever asked it. Train again without it, and delete this version. 2 of its examples removed.`,
    );
    expect(await kind.names(shards)).toEqual([]);
    expect(await read(place)).toHaveLength(3);
    const after = await readArtifactFolder(written.path, { reports: true });
    expect(examplesOf(after)).toEqual(shown.slice(2));
    // It decides as before, and all else about it is there.
    expect(after.manifest.id).toBe(before.manifest.id);
    expect(after.reports?.changed.size).toBe(0);
    expect([...(after.reports?.files.keys() ?? [])].sort()).toEqual(
      [...(before.reports?.files.keys() ?? [])].sort(),
    );
    const copy = join(root, 'copy.parquet');
    await new OutcomeStore(gathered).copyTo(copy);
    const left = await ingestOutcomes({ files: [copy], format: 'table', out: join(root, 'left.parquet') });
    expect(left.rowsAccepted).toBe(1);

    const again = await runCli([...args, '--json']);
    expect(JSON.parse(again.stdout)).toMatchObject({
      places: [{ records: 0 }],
      shards: { emptied: false },
      versions: [{ learnedFrom: 0 }],
    });
  },
);
