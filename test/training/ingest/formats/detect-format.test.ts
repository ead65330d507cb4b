import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { signsOf } from '../../../../training/ingest/formats/log-formats.ts';
import { root } from '../../../architecture/source-files.ts';
import { LOG_CASES } from './cases/index.ts';
import { logFixture } from './log-fixture.ts';

const { ingest, write } = logFixture();

describe('the format of a log without --format', () => {
  it.each(Object.entries(LOG_CASES))(
    'is found for the odd records of %s, none of which looks like another',
    (format, { records }) => {
      const all = records.flatMap(({ record, further = [] }) => [record, ...further]);
      const found = all
        .filter((record): record is object => typeof record === 'object' && record !== null)
        .map((record) => signsOf(record)[0]?.format ?? null);
      const others = found.filter((name) => name !== null && name !== format);
      expect(others, others.join(', ')).toEqual([]);
      expect(found.filter((name) => name === format).length).toBeGreaterThanOrEqual(0.8 * found.length);
    },
  );

  it.each([
    ['litellm', 'litellm.jsonl'],
    ['langfuse', 'langfuse-observations.jsonl'],
    ['helicone', 'helicone.json'],
    ['openai', 'openai.jsonl'],
    ['otel', 'otel.jsonl'],
  ])('is %s for %s, and the rows are those of --format', async (format, name) => {
    const file = write(name, readFileSync(join(root, 'test/fixtures/logs', name), 'utf8'));
    const scores = format === 'openai' ? { scoreRange: [1, 5] as [number, number] } : {};
    const detected = await ingest(file, { format: 'auto', ...scores });
    const given = await ingest(file, { format: format as 'openai', ...scores });
    expect(detected.formats).toEqual([
      { file, format, reason: expect.stringMatching(/^\d+ of its first \d+ records have /) },
    ]);
    expect(detected.fingerprint).toBe(given.fingerprint);
  });
});

test("rows of one's own are a table, in JSONL and in CSV, and the report says why", async () => {
  const jsonl = write('own.jsonl', '{"requestId":"1","text":"How many?","candidate":"m","quality":1}');
  const csv = write('own.csv', 'id,question,llm,grade\n1,How many?,m,1\n');
  expect((await ingest(jsonl, { format: 'auto' })).formats[0].format).toBe('table');
  const map = { requestId: 'id', text: 'question', candidate: 'llm', quality: 'grade' };
  expect((await ingest(csv, { format: 'auto', map })).formats[0]).toMatchObject({
    format: 'table',
    reason: 'none of its first 1 records has the fields of a known log',
  });
});

test('records of several programs in one file are refused, with what was seen of each', async () => {
  const lines = [
    { call_type: 'acompletion', model_group: 'm', id: '1' },
    { run_type: 'llm', inputs: {}, id: '2' },
  ];
  const file = write('mixed.jsonl', lines.map((line) => JSON.stringify(line)).join('\n'));
  await expect(ingest(file, { format: 'auto' })).rejects.toThrow(
    /cannot be told: .*1 of litellm \(call_type and model_group\), 1 of langsmith .*--format/,
  );
});
