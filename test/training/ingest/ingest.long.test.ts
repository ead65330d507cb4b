import { expect, test } from 'vitest';
import { ingestFixture, lines, reasons, rows } from './ingest-fixture.ts';

const { write, ingest } = ingestFixture();

test('lines are those of the file also where it is read by several at once', async () => {
  const bad = [5_000, 9_999, 15_000, 19_999];
  const long = 'How many moons? '.repeat(200);
  const many = Array.from({ length: 20_000 }, (_, i) => ({
    ...rows[0],
    requestId: `${i}`,
    text: long,
    quality: bad.includes(i + 1) ? 7 : 0.5,
  }));
  const report = await ingest(write('parallel.jsonl', lines(many)));
  expect(reasons(report)).toEqual([['`quality` must be a number from 0 to 1', 4, bad]]);
});
