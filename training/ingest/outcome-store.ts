import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { InvalidInputError } from 'pointsman';
import { OUTCOME_FIELDS } from '../outcomes/outcome-fields.ts';
import { parquetFile } from '../outcomes/sql-text.ts';
import { writeSorted } from '../outcomes/write-sorted.ts';
import { fileError } from '../work/file-error.ts';
import { scratchError } from '../work/memory-limit.ts';
import { type ScratchDatabase, type ScratchOptions, withScratchDatabase } from '../work/scratch-database.ts';

/** More files than these are joined into one. */
const MOST_SEGMENTS = 50;
const COLUMNS = OUTCOME_FIELDS.map((field) => `"${field}"`).join(', ');

/**
 * The outcomes that a router has gathered: a folder of Parquet files, each written once and never again. A file holds what
 * one run added or corrected (`gone` marks rows that are none any more), and comes before those with lower numbers. So a run that
 * fails half-way, or is killed, leaves everything as it was.
 */
export class OutcomeStore {
  readonly #folder: string;
  readonly #scratch: ScratchOptions;

  /** @param folder made when something is added */
  constructor(folder: string, scratch: ScratchOptions = {}) {
    this.#folder = folder;
    this.#scratch = scratch;
  }

  async isEmpty(): Promise<boolean> {
    return (await this.#segments()).length === 0;
  }

  /**
   * Writes all rows to an outcomes table, for a run to work on.
   * @returns whether there were any; else no table is written
   */
  async copyTo(table: string): Promise<boolean> {
    const segments = await this.#segments();
    if (segments.length === 0) return false;
    if (segments.length === 1) {
      await copyFile(join(this.#folder, segments[0]), table);
      return true;
    }
    await withScratchDatabase(this.#scratch, async (database) => {
      const connection = await database.connect();
      await writeFile(table, '', { mode: 0o600 });
      await writeSorted(database, connection, await this.#merged(connection, segments), COLUMNS, table);
    });
    return true;
  }

  /**
   * Adds what a run made of its copy.
   * @param table the run's table @param base the copy that it began with; null where the store was empty
   * @returns how many rows were added or changed
   */
  async add(table: string, base: string | null): Promise<number> {
    return withScratchDatabase(this.#scratch, async (database) => {
      const connection = await database.connect();
      const changed =
        base === null
          ? `SELECT ${COLUMNS}, false AS gone FROM ${parquetFile(table)}`
          : `SELECT ${COLUMNS}, false AS gone FROM ${parquetFile(table)} WHERE hash(${COLUMNS}) NOT IN (
              SELECT hash(${COLUMNS}) FROM ${parquetFile(base)})
            UNION ALL BY NAME SELECT "requestId", candidate, true AS gone FROM ${parquetFile(base)} AS b
              WHERE NOT EXISTS (SELECT 1 FROM ${parquetFile(table)} AS t
                WHERE t."requestId" = b."requestId" AND t.candidate = b.candidate)`;
      return this.#write(database, connection, changed, '');
    });
  }

  /** Joins many files into one, which then stands for them. Nobody else may write meanwhile. */
  async compact(): Promise<void> {
    const segments = await this.#segments();
    if (segments.length <= MOST_SEGMENTS) return;
    await withScratchDatabase(this.#scratch, async (database) => {
      const connection = await database.connect();
      const merged = await this.#merged(connection, segments);
      await this.#write(database, connection, `SELECT ${COLUMNS}, false AS gone FROM (${merged})`, WHOLE);
    });
    for (const name of segments) await rm(join(this.#folder, name), { force: true });
  }

  /** Names of the files that count, the oldest first. */
  async #segments(): Promise<string[]> {
    const names = (await listFiles(this.#folder)).filter((name) => SEGMENT.test(name)).sort();
    const whole = names.findLastIndex((name) => name.includes(WHOLE));
    return names.slice(Math.max(0, whole));
  }

  /** SQL of the rows that the segments have together. */
  async #merged(connection: DuckDBConnection, segments: readonly string[]): Promise<string> {
    const rows = segments
      .map((name, nth) => `SELECT *, ${nth} AS nth FROM ${parquetFile(join(this.#folder, name))}`)
      .join(' UNION ALL BY NAME ');
    // Keys alone are grouped: prompts may be long.
    await connection.run(
      `CREATE TEMP TABLE latest AS SELECT "requestId", candidate, max(nth) AS nth FROM (${rows}) GROUP BY ALL`,
    );
    return `SELECT rows.* FROM (${rows}) AS rows JOIN latest ON rows."requestId" = latest."requestId"
      AND rows.candidate = latest.candidate AND rows.nth = latest.nth WHERE NOT gone`;
  }

  async #write(
    database: ScratchDatabase,
    connection: DuckDBConnection,
    rows: string,
    mark: string,
  ): Promise<number> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const partial = join(this.#folder, `.writing-${randomUUID()}`);
    try {
      await writeFile(partial, '', { mode: 0o600 });
      const count = await writeSorted(database, connection, rows, '*', partial);
      if (count > 0) await rename(partial, join(this.#folder, await this.#nextName(mark)));
      return count;
    } catch (cause) {
      const what = `The outcomes cannot be written to ${this.#folder}`;
      throw fileError(
        scratchError(cause, database.memoryLimitMb, database.folder),
        what,
        'They are as they were; make room or set its rights, and try again',
      );
    } finally {
      await rm(partial, { force: true });
    }
  }

  /** Two that write at once get names of their own: both stay. */
  async #nextName(mark: string): Promise<string> {
    const numbers = (await listFiles(this.#folder)).flatMap((name) => SEGMENT.exec(name)?.[1] ?? []);
    const next = numbers.reduce((most, number) => Math.max(most, Number(number)), 0) + 1;
    return `${String(next).padStart(8, '0')}${mark}-${randomUUID().slice(0, 8)}.parquet`;
  }
}

/** In the name of a file that stands for all with lower numbers. */
const WHOLE = '.whole';
const SEGMENT = /^(\d{8})(?:\.whole)?-[0-9a-f]{8}\.parquet$/;

async function listFiles(folder: string): Promise<string[]> {
  const found = await stat(folder).catch(() => null);
  if (found === null) return [];
  if (!found.isDirectory()) {
    throw new InvalidInputError(
      `\`store\` must be a folder, and ${folder} is a file. If it is a table of an earlier version, name a new folder and take it in: ` +
        `npx pointsman retrain --config <file> --import ${folder}`,
    );
  }
  return readdir(folder);
}
