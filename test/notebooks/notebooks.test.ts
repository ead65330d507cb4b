import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { NOTEBOOKS, type Notebook, notebookPath } from '../../notebooks/execute.ts';

describe.each(NOTEBOOKS)('notebooks/%s.ipynb', (name) => {
  const text = readFileSync(notebookPath(name), 'utf8');
  const notebook: Notebook = JSON.parse(text);
  const code = notebook.cells.filter(({ cell_type }) => cell_type === 'code');

  it("is a notebook of format 4.5 for Deno's kernel, whose cells have ids", () => {
    expect(notebook).toMatchObject({
      nbformat: 4,
      nbformat_minor: 5,
      metadata: { kernelspec: { name: 'deno' } },
    });
    expect(new Set(notebook.cells.map(({ id }) => id)).size).toBe(notebook.cells.length);
    for (const { id } of notebook.cells) expect(id).toMatch(/^[\w-]{1,64}$/);
  });

  it('keeps its outputs, was executed from top to bottom, and no cell failed', () => {
    expect(code.map(({ execution_count }) => execution_count)).toEqual(code.map((_, i) => i + 1));
    const outputs = code.flatMap((cell) => cell.outputs ?? []);
    expect(outputs.filter(({ output_type }) => output_type === 'error')).toEqual([]);
    expect(outputs.some(({ data }) => data !== undefined && 'image/svg+xml' in data)).toBe(true);
    expect(outputs.some(({ text }) => text !== undefined)).toBe(true);
  });

  it('names no folder of the machine that executed it', () => {
    expect(text).not.toMatch(/\/(tmp|home|root|work|Users)\/|file:\/\//);
  });
});
