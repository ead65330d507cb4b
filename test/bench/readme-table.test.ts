import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  everythingMeasured,
  putTable,
  readmeTable,
  readResults,
  targetTable,
} from '../../bench/readme-table.ts';
import { root } from '../architecture/source-files.ts';

const lines = [
  { name: 'a | b', value: 12345.678, unit: 'rows/s', target: '≥ 100000', met: false, note: 'one core' },
  { name: 'no target', value: 1, unit: 'MB', target: null, met: null, note: '' },
  { name: 'skipped', value: null, unit: '', target: '≤ 1', met: null, note: 'skipped' },
  { name: 'size', value: 35.27, unit: 'kB', target: '≤ 40', met: true, note: 'gzipped' },
];

describe('the table of measured targets', () => {
  it('holds what has a target and a value, to three digits, and where it was measured', () => {
    const table = targetTable(new Map([['fit', { date: '2026-11-25', machine: 'a machine', lines }]]));
    expect(table.split('\n').slice(2)).toEqual([
      '| a \\| b | 12,300 rows/s | ≥ 100000 rows/s | **no** |',
      '| size | 35.3 kB | ≤ 40 kB | yes |',
      '',
      'Measured by `npm run bench` on: a machine, 2026-11-25.',
      '',
    ]);
  });

  it('counts the promises that simulations kept in one row, and lists them with everything measured', () => {
    const part = (target: string | null, met: boolean | null) => ({ ...lines[3], target, met });
    const result = (...some: ReturnType<typeof part>[]) => ({
      date: '2026-11-25',
      machine: 'a machine',
      lines: some,
    });
    const results = new Map([
      ['fit', result(part('≤ 40', true))],
      ['simulations-a', result(part('≤ 1', true), part(null, null))],
      ['simulations-b', result(part('≤ 1', true), part('≤ 1', false))],
    ]);
    const table = targetTable(results).split('\n');
    expect(table.slice(2, 4)).toEqual([
      '| size | 35.3 kB | ≤ 40 kB | yes |',
      '| [statistical promises](measured.md) kept where traffic is simulated | 2 of 3 | all | **no** |',
    ]);
    expect(everythingMeasured(results)).toContain('## simulations-b');
    results.delete('simulations-b');
    expect(targetTable(results)).toContain('| 1 of 1 | all | yes |');
  });

  it('shows above an indented line what it is of', () => {
    const part = (name: string, target: string | null) => ({
      name,
      value: 0,
      unit: '',
      target,
      met: null,
      note: '',
    });
    const parts = [
      part('requests', null),
      part('  late', '≤ 0'),
      part('other', null),
      part('  nothing', null),
    ];
    const table = targetTable(
      new Map([['faults', { date: '2026-11-25', machine: 'a machine', lines: parts }]]),
    );
    expect(table).toContain('| requests | 0 |  |  |\n|   late | 0 | ≤ 0 |  |\n\n');
  });

  it('shows of many lines of one kind the worst, and how many missed', () => {
    const sets = [0.1, -0.2, 0.3, 0].map((value, i) => ({
      name: `no harm: set ${i}`,
      value,
      unit: '',
      target: '≥ -0.005',
      met: value >= -0.005,
      note: '',
    }));
    const table = targetTable(
      new Map([['no-harm', { date: '2026-11-25', machine: 'a machine', lines: sets }]]),
    );
    expect(table).toContain('| no harm, the worst of 4 (1 of 4 missed) | -0.2 | ≥ -0.005 | **no** |');
    expect(table).not.toContain('set 2');
  });

  it('is six rows in the README, met or missed, with the number of targets that are met', () => {
    const part = (name: string, met: boolean) => ({ name, value: 1, unit: '', target: '≤ 1', met, note: '' });
    const quality = [
      part('APGR, routellm-mmlu, 1500 rows to fit', true),
      part('  ECE of gpt-4-1106-preview', true),
      part('APGR, routellm-mmlu, 7000 rows to fit', false),
      part('  ECE of gpt-4-1106-preview', false),
      part('routed quality, llmrouter9', true),
    ];
    const noHarm = [1, 2, 3, 4].map((set) => part(`no harm: ${set}`, set > 1));
    const decision = ['one decision, static embedder, p50', 'size of pointsman', 'size of pointsman/node'];
    const result = (lines: ReturnType<typeof part>[]) => ({
      date: '2026-11-25',
      machine: 'a machine',
      lines,
    });
    const table = readmeTable(
      new Map([
        ['quality', result(quality)],
        ['no-harm', result(noHarm)],
        ['decision', result(decision.map((name) => part(name, true)))],
      ]),
    );
    expect(table.split('\n').slice(2)).toEqual([
      '| routed quality, llmrouter9 | 1 | ≤ 1 | yes |',
      '| APGR, routellm-mmlu, 7000 rows to fit | 1 | ≤ 1 | **no** |',
      '|   ECE of gpt-4-1106-preview | 1 | ≤ 1 | **no** |',
      '| no harm, the worst of 4 (1 of 4 missed) | 1 | ≤ 1 | **no** |',
      '| one decision, static embedder, p50 | 1 | ≤ 1 | yes |',
      '| size of pointsman | 1 | ≤ 1 | yes |',
      '',
      '6 of 9 targets are met: [all of them](bench/README.md).',
      '',
    ]);
  });

  it('is beside a page with every line, and why some were not measured', () => {
    const page = everythingMeasured(new Map([['fit', { date: '2026-11-25', machine: 'a machine', lines }]]));
    expect(page).toContain('| no target | 1 MB |  |  |  |');
    expect(page).toContain('| skipped |  | ≤ 1 |  | skipped |');
  });

  it('says so when nothing is measured', () => {
    expect(targetTable(new Map())).toContain('npm run bench');
    expect(readmeTable(new Map())).toContain('npm run bench');
  });

  it.each([
    ['README.md', readmeTable],
    ['bench/README.md', targetTable],
  ] as const)('of %s is what bench/results holds', async (page, table) => {
    const text = await readFile(join(root, page), 'utf8');
    expect(putTable(text, table(await readResults())), 'write it anew: npm run bench:table').toBe(text);
  });

  it('goes between the markers of the README, and twice is once', async () => {
    const readme = await readFile(join(root, 'README.md'), 'utf8');
    const once = putTable(readme, 'x $1 y\n');
    expect(once).toContain('x $1 y\n<!-- end of measured -->');
    expect(putTable(once, 'x $1 y\n')).toBe(once);
    expect(() => putTable('no markers', 'x')).toThrow('markers');
  });
});
