import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../architecture/source-files.ts';
import { runCli } from '../documents/run-cli.ts';
import { runTypescript } from '../documents/run-typescript.ts';
import { smallTraffic } from '../package/small-traffic.ts';

interface Cell {
  readonly cell_type: 'code' | 'markdown';
  readonly id: string;
  readonly source: readonly string[];
  readonly outputs?: readonly unknown[];
  readonly execution_count?: number | null;
}

describe('notebooks/explore-router.ipynb', () => {
  let folder: string;
  let cells: readonly Cell[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pointsman-notebook-'));
    cells = JSON.parse(await readFile(join(root, 'notebooks/explore-router.ipynb'), 'utf8')).cells;
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('is a notebook of format 4 whose cells have ids and keep no output', async () => {
    const notebook = JSON.parse(await readFile(join(root, 'notebooks/explore-router.ipynb'), 'utf8'));
    expect(notebook).toMatchObject({
      nbformat: 4,
      nbformat_minor: 5,
      metadata: { kernelspec: { name: 'deno' } },
    });
    expect(new Set(cells.map(({ id }) => id)).size).toBe(cells.length);
    for (const { id, cell_type, outputs, execution_count } of cells) {
      expect(id).toMatch(/^[\w-]{1,64}$/);
      if (cell_type === 'code') expect([outputs, execution_count]).toEqual([[], null]);
    }
  });

  it('runs from top to bottom on a router just trained', async () => {
    const traffic = join(folder, 'traffic.jsonl');
    await writeFile(traffic, smallTraffic(150));
    const out = join(folder, 'models/demo');
    const trained = await runCli(['train', traffic, '--out', out, '--work', join(folder, 'work')]);
    expect(trained.code, trained.stderr).toBe(0);
    const code = cells.filter(({ cell_type }) => cell_type === 'code').map(({ source }) => source.join(''));
    const printed = await runTypescript(code.join('\n'), folder);
    expect(printed).toContain('trained on 90 prompts');
    expect(printed).toContain('→ small');
  });
});
