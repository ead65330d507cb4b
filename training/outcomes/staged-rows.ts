import { createHash } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { InvalidInputError } from 'pointsman';
import type { IngestReport, Rejection } from './ingest-report.ts';
import { OUTCOME_FIELDS, REASONS } from './outcome-fields.ts';
import { physicalLines } from './physical-lines.ts';
import { quoteText } from './sql-text.ts';
import { STAGED_COLUMNS } from './staged-table.ts';

const EXAMPLES = 5;
const LINE_BITS = 40;
const PART_ROWS = 2 ** 18;
const GROUP_ROWS = 2 ** 10;
const USABLE = 'reason IS NULL AND NOT absent';

/** The rows of an ingest on their way, in DuckDB's table `staged`: counting them, and writing the good ones. */
export class StagedRows {
  readonly #connection: DuckDBConnection;
  readonly #files: readonly string[];

  constructor(connection: DuckDBConnection, files: readonly string[]) {
    this.#connection = connection;
    this.#files = files;
  }

  async countUsable(fileIndex: number): Promise<number> {
    return Number(
      (await this.#rows(`SELECT count(*) FROM staged WHERE file = ${fileIndex} AND ${USABLE}`))[0][0],
    );
  }

  /** Reasons of one file with their counts, the commonest first. */
  async reasons(fileIndex: number): Promise<[string, number][]> {
    const rows =
      await this.#rows(`SELECT reason, count(*) FROM staged WHERE file = ${fileIndex} AND reason IS NOT NULL
      AND NOT absent GROUP BY reason ORDER BY count(*) DESC, reason`);
    return rows.map(([reason, count]) => [String(reason), Number(count)]);
  }

  /** @throws InvalidInputError when any row was turned down, naming the first. */
  async refuseBadRows(): Promise<void> {
    const rows =
      await this.#rows(`SELECT file, line, reason FROM staged WHERE reason IS NOT NULL AND NOT absent
      ORDER BY file, line LIMIT 1`);
    if (rows.length === 0) return;
    const [file, line, reason] = rows[0];
    throw new InvalidInputError(
      `${this.#files[Number(file)]}, line ${line}: ${reason}. Correct the row, or leave out \`strict\` to have it counted and passed over.`,
    );
  }

  /** Turns down rows whose (requestId, candidate) came earlier. */
  async refuseDuplicates(): Promise<void> {
    // Hashes first: grouping 64-bit numbers is cheap, and most tables have no pair at all.
    await this.#connection.run(`CREATE TABLE suspects AS SELECT hash("requestId", candidate) AS h FROM staged
      WHERE ${USABLE} GROUP BY h HAVING count(*) > 1`);
    await this.#connection.run(`UPDATE staged SET reason = ${quoteText(REASONS.duplicate)} WHERE rowid IN (
      SELECT id FROM (SELECT rowid AS id, row_number() OVER (PARTITION BY "requestId", candidate ORDER BY file, line, rowid) AS nth
        FROM staged WHERE ${USABLE} AND hash("requestId", candidate) IN (SELECT h FROM suspects)) WHERE nth > 1)`);
    await this.#connection.run('DROP TABLE suspects');
    await this.#connection.run(`UPDATE staged SET line = staged.rowid - first_rows.row + 1 FROM first_rows
      WHERE staged.file = first_rows.file AND reason IS NOT NULL`);
  }

  async counts(): Promise<Omit<IngestReport, 'files' | 'aliases' | 'ignoredColumns' | 'fingerprint'>> {
    const [[read, accepted, absent, derived, missing]] =
      await this.#rows(`SELECT count(*) FILTER (NOT absent), count(*) FILTER (${USABLE}),
      count(*) FILTER (absent), count(*) FILTER (${USABLE} AND derived), count(*) FILTER (${USABLE} AND "costUsd" IS NULL) FROM staged`);
    const [[prompts, conflicts]] =
      await this.#rows(`SELECT count(*), count(*) FILTER (lowest <> highest) FROM (
      SELECT min(hash("text", messages)) AS lowest, max(hash("text", messages)) AS highest FROM staged WHERE ${USABLE} GROUP BY "requestId")`);
    const candidates = await this.#rows(`SELECT DISTINCT candidate FROM staged WHERE ${USABLE}`);
    return {
      rowsRead: Number(read),
      rowsAccepted: Number(accepted),
      rejected: await this.#rejected(),
      cellsNotObserved: Number(absent),
      costsDerived: Number(derived),
      costsMissing: Number(missing),
      candidates: candidates.map(([name]) => String(name)).sort(),
      prompts: Number(prompts),
      promptsWithConflictingText: Number(conflicts),
    };
  }

  /** Writes the good rows, sorted, beside `out` and then over it. @returns their fingerprint. */
  async write(out: string): Promise<string> {
    await mkdir(dirname(resolve(out)), { recursive: true });
    const partial = `${out}.${process.pid}.partial`;
    try {
      await this.#connection.run(`COPY (SELECT ${STAGED_COLUMNS} FROM staged WHERE ${USABLE} ORDER BY "requestId", candidate)
        TO ${quoteText(partial)} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)`);
      const fingerprint = await this.#fingerprint(partial);
      await rename(partial, out);
      return fingerprint;
    } finally {
      await rm(partial, { force: true });
    }
  }

  async #fingerprint(file: string): Promise<string> {
    const values = OUTCOME_FIELDS.map((field) =>
      field === 'timestamp' ? 'epoch_ms("timestamp")::VARCHAR' : `"${field}"::VARCHAR`,
    ).map((value) => `coalesce(${value}, chr(0))`);
    const canonical = `concat_ws(chr(31), ${values.join(', ')})`;
    const digest = (group: number, rows: string): string =>
      `SELECT n // ${group} AS n, sha256(string_agg(h, '' ORDER BY n)) AS h FROM (${rows}) GROUP BY n // ${group}`;
    const hash = createHash('sha256');
    // A part at a time, and in groups within: all the digests of a long table would not fit in memory.
    for (let start = 0; ; start += PART_ROWS) {
      const rows = `SELECT file_row_number AS n, sha256(${canonical}) AS h FROM read_parquet(${quoteText(file)}, file_row_number = true)
        WHERE file_row_number >= ${start} AND file_row_number < ${start + PART_ROWS}`;
      const parts = await this.#rows(digest(PART_ROWS, digest(GROUP_ROWS, rows)));
      if (parts.length === 0) return hash.digest('hex');
      hash.update(String(parts[0][1]));
    }
  }

  async #rejected(): Promise<Rejection[]> {
    const rows =
      await this.#rows(`SELECT reason, count(*), array_to_string(min(file::BIGINT * ${2 ** LINE_BITS} + line, ${EXAMPLES}), ',')
      FROM staged WHERE reason IS NOT NULL AND NOT absent GROUP BY reason ORDER BY count(*) DESC, reason`);
    const found = rows.map(([reason, count, places]) => ({
      reason: String(reason),
      count: Number(count),
      places: String(places)
        .split(',')
        .map((place) => ({
          file: Math.floor(Number(place) / 2 ** LINE_BITS),
          line: Number(place) % 2 ** LINE_BITS,
        })),
    }));
    const lines = new Map<number, Map<number, number>>();
    for (const [file] of await this.#rows('SELECT file FROM first_rows')) {
      const counted = found.flatMap(({ places }) => places.filter((place) => place.file === file));
      lines.set(
        Number(file),
        await physicalLines(
          this.#files[Number(file)],
          counted.map((place) => place.line),
        ),
      );
    }
    return found.map(({ reason, count, places }) => ({
      reason,
      count,
      examples: places.map(({ file, line }) => ({
        file: this.#files[file],
        line: lines.get(file)?.get(line) ?? line,
      })),
    }));
  }

  async #rows(query: string): Promise<DuckDBValue[][]> {
    return (await this.#connection.runAndReadAll(query)).getRows();
  }
}
