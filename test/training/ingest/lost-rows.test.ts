import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { tableFromArrays, tableToIPC } from 'apache-arrow';
import { describe, expect, test } from 'vitest';
import { readOutcomeMatrix } from '../../../training/ingest/outcome-store.ts';
import type { IngestReport } from '../../../training/ingest/report.ts';
import { ingestFixture, lines, reasons } from './ingest-fixture.ts';

const { ingest, out, path } = ingestFixture();
const write = (name: string, content: string | Uint8Array): string => {
  mkdirSync(dirname(path(name)), { recursive: true });
  writeFileSync(path(name), content);
  return path(name);
};
const row = (i: number, more: object = {}) => ({
  requestId: `r${i}`,
  text: `Question ${i}?`,
  candidate: 'm',
  ...more,
});
const rows = (count: number) => Array.from({ length: count }, (_, i) => row(i));

async function sql(statement: string): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:');
  await (await instance.connect()).run(statement);
  instance.closeSync();
}

/** Every row is in the table or told with its reason. */
function expectNothingLost({ passedOver, rejected, rowsAccepted, rowsRead }: IngestReport): void {
  const refused = [...rejected, ...passedOver].reduce((sum, { count }) => sum + count, 0);
  expect(rowsAccepted + refused).toBe(rowsRead);
}

describe('a name is a name', () => {
  const decoy = lines([row(99, { candidate: 'decoy' })]);

  test.each([
    'log[1].jsonl',
    'log[1].jsonl.gz',
    'a*.jsonl',
    'what?.csv',
    '[app]/log.jsonl',
    'candidate=x/log.jsonl',
  ])('%s is read, and no file that it would be a pattern of', async (name) => {
    const content = name.endsWith('.csv') ? 'requestId,text,candidate\nr0,Question?,m\n' : lines(rows(1));
    write('log1.jsonl', decoy);
    write('log1.jsonl.gz', gzipSync(decoy));
    write('abc.jsonl', decoy);
    write('whats.csv', 'requestId,text,candidate\nr0,x,decoy\n');
    write('a/log.jsonl', decoy);
    const file = write(name, name.endsWith('.gz') ? gzipSync(content) : content);
    expect(await ingest(file)).toMatchObject({ files: [file], rowsAccepted: 1, candidates: ['m'] });
  });

  test('a Parquet file with brackets is read, appended to and made a matrix of', async () => {
    await sql(
      `COPY (SELECT 'r0' AS "requestId", 'decoy' AS candidate, 'x' AS "text") TO '${path('z1.parquet')}'`,
    );
    await sql(
      `COPY (SELECT 'r0' AS "requestId", 'm' AS candidate, 'x' AS "text", 9 AS file_row_number) TO '${path('z[1].parquet')}'`,
    );
    const table = path('table[1].parquet');
    expect(await ingest(path('z[1].parquet'), { out: table })).toMatchObject({
      candidates: ['m'],
      rowsAccepted: 1,
    });
    const more = write('more.jsonl', lines([row(1)]));
    expect(await ingest(more, { out: table, append: true })).toMatchObject({ rowsInTable: 2 });
    expect((await readOutcomeMatrix(table)).prompts).toHaveLength(2);
    expect(
      await ingest(path('z[1].parquet'), { format: 'openai', out: path('o.parquet') }).catch(String),
    ).toContain('(');
  });

  test('a pattern may go through a folder whose name looks like one', async () => {
    write('i/part-1.jsonl', decoy);
    const file = write('[i]/part-1.jsonl', lines(rows(1)));
    expect(await ingest(path('[i]/part-*.jsonl'))).toMatchObject({ files: [file], candidates: ['m'] });
    await expect(ingest(path('[i]'))).rejects.toThrow(
      /is a folder\. Give its files, as a quoted pattern: '.*\*\.jsonl'/,
    );
  });
});

describe('a column that comes after 1,500 rows', () => {
  const early = rows(1500);
  const late = [
    row(1500, { score: 0.25, stars: 4, llm: { grade: 1 } }),
    row(1501, { score: 0.75, stars: 5 }),
  ];
  const all = [...early, ...late];
  const csv = `requestId,text,candidate,score,stars\n${all
    .map((each) => {
      const { requestId, text, candidate, score = '', stars = '' } = each as Record<string, unknown>;
      return `${requestId},${text},${candidate},${score},${stars}`;
    })
    .join('\n')}\n`;
  const files: readonly (readonly [string, () => string | Uint8Array])[] = [
    ['late.jsonl', () => lines(all)],
    ['late.jsonl.gz', () => gzipSync(lines(all))],
    ['late-broken.jsonl', () => `${lines(all)}{broken\n`],
    ['late.json', () => JSON.stringify(all)],
    ['late.csv', () => csv],
  ];

  test.each(files)('is read, and is told where nothing is read from it: %s', async (name, content) => {
    const report = await ingest(write(name, content()));
    expect(report).toMatchObject({ rowsAccepted: 1502, aliases: { quality: ['score'] } });
    expect(report.ignoredColumns).toContain('stars');
    const { quality } = await readOutcomeMatrix(out);
    expect([...quality].filter((value) => !Number.isNaN(value))).toEqual([0.25, 0.75]);
  });

  test.each(files)('is found by the name that the user gives it: %s', async (name, content) => {
    const map = { quality: 'stars' };
    expect(await ingest(write(name, content()), { map, scoreRange: [1, 5] })).toMatchObject({
      rowsAccepted: 1502,
      aliases: { quality: ['stars'] },
    });
  });

  test('is read within an object, and where one is given for each candidate', async () => {
    const file = write('nested.jsonl', lines(all));
    expect(await ingest(file, { map: { quality: 'llm.grade' } })).toMatchObject({ rowsAccepted: 1502 });
    const cells = Array.from({ length: 1500 }, (_, i) => ({
      id: `${i}`,
      prompt: `Q ${i}`,
      outcomes: { a: { quality: 1 } },
    }));
    const wide = [...cells, { id: 'x', prompt: 'Q', outcomes: { a: { score: 0.5, cost_usd: 3 }, b: 1 } }];
    for (const name of ['wide.jsonl', 'wide.json']) {
      const content = name.endsWith('l') ? lines(wide) : JSON.stringify(wide);
      expect(await ingest(write(name, content))).toMatchObject({ rowsAccepted: 1502, costsMissing: 1501 });
    }
  });

  test('makes the row one of several candidates, whatever the rows before it are', async () => {
    const mixed = [...early, { id: 'x', prompt: 'Q', outcomes: { a: { score: 0.5 }, b: 1 } }];
    expect(await ingest(write('mixed.jsonl', lines(mixed)))).toMatchObject({
      rowsAccepted: 1502,
      rejected: [],
      candidates: ['a', 'b', 'm'],
    });
  });
});

describe('gzip', () => {
  const [first, second] = [lines(rows(50)), lines(rows(80).slice(50))];
  const zip = (text: string): Buffer => gzipSync(text);
  const zeros = Buffer.alloc(700);
  const named = Buffer.concat([
    zip(first).subarray(0, 3),
    Buffer.from([0x1e]),
    zip(first).subarray(4, 10),
    Buffer.from([2, 0, 9, 9]),
    Buffer.from('log.jsonl\0a note\0'),
    Buffer.alloc(2),
    zip(first).subarray(10),
  ]);

  test.each<[string, Buffer[], number, [string, number, number[]][]]>([
    ['of one member', [zip(first + second)], 80, []],
    ['of several members', [zip(first), zip(second)], 80, []],
    ['with empty members', [zip(''), zip(first), zip(''), zip(second)], 80, []],
    ['with zeros between its members', [zip(first), zeros, zip(second)], 80, []],
    ['with zeros behind it', [zip(first), zip(second), zeros], 80, []],
    ['with all that its header may hold', [named, zip(second)], 80, []],
    ['with a member that ends within a line', [zip(first.slice(0, 100)), zip(first.slice(100))], 50, []],
    [
      'with something else behind it',
      [zip(first), Buffer.from('garbage')],
      50,
      [['what follows the gzip data is not gzip data', 1, [51]]],
    ],
    [
      'with zeros and something else behind it',
      [zip(first), zeros, Buffer.from('x')],
      50,
      [['what follows the gzip data is not gzip data', 1, [51]]],
    ],
  ])('%s gives all its rows, and tells of what is none', async (_, parts, accepted, told) => {
    const report = await ingest(write('parts.jsonl.gz', Buffer.concat(parts)));
    expect(report.rowsAccepted).toBe(accepted);
    expect(reasons(report)).toEqual(told);
    expectNothingLost(report);
  });

  test.each<[string, Buffer]>([
    ['cut off', zip(first).subarray(0, -20)],
    ['cut off in its checksum', zip(first).subarray(0, -3)],
    ['cut off in a header', Buffer.concat([zip(first), zip(second).subarray(0, 5)])],
    ['with another checksum', Buffer.concat([zip(first).subarray(0, -8), Buffer.alloc(8)])],
  ])('%s is refused', async (_, bytes) => {
    await expect(ingest(write('broken.jsonl.gz', bytes))).rejects.toThrow(/broken\.jsonl\.gz cannot be read/);
  });

  test('is known by its bytes, whatever the file is called', async () => {
    expect(await ingest(write('zipped.jsonl', gzipSync(first)))).toMatchObject({ rowsAccepted: 50 });
    expect(await ingest(write('plain.jsonl.gz', first))).toMatchObject({ rowsAccepted: 50 });
  });
});

describe('a quote that is not closed costs its line of a CSV file', () => {
  const header = 'id,prompt,model,score\n';
  const good = Array.from({ length: 30 }, (_, i) => `${i},words ${i},m,1`);
  test.each<[string, string]>([
    ['before lines without quotes', [...good, 'x,"open,m,1', ...good.map((each) => `b${each}`)].join('\n')],
    [
      'before a field in quotes',
      [...good, 'x,"open,m,1', 'y,"in ""quotes""",m,1', ...good.slice(1).map((each) => `b${each}`)].join(
        '\n',
      ),
    ],
    [
      'closed by a quote of many lines later',
      [...good, 'x,"open,m,1', ...good.slice(1).map((each) => `b${each}`), 'y,words",m,1,2'].join('\n'),
    ],
  ])('%s', async (_, body) => {
    const report = await ingest(write('open.csv', header + body));
    expect(report.rowsAccepted).toBeGreaterThanOrEqual(59);
    expect(reasons(report)).toContainEqual(['the CSV record is broken (a quote is not closed)', 1, [32]]);
    expectNothingLost(report);
  });

  test('names of columns that repeat are told, and lines may end as on old machines', async () => {
    const report = await ingest(
      write('twice.csv', 'id, prompt ,model,score,score\r1,"a\rb",m,1,0\r2,c,m,0,1\r'),
    );
    expect(report).toMatchObject({ rowsAccepted: 2, ignoredColumns: ['score (2)'] });
    expect([...(await readOutcomeMatrix(out)).quality]).toEqual([1, 0]);
  });
});

test('Arrow rows whose late column is read', async () => {
  const late = { requestId: ['a', 'b'], text: ['x', 'y'], candidate: ['m', 'm'], score: [null, 0.5] };
  const file = write('late.arrow', tableToIPC(tableFromArrays(late), 'file'));
  expect(await ingest(file)).toMatchObject({ rowsAccepted: 2, aliases: { quality: ['score'] } });
});
