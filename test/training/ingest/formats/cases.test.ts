import { describe, expect, test } from 'vitest';
import { LOG_READERS, mapLogBlock } from '../../../../training/ingest/formats/log-formats.ts';
import { LOG_REASONS, type LogDocument, type LogEntry } from '../../../../training/ingest/record/format.ts';
import type { IngestReport } from '../../../../training/ingest/report.ts';
import { REFUSED_MARK } from '../../../../training/ingest/sql/rows.ts';
import { LOG_CASES } from './cases/index.ts';
import { type FormatCases, logLines } from './cases/log-case.ts';
import { logFixture, tableRows } from './log-fixture.ts';

const { ingest, path, write } = logFixture();

describe.each(Object.entries(LOG_CASES) as [keyof typeof LOG_READERS, FormatCases][])(
  'the %s reader',
  (format, { records, joins = [], prices = {}, score }) => {
    const all = records.flatMap(({ record, further = [] }) => [record, ...further]);
    const ingested = once(async () => {
      const out = path(`${format}.parquet`);
      const file = write(`${format}.jsonl`, logLines(all));
      const report = await ingest(file, { format, prices, score, out, answers: 'text' });
      return { rows: await tableRows(out), report };
    });

    test.each(records)(
      'reads $title',
      async ({ record, further = [], requestId, row, refused, furtherRefused }) => {
        const { rows } = await ingested();
        const id =
          requestId ??
          (record as { id?: string; request_id?: string }).id ??
          (record as { request_id?: string }).request_id;
        const found = rows.find((each) => each.requestId === id);
        const told = reasonsOf(format, [record, ...further]);
        if (refused !== undefined) {
          expect(found).toBeUndefined();
          expect(told).toContain(refused);
          return;
        }
        expect(told).toEqual(furtherRefused === undefined ? [] : [furtherRefused]);
        expect(picked(found, row)).toEqual(row ?? {});
      },
    );

    test('gives answers, with what they look like', async () => {
      const { rows } = await ingested();
      const answered = rows.filter(({ answer }) => answer !== undefined);
      // OpenRouter's activity has neither prompts nor answers, and a decision log's are told apart.
      expect(answered.length).toBeGreaterThan(0);
      for (const row of answered)
        expect(row).toMatchObject({ answerVersion: 1, answerChecks: expect.any(Array) });
      expect(
        rows.filter(({ metadata }) => (metadata as { failed?: true }).failed).map(({ answer }) => answer),
      ).toEqual(rows.filter(({ metadata }) => (metadata as { failed?: true }).failed).map(() => undefined));
    });

    test('counts every record', async () => {
      const { report } = await ingested();
      expect(countedOf(report)).toBe(report.rowsRead);
      const entries = all.reduce((sum: number, record) => sum + entriesOf(format, [record]), 0);
      expect(report.rowsRead + report.recordsJoined).toBe(entries);
    });

    if (joins.length > 0)
      test.each(joins)(
        'joins $title',
        async ({ files, map = {}, rows, refused = {}, joined, again = false }) => {
          const names = Object.entries(files).map(([name, records], i) =>
            write(
              `${i}-${name}`,
              typeof records === 'string'
                ? records
                : name.endsWith('.json')
                  ? JSON.stringify(records)
                  : logLines(records),
            ),
          );
          const out = path('joined.parquet');
          const report = await ingest(names, { format, prices, map, out, answers: 'text' });
          const found = await tableRows(out);
          const expected = Object.entries(rows).map(([requestId, row]) => ({ requestId, ...row }));
          expect(found.map(({ requestId, candidate }) => [requestId, candidate]).sort()).toHaveLength(
            expected.length,
          );
          for (const row of expected) {
            const { requestId, candidate } = row as { requestId: string; candidate?: string };
            const isSame = (each: Record<string, unknown>): boolean =>
              each.requestId === requestId && (candidate === undefined || each.candidate === candidate);
            expect(picked(found.find(isSame), row)).toEqual(row);
          }
          const told = [...report.rejected, ...report.passedOver].map(({ reason, count }) => [reason, count]);
          expect(Object.fromEntries(told)).toEqual(refused);
          if (joined !== undefined) expect(report.recordsJoined).toBe(joined);
          expect(countedOf(report)).toBe(report.rowsRead);
          if (!again) return;
          const repeated = await ingest([...names].reverse(), { format, prices, map, out, append: true });
          expect(repeated).toMatchObject({ fingerprint: report.fingerprint, rowsAccepted: 0 });
        },
      );
  },
);

test('a record that its reader cannot read is counted, and the others are read', () => {
  const reader = {
    signs: [],
    fields: null,
    read: ({ id }: LogDocument): LogEntry[] => {
      if (id === 'odd') throw new TypeError('nobody thought of it');
      return [{ kind: 'call', row: { requestId: id, text: 'How many moons has Mars?', candidate: 'mini' } }];
    },
  };
  const mapping = { map: {}, failureQuality: null, answers: false };
  const bytes = Buffer.from(logLines([{ id: 'a' }, { id: 'odd' }, { id: 'b' }]));
  const { rows } = mapLogBlock({ bytes, firstLine: 1 }, reader, mapping);
  expect(rows.map((row) => row.includes(LOG_REASONS.unforeseen))).toEqual([false, true, false]);
});

/** The fields of a row that a case speaks of; ids of traces go without saying. */
function picked(found: Record<string, unknown> | undefined, row: object = {}): object {
  expect(found).toBeDefined();
  const { traceId: _, ...metadata } = (found?.metadata ?? {}) as Record<string, unknown>;
  const told: Record<string, unknown> = { ...found, metadata };
  return Object.fromEntries(Object.keys(row).map((name) => [name, told[name]]));
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}

function mapped(
  format: keyof typeof LOG_READERS,
  records: readonly object[],
): ReturnType<typeof mapLogBlock> {
  const mapping = {
    map: {},
    score: LOG_CASES[format]?.score,
    failureQuality: null,
    answers: false,
  };
  return mapLogBlock({ bytes: Buffer.from(logLines(records)), firstLine: 1 }, LOG_READERS[format], mapping);
}

/** Why records are no rows, as the reader says it, in their order. */
function reasonsOf(format: keyof typeof LOG_READERS, records: readonly object[]): string[] {
  const refused = new RegExp(`^\\d+\\t${REFUSED_MARK}(.*)$`, 's');
  const { rows, openCalls } = mapped(format, records);
  // A call whose prompt may be elsewhere finds none.
  return [
    ...rows.flatMap((row) => refused.exec(row)?.[1] ?? []),
    ...openCalls.map(() => LOG_REASONS.noWords),
  ];
}

function entriesOf(format: keyof typeof LOG_READERS, records: readonly object[]): number {
  const { rows, outcomes, scores, prompts, openCalls } = mapped(format, records);
  return rows.length + outcomes.length + scores.length + prompts.length + openCalls.length;
}

function countedOf({ rowsAccepted, rejected, passedOver }: IngestReport): number {
  return [...rejected, ...passedOver].reduce((sum, { count }) => sum + count, rowsAccepted);
}
