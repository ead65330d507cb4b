import { DuckDBInstance } from '@duckdb/node-api';
import type { IngestOptions } from '../../../../training/ingest/options.ts';
import type { IngestReport } from '../../../../training/ingest/report.ts';
import { ingestFixture } from '../ingest-fixture.ts';

/** The rows of an outcomes table, without what is null. */
export async function tableRows(file: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(
      `SELECT * REPLACE (strftime("timestamp", '%Y-%m-%dT%H:%M:%S.%gZ') AS "timestamp", embedding::VARCHAR AS embedding)
        FROM read_parquet('${file}') ORDER BY "requestId", candidate`,
    );
    return reader.getRowObjectsJson().map((row) => {
      const given = Object.entries(row).filter(([, value]) => value !== null);
      return Object.fromEntries(
        given.map(([name, value]) => [
          name,
          ['messages', 'metadata', 'embedding'].includes(name) ? JSON.parse(value as string) : value,
        ]),
      );
    });
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** The same without what is kept of answers beside their words. */
export async function tableWords(file: string): Promise<Record<string, unknown>[]> {
  const rows = await tableRows(file);
  return rows.map(({ answerChecks: _, answerHash: __, answerKey: ___, answerVersion: ____, ...row }) => row);
}

/** Ingests into a folder of one test file's own. */
export function logFixture(): ReturnType<typeof ingestFixture> & {
  rowsOf: (files: string | string[], options: Partial<IngestOptions>) => Promise<Record<string, unknown>[]>;
} {
  const fixture = ingestFixture();
  return {
    ...fixture,
    async rowsOf(files, options) {
      await fixture.ingest(files, options);
      return tableRows(options.out ?? fixture.out);
    },
  };
}

/** Reason and lines of records that are no row, and of those passed over. */
export const refusals = (report: IngestReport): Record<string, number[]> =>
  Object.fromEntries(
    [...report.rejected, ...report.passedOver].map(({ reason, examples }) => [
      reason,
      examples.map(({ line }) => line),
    ]),
  );
