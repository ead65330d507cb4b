import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Notebook, notebookPath } from '../../notebooks/execute.ts';
import { root } from '../architecture/source-files.ts';
import { fencedBlocks } from '../documents/fenced-blocks.ts';

it('docs/artifact.md shows code that the notebook of the softmax head has run', async () => {
  const text = await readFile(join(root, 'docs/artifact.md'), 'utf8');
  const [block, ...others] = fencedBlocks(text).filter(({ language }) => language === 'ts');
  expect(others).toEqual([]);
  const notebook: Notebook = JSON.parse(await readFile(notebookPath('the-softmax-head'), 'utf8'));
  const cell = notebook.cells.find(({ source }) => source.join('').includes('requestFeatures, useBackend'));
  const shown = cell?.source.join('').replace("join(folder, 'models/support')", "'models/support'");
  expect(shown).toBe(block.body.trimEnd());
  expect(cell?.outputs?.flatMap(({ text }) => text ?? []).join('')).toMatch(/^Tensor\s+\[\[0\.\d/);
});

it('the notebook of the softmax head ends where it says', async () => {
  const notebook: Notebook = JSON.parse(await readFile(notebookPath('the-softmax-head'), 'utf8'));
  const printed = notebook.cells
    .flatMap(({ outputs }) => outputs ?? [])
    .flatMap(({ text }) => text ?? [])
    .join('');
  expect(printed).toContain('the largest difference is below 1e-5: true');
  expect(printed).toContain('relative difference below 1e-5: true');
  expect(printed).toContain('the largest difference of a probability is below 0.001: true');
  expect(printed).not.toContain('false');
});
