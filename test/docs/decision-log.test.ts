import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readDecisionLog } from '@pointsman/training';
import { beforeAll, describe, expect, it } from 'vitest';
import { root } from '../architecture/source-files.ts';
import { fencedBlocks } from '../documents/fenced-blocks.ts';
import { runTypescript } from '../documents/run-typescript.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { RECORDS } from '../src/log/log-records.ts';
import { copyExampleRouter } from './copy-example-router.ts';

const text = await readFile(join(root, 'docs/decision-log.md'), 'utf8');
const { folder } = temporaryFolder();
beforeAll(async () => {
  await copyExampleRouter(folder);
  await cp(join(folder, 'router'), join(folder, 'models/support'), { recursive: true });
});

describe('docs/decision-log.md', () => {
  it('shows code that runs, and a log that can be read', async () => {
    const programs = fencedBlocks(text).filter(({ language }) => language === 'ts');
    const printed: string[] = [];
    for (const { body } of programs) printed.push(await runTypescript(body, folder));
    expect(printed[0]).toMatch(
      /^true \{\s*written: 0,\s*failed: 0,\s*dropped: 0,\s*pending: 3,\s*error: null\s*\}\n$/,
    );
    expect(printed.slice(1)).toEqual(['decision outcome feedback\n', 'false\n', 'true true\n']);
    const kinds: string[] = [];
    for await (const { kind } of readDecisionLog(join(folder, 'logs/decisions'))) kinds.push(kind);
    expect(kinds).toEqual(['file', 'decision', 'outcome', 'feedback', 'file']);
  });

  it('names every kind of record with all its fields', () => {
    const rows = new Map(
      [...text.matchAll(/^\| `(\w+)` \| (.*) \|$/gm)].map(([, kind, says]) => [kind, says]),
    );
    for (const { kind, ...record } of RECORDS) {
      const says = rows.get(kind) ?? '';
      const fields = Object.keys(record).filter((field) => !['schemaVersion', 'at'].includes(field));
      if (kind !== 'file')
        for (const field of fields) expect(says, `${kind}.${field}`).toMatch(new RegExp(`\\b${field}\\b`));
      expect(rows.has(kind)).toBe(true);
    }
  });
});
