import { DuckDBInstance, LIST, listValue, VARCHAR } from '@duckdb/node-api';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withQualityJudged } from '../../../training/ingest/settle.ts';
import { type FieldSettings, judgedRows } from '../../../training/ingest/sql/fields.ts';
import { givenFields, type SourceLayout } from '../../../training/ingest/sql/layout.ts';
import { rawRows } from '../../../training/ingest/sql/rows.ts';
import { OUTCOME_FIELDS, type OutcomeField, parseOutcomeRow } from '../../../training/outcomes/outcome.ts';

const layout: SourceLayout = {
  form: 'long',
  paths: new Map(OUTCOME_FIELDS.map((field) => [field, [`$."${field}"`]])),
  cellPaths: new Map(),
  cells: null,
  aliases: {},
  columns: [],
  ignoredColumns: [],
  mapped: [],
};

const DOCUMENTS = 'SELECT unnest($documents) AS doc, unnest(range(len($documents))) AS line';

let instance: DuckDBInstance;
beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:');
});
afterAll(() => instance.closeSync());

/** What the bulk path makes of documents: the row as zod would give it, or the reason. */
async function judgeInSql(
  documents: readonly string[],
  from = layout,
  settings: FieldSettings = {},
): Promise<unknown[]> {
  const connection = await instance.connect();
  const reader = await connection.runAndReadAll(
    `SELECT * REPLACE (epoch_ms("timestamp")::DOUBLE AS "timestamp", ${withQualityJudged()} AS reason) FROM (${judgedRows(rawRows(DOCUMENTS, from), settings)}) ORDER BY line`,
    { documents: listValue([...documents]) },
    { documents: LIST(VARCHAR) },
  );
  connection.closeSync();
  return reader.getRowObjects().map(({ line: _line, absent: _absent, rating: _rating, reason, ...row }) => {
    if (reason !== null) return { reason };
    const time = row.timestamp as number | null;
    return {
      row: {
        ...row,
        timestamp: time === null ? null : new Date(time).toISOString(),
        embedding: (row.embedding as { items: unknown } | null)?.items ?? null,
        answerChecks: (row.answerChecks as { items: unknown } | null)?.items ?? null,
        messages: row.messages === null ? null : JSON.parse(row.messages as string),
        metadata: JSON.parse(row.metadata as string),
      },
    };
  });
}

const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.constantFrom(
    '',
    ' ',
    '"',
    '\\',
    'null',
    'true',
    '[]',
    '{}',
    '[',
    '{"a":1}',
    '\u0000',
    '\u0001',
    "it's",
    'a\nb\r\n',
    '\\u0041',
  ),
);
const hostile = fc.oneof(
  text,
  // Names of more than 53 bits: the bulk path reads their digits, JavaScript has lost them.
  fc.double().filter((value) => !Number.isInteger(value) || Number.isSafeInteger(value)),
  fc.integer(),
  fc.constantFrom(null, true, false, 0, 1, -0, -1, 2, 0.5, 1e308, 5e-324, [], {}, [1], { a: null }),
  fc.constantFrom(
    '0.5',
    ' 1 ',
    '1e-3',
    '.5',
    '5.',
    '+1',
    '1e999',
    'NaN',
    'Infinity',
    '1_000',
    '0x10',
    '1,5',
    '--1',
    'TRUE',
    'False',
  ),
);
const time = fc.oneof(
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  fc
    .tuple(
      fc.constantFrom(
        '2024-02-29',
        '2023-02-29',
        '1900-02-29',
        '2024-04-31',
        '0000-01-01',
        '9999-12-31',
        '1969-12-31',
        '24-1-1',
      ),
      fc.constantFrom('T', ' ', 't', ''),
      fc.constantFrom(
        '',
        '10:00',
        '10:00:00',
        '24:00:00',
        '23:59:60',
        '23:59:59.9',
        '00:00:00.1239',
        '00:00:00.123456789',
        '7:00',
      ),
      fc.constantFrom('', 'Z', '+02:00', '-0330', '+05', ' +02', '+24:00', 'z', ' Z'),
    )
    .map((parts) => parts.join('')),
  fc.constantFrom(
    1700000000,
    1700000000.5,
    1700000000123,
    '1700000000',
    1e11,
    99999999999.9995,
    253402300799999,
    253402300800000,
    -1,
  ),
  hostile,
);
const message = fc.oneof(
  fc.record(
    {
      role: fc.oneof(fc.constantFrom('user', 'assistant', ''), hostile),
      content: fc.oneof(
        text,
        hostile,
        fc.array(fc.oneof(fc.record({ type: fc.oneof(fc.constant('text'), hostile) }), hostile)),
      ),
    },
    { requiredKeys: [] },
  ),
  hostile,
);
const messages = fc.oneof(
  fc.array(message, { maxLength: 3 }),
  fc.array(message, { maxLength: 2 }).map((list) => JSON.stringify(list)),
  hostile,
);
const metadata = fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), hostile);

/** A good row with some fields spoilt, so that each reason is met often. */
const good = { requestId: 'r', text: 'What?', candidate: 'm', quality: 1 };
const spoilt: Record<string, fc.Arbitrary<unknown>> = {
  ...Object.fromEntries([...OUTCOME_FIELDS, 'unknown'].map((field) => [field, hostile])),
  timestamp: time,
  text: fc.oneof(text, hostile),
  messages,
  promptHash: fc.oneof(fc.constantFrom('a'.repeat(64), 'A'.repeat(64), 'a'.repeat(63)), hostile),
  answerHash: fc.oneof(fc.constantFrom('b'.repeat(64), 'b'.repeat(65)), hostile),
  answerVersion: fc.oneof(fc.constantFrom(1, 2, '3', 1.5, 0, 2 ** 31, '1e2'), hostile),
  answer: fc.oneof(fc.constantFrom({ choices: [] }, [{ text: 'a' }], [], 3.5, true), hostile),
  answerChecks: fc.oneof(
    fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 2 }),
    hostile,
  ),
  embedding: fc.oneof(
    fc.array(fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), hostile), { maxLength: 2 }),
    fc.constantFrom('[1, 2.5e-3]', '[]', '[1e999]'),
    hostile,
  ),
  metadata,
  candidate: fc.oneof(
    fc.constantFrom(
      ' ',
      '\u00a0',
      '\ufeff\u3000',
      ' a ',
      'a\u001b[2J',
      'a\u009b',
      'a\u2028b',
      '\u007f',
      'a\tb',
    ),
    fc.constantFrom(199, 200, 201, 100_000).map((length) => 'm'.repeat(length)),
    fc.constantFrom(200, 201).map((length) => '\u{1F600}'.repeat(length)),
    hostile,
  ),
};
const row = fc
  .array(
    fc.oneof(...Object.entries(spoilt).map(([field, value]) => value.map((held) => [field, held] as const))),
    {
      maxLength: 3,
    },
  )
  .map((pairs) => ({ ...good, ...Object.fromEntries(pairs) }));

/** Of an answer that is a number JavaScript says `1e+308`, and DuckDB `1e308`. */
function inOneForm(judged: object): object {
  const { row } = judged as { readonly row?: { readonly answer?: unknown } | null };
  if (typeof row?.answer !== 'string') return judged;
  return { ...judged, row: { ...row, answer: row.answer.replace('e+', 'e') } };
}

test('the SQL of the bulk path and the zod schema judge every row alike, and read the same values', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(row, hostile), { minLength: 500, maxLength: 1000, size: 'max' }),
      async (values) => {
        const documents = values.map((value) => JSON.stringify(value));
        const judged = await judgeInSql(documents);
        for (const [i, document] of documents.entries()) {
          expect({ document, ...inOneForm(judged[i] as object) }).toEqual({
            document,
            ...inOneForm(parseOutcomeRow(JSON.parse(document))),
          });
        }
      },
    ),
    // Each row is named when it fails; shrinking a thousand of them would take minutes.
    { numRuns: 5, endOnFailure: true },
  );
});

test('a file is judged alike whether or not it is known which fields its rows may have', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('text', 'messages', 'promptHash'),
      fc.subarray([...OUTCOME_FIELDS]),
      fc.array(row, { minLength: 100, maxLength: 200, size: 'max' }),
      fc.constantFrom({}, { unread: 'unread' }, { plainMessages: true }),
      async (prompt, others, values, settings) => {
        // Without these every row is turned down.
        const fields = new Set<OutcomeField>(['requestId', 'candidate', prompt, ...others]);
        const paths = new Map([...fields].map((field) => [field, [`$."${field}"`]]));
        const part = { ...layout, paths };
        const documents = values.map((value) => JSON.stringify(value));
        const given = givenFields(part);
        expect(given).toEqual(fields);
        expect(await judgeInSql(documents, part, { ...settings, given })).toEqual(
          await judgeInSql(documents, part, settings),
        );
      },
    ),
    { numRuns: 12, endOnFailure: true },
  );
});

test.each([
  ['is blank', ' \u00a0'],
  ['would steer a terminal', 'a\u001b[2J'],
  ['has a line break', 'a\nb'],
  ['is longer than a manifest takes', 'm'.repeat(201)],
])('a candidate whose name %s is no candidate', async (_, candidate) => {
  const document = JSON.stringify({ ...good, candidate });
  const reason = '`candidate` must be a name of 1 to 200 characters, without control characters';
  expect(parseOutcomeRow(JSON.parse(document))).toEqual({ reason });
  expect(await judgeInSql([document])).toEqual([{ reason }]);
});

test('metadata are kept whole, whatever their keys are called', async () => {
  const document = JSON.stringify(good).replace(
    '}',
    ',"metadata":{"__proto__":1,"constructor":{"__proto__":[]}}}',
  );
  const [judged] = await judgeInSql([document]);
  for (const one of [judged, parseOutcomeRow(JSON.parse(document))]) {
    const { row } = one as { row: { metadata: object } };
    expect(JSON.stringify(row.metadata)).toBe('{"__proto__":1,"constructor":{"__proto__":[]}}');
  }
});

test('what is no JSON gives a reason and no crash', async () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const documents = [
    '{',
    '{"a":}',
    'hello',
    '\u0001',
    '\u0001made up',
    '"\\ud800"',
    `{"requestId":${deep}}`,
    `{"requestId":"r","messages":${deep}}`,
    '{}{}',
  ];
  const judged = await judgeInSql(documents);
  for (const result of judged) expect(result).toHaveProperty('reason');
});

test('every text fast-check can think of survives', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'binary', maxLength: 50 }), { minLength: 500, maxLength: 1000 }),
      async (texts) => {
        const documents = texts.map((each) => JSON.stringify({ ...good, text: each }));
        const judged = (await judgeInSql(documents)) as { row: { text: string } }[];
        expect(judged.map((result) => result.row.text)).toEqual(texts);
      },
    ),
    { numRuns: 3, endOnFailure: true },
  );
});
