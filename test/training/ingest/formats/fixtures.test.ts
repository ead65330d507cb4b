import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { LOG_FORMATS, type LogFormat } from '../../../../training/ingest/formats/log-formats.ts';
import type { IngestOptions } from '../../../../training/ingest/options.ts';
import { logFixture, refusals, tableRows, tableWords } from './log-fixture.ts';
import { READ_IN_CASES, type TrainedFormat } from './solver-logs.ts';

const { ingest, out, path } = logFixture();
const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/logs/${name}`, import.meta.url));

interface Case {
  readonly files: readonly string[];
  readonly options?: Partial<IngestOptions>;
}

/** `<format>.expected.json` holds the rows, the lines of what is no row, and how many records were joined. */
const CASES: Readonly<Record<Exclude<TrainedFormat, 'pointsman'>, Case>> = {
  litellm: {
    files: ['litellm.jsonl'],
    options: { map: { quality: 'metadata.requester_metadata.stars' }, scoreRange: [1, 5] },
  },
  langfuse: {
    files: ['langfuse-observations.jsonl', 'langfuse-scores.jsonl'],
    options: { score: 'helpful' },
  },
  helicone: { files: ['helicone.json'] },
  openai: { files: ['openai.jsonl'], options: { scoreRange: [1, 5] } },
  otel: { files: ['otel.jsonl'] },
};

describe.each(Object.entries(CASES))('a %s log', (name, { files, options = {} }) => {
  const format = name as LogFormat;
  const expected = JSON.parse(readFileSync(fixture(`${name}.expected.json`), 'utf8'));

  test('becomes the rows that it should, and each record that is none is told with its line', async () => {
    const report = await ingest(files.map(fixture), { format, answers: 'text', ...options });
    expect(await tableWords(out)).toEqual(expected.rows);
    expect(refusals(report)).toEqual(expected.refusals);
    expect(report.recordsJoined).toBe(expected.recordsJoined);
    expect(report.rowsAccepted).toBe(expected.rows.length);
  });

  test('changes nothing when it comes again, whole or file by file', async () => {
    const table = { format, ...options, out: path(`${name}.parquet`), append: true };
    const { fingerprint } = await ingest(files.map(fixture), table);
    const again = await ingest(files.map(fixture), table);
    expect(again).toMatchObject({ fingerprint, rowsAccepted: 0, rowsUpdated: 0 });
    // One file alone is the whole.
    for (const file of files.length > 1 ? files : [])
      expect(await ingest(fixture(file), table)).toMatchObject({ fingerprint });
  });
});

test('there is a case for each format', () => {
  const others: readonly string[] = ['table', 'pointsman', ...READ_IN_CASES];
  expect(Object.keys(CASES).sort()).toEqual(LOG_FORMATS.filter((format) => !others.includes(format)).sort());
});

test('failures can count as worthless', async () => {
  await ingest(fixture('helicone.json'), { format: 'helicone', failures: 'zero' });
  const failed = (await tableRows(out)).filter(({ metadata }) => (metadata as { failed?: true }).failed);
  expect(failed.map(({ quality }) => quality)).toEqual([0, 0]);
});

test('scores of several names are not guessed among', async () => {
  const files = [fixture('langfuse-observations.jsonl'), fixture('langfuse-scores.jsonl')];
  await expect(ingest(files, { format: 'langfuse' })).rejects.toThrow(
    /scores of 2 names: helpful \(\d+\), latency-ok \(1\)\. Say which is the quality: --score helpful/,
  );
});

test('a log of another program is not taken for what it is not', async () => {
  await expect(ingest(fixture('litellm.jsonl'), { format: 'otel' })).rejects.toThrow(
    /no usable row in the otel log: .* × the record is of no kind that the format has .*--format/s,
  );
});

test("the user's own columns come before those of the format; one that no record has is an error", async () => {
  const map = { candidate: 'model', task: 'metadata.requester_metadata.tier' };
  await ingest(fixture('litellm.jsonl'), { format: 'litellm', map });
  expect((await tableRows(out))[0]).toMatchObject({ candidate: 'gpt-4o-mini-2024-07-18', task: 'free' });
  await expect(
    ingest(fixture('litellm.jsonl'), { format: 'litellm', map: { quality: 'metadata.stars' } }),
  ).rejects.toThrow('quality=metadata.stars, and no row has "metadata.stars"');
});
