import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { putTable, readmeTable } from '../../bench/readme-table.ts';
import { root } from '../architecture/source-files.ts';

const lines = [
  { name: 'a | b', value: 12345.678, unit: 'rows/s', target: '≥ 100000', met: false, note: 'one core' },
  { name: 'no target', value: 1, unit: 'MB', target: null, met: null, note: '' },
  { name: 'skipped', value: null, unit: '', target: '≤ 1', met: null, note: 'skipped' },
  { name: 'size', value: 35.27, unit: 'kB', target: '≤ 40', met: true, note: 'gzipped' },
];

describe('the table of measured targets', () => {
  it('holds what has a target and a value, to three digits, and where it was measured', () => {
    const table = readmeTable(new Map([['fit', { date: '2026-11-25', machine: 'a machine', lines }]]));
    expect(table.split('\n').slice(2)).toEqual([
      '| a \\| b | 12,300 rows/s | ≥ 100000 rows/s | **no** | one core |',
      '| size | 35.3 kB | ≤ 40 kB | yes | gzipped |',
      '',
      'Measured by `npm run bench` on: a machine, 2026-11-25.',
      '',
    ]);
  });

  it('says so when nothing is measured', () => {
    expect(readmeTable(new Map())).toContain('npm run bench');
  });

  it('goes between the markers of the README, and twice is once', async () => {
    const readme = await readFile(join(root, 'README.md'), 'utf8');
    const once = putTable(readme, 'x $1 y\n');
    expect(once).toContain('x $1 y\n<!-- end of measured -->');
    expect(putTable(once, 'x $1 y\n')).toBe(once);
    expect(() => putTable('no markers', 'x')).toThrow('markers');
  });
});
