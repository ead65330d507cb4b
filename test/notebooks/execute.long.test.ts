import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  executeNotebook,
  missingForNotebooks,
  NOTEBOOKS,
  type Notebook,
  notebookPath,
  type Output,
} from '../../notebooks/execute.ts';

const missing = missingForNotebooks();
if (missing !== null) console.warn(`The notebooks are not executed. ${missing}`);

/** What a reader sees of an output, without its figures: they may differ a little from one processor to another. */
function shapeOf({ data, output_type, text }: Output): string {
  const words = [text ?? ''].flat().join('');
  return `${output_type} ${Object.keys(data ?? {}).sort()} ${words.replace(/[\d.,+−-]+/g, '#').replace(/\s+/g, ' ')}`;
}

const shapes = ({ cells }: Notebook) => cells.map(({ id, outputs = [] }) => [id, ...outputs.map(shapeOf)]);

/** Deno's kernel now and then says that a cell is done before it has sent all that the cell printed. */
const KERNEL_LOSES = { retry: 2 };

it.skipIf(missing !== null).each(['from-log-to-router', 'reading-a-report'] as const)(
  'notebooks/%s.ipynb runs without a browser and says what its stored outputs say',
  KERNEL_LOSES,
  async (name) => {
    const stored: Notebook = JSON.parse(readFileSync(notebookPath(name), 'utf8'));
    expect(shapes(await executeNotebook(name))).toEqual(shapes(stored));
  },
);

it.skipIf(missing !== null)(
  'a-month-of-retraining.ipynb runs without a browser and draws its month',
  KERNEL_LOSES,
  async () => {
    const { cells } = await executeNotebook('a-month-of-retraining');
    const outputs = cells.flatMap((cell) => cell.outputs ?? []);
    expect(outputs.filter(({ output_type }) => output_type === 'error')).toEqual([]);
    expect(outputs.some(({ data }) => data !== undefined && 'image/svg+xml' in data)).toBe(true);
    expect(JSON.stringify(outputs)).toContain('night 30: ');
    expect(NOTEBOOKS).toContain('a-month-of-retraining');
  },
);
