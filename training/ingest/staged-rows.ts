import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { InvalidInputError } from 'pointsman';
import { OUTCOME_COLUMNS } from '../outcomes/columns.ts';
import {
  AMOUNT_FIELDS,
  type AmountField,
  columnOf,
  OUTCOME_FIELDS,
  type OutcomeField,
  REASONS,
  SAID_FIELDS,
} from '../outcomes/outcome.ts';
import { fileError, saidBy } from '../work/run-folder.ts';
import { parquetFile, quoteText, type ScratchDatabase, scratchError } from '../work/scratch-database.ts';
import { physicalLines } from './read/files.ts';
import { VALUE_REASONS } from './record/format.ts';
import { type IngestReport, PASSED_OVER, type Rejection } from './report.ts';
import { EXISTING, hasRows, numberRows, STAGED_COLUMNS, USABLE, writeSorted } from './sql/rows.ts';

const EXAMPLES = 5;
const LINE_BITS = 40;
const PART_ROWS = 2 ** 18;
const GROUP_ROWS = 2 ** 10;

/** The rows of an ingest on their way, in DuckDB's table `staged`: counting them, and writing the good ones. */
export class StagedRows {
  readonly #database: ScratchDatabase;
  readonly #connection: DuckDBConnection;
  readonly #files: readonly string[];

  constructor(database: ScratchDatabase, connection: DuckDBConnection, files: readonly string[]) {
    this.#database = database;
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

  /**
   * @param judgement SQL of the reason why a row is turned down
   * @throws InvalidInputError when any row was turned down, naming the first.
   */
  async refuseBadRows(judgement = 'reason'): Promise<void> {
    const rows =
      await this.#rows(`SELECT file, line, why FROM (SELECT *, ${judgement} AS why FROM staged) WHERE why IS NOT NULL AND NOT absent
      AND why NOT IN (${PASSED_OVER.map(quoteText).join(', ')}) ORDER BY file, line LIMIT 1`);
    if (rows.length === 0) return;
    const [file, line, reason] = rows[0];
    throw new InvalidInputError(
      `${this.#files[Number(file)]}, line ${line}: ${reason}. Correct the row, or leave out \`strict\` to have it counted and passed over.`,
    );
  }

  /**
   * Leaves one row of each (requestId, candidate): the first that has a quality, else the first; those of the table
   * that is appended to come before any other. What was answered may stand in another of them.
   *
   * @param answers whether they are wanted @param judged whether rows without a quality will be judged by them
   */
  async refuseDuplicates(answers: boolean, judged: boolean): Promise<void> {
    // Between transactions places of rows may change, by which repeats are known.
    await this.#connection.run('BEGIN TRANSACTION');
    // Hashes first: grouping 64-bit numbers is cheap, and most tables have no pair at all.
    await this.#connection.run(`CREATE TABLE suspects AS SELECT hash("requestId", candidate) AS h FROM staged
      WHERE ${USABLE} GROUP BY h HAVING count(*) > 1`);
    if (await hasRows(this.#connection, 'suspects')) await this.#refuseSuspects(answers, judged);
    await this.#connection.run('DROP TABLE suspects; COMMIT');
  }

  async #refuseSuspects(answers: boolean, judged: boolean): Promise<void> {
    await this.#connection.run(`CREATE TABLE repeats AS SELECT id, known, kept FROM (SELECT rowid AS id,
        row_number() OVER (key ORDER BY quality IS NULL, file, line, rowid) AS nth,
        first_value(rowid) OVER (key ORDER BY quality IS NULL, file, line, rowid) AS kept, min(file) OVER (key) = ${EXISTING} AS known
      FROM staged WHERE ${USABLE} AND hash("requestId", candidate) IN (SELECT h FROM suspects)
      WINDOW key AS (PARTITION BY "requestId", candidate)) WHERE nth > 1`);
    if (answers) await this.#takeAnswers(judged);
    // The row of the table gives way to one that has a quality; nobody reads of it again.
    await this.#connection.run(
      `UPDATE staged SET absent = true WHERE file = ${EXISTING} AND rowid IN (SELECT id FROM repeats)`,
    );
    await this.#connection.run(`UPDATE staged SET reason = CASE WHEN known THEN ${quoteText(REASONS.inTable)}
      ELSE ${quoteText(REASONS.duplicate)} END FROM repeats WHERE staged.rowid = repeats.id AND file <> ${EXISTING}`);
    await this.#connection.run('DROP TABLE repeats');
  }

  /**
   * A row whose answer is not known has that of a repeat of it which says no other quality. A row of the table then counts as
   * the new one, which it stands for.
   */
  async #takeAnswers(judged: boolean): Promise<void> {
    const isUnknown = judged
      ? 'k.answer IS NULL AND (k."answerChecks" IS NULL OR k.quality IS NULL AND d.answer IS NOT NULL)'
      : 'k.answer IS NULL AND k."answerChecks" IS NULL';
    await this.#connection.run(`CREATE TEMP TABLE answered AS
      SELECT kept, first(donor ORDER BY file, line, donor) AS donor, any_value(is_known) AND first(file ORDER BY file, line, donor) <> ${EXISTING} AS replaces
      FROM (SELECT k.rowid AS kept, k.file = ${EXISTING} AS is_known, d.rowid AS donor, d.file, d.line FROM repeats JOIN staged AS d ON d.rowid = repeats.id
        JOIN staged AS k ON k.rowid = repeats.kept
        WHERE (d.answer IS NOT NULL OR d."answerChecks" IS NOT NULL) AND ${isUnknown}
          AND (d.quality IS NULL OR d.quality IS NOT DISTINCT FROM k.quality)) GROUP BY kept`);
    const [[count]] = await this.#rows('SELECT count(*) FROM answered');
    if (Number(count) > 0) {
      await numberRows(this.#connection);
      const taken = SAID_FIELDS.map((field) => `"${field}" = d."${field}"`).join(', ');
      const noPrompt = 'staged."text" IS NULL AND staged.messages IS NULL';
      const others = [
        ['file', 'replaces'],
        ['line', 'replaces'],
        ['text', noPrompt],
        ['messages', noPrompt],
      ].map(
        ([name, isTaken]) => `"${name}" = CASE WHEN ${isTaken} THEN d."${name}" ELSE staged."${name}" END`,
      );
      await this.#connection.run(
        `UPDATE staged SET ${taken}, ${others.join(', ')} FROM answered JOIN (SELECT rowid AS place, * FROM staged) AS d ON d.place = answered.donor WHERE staged.rowid = answered.kept`,
      );
      await this.#connection.run(
        'DELETE FROM staged WHERE rowid IN (SELECT donor FROM answered WHERE replaces)',
      );
    }
    await this.#connection.run('DROP TABLE answered');
  }

  /** Gives rows that follow each other their lines, now that they are needed to tell of. */
  async numberRefused(): Promise<void> {
    await this.#connection.run(`UPDATE staged SET line = staged.rowid - first_rows.row + 1 FROM first_rows
      WHERE staged.file = first_rows.file AND reason IS NOT NULL AND first_rows.row IS NOT NULL AND line IS NULL`);
  }

  async counts(): Promise<
    Omit<
      IngestReport,
      | 'files'
      | 'formats'
      | 'aliases'
      | 'ignoredColumns'
      | 'recordsJoined'
      | 'joined'
      | 'pricesOfNobody'
      | 'idsFromPrompts'
      | 'rowsUpdated'
      | 'costsRepriced'
      | 'repeatedIds'
      | 'judgement'
      | 'answers'
      | 'scoreScale'
      | 'fingerprint'
    >
  > {
    const isNew = `${USABLE} AND file <> ${EXISTING}`;
    const isUnpriced = `${isNew} AND "costUsd" IS NULL AND NOT contains(metadata, '"failed":true')`;
    const isPriced = 'candidate IN (SELECT name FROM prices)';
    const hasTokens = '"inputTokens" IS NOT NULL AND "outputTokens" IS NOT NULL';
    const [[withoutTokens, withoutPrices, unrated, longest, accepted, absent, derived, missing, inTable]] =
      await this.#rows(`SELECT count(*) FILTER (${isUnpriced} AND ${isPriced} AND NOT (${hasTokens})),
      count(*) FILTER (${isUnpriced} AND NOT (${isPriced}) AND ${hasTokens}), count(*) FILTER (${isNew} AND quality IS NULL AND preference IS NULL),
      max("latencyMs") FILTER (${isNew}), count(*) FILTER (${isNew}),
      count(*) FILTER (absent AND file <> ${EXISTING}), count(*) FILTER (${isNew} AND derived),
      count(*) FILTER (${isNew} AND "costUsd" IS NULL), count(*) FILTER (${USABLE}) FROM staged`);
    const [[prompts, conflicts]] =
      await this.#rows(`SELECT count(*), count(*) FILTER (lowest <> highest) FROM (
      SELECT min(hash("text", messages)) AS lowest, max(hash("text", messages)) AS highest FROM staged WHERE ${USABLE} GROUP BY "requestId")`);
    const candidates = await this.#rows(`SELECT DISTINCT candidate FROM staged WHERE ${USABLE}`);
    return {
      ...(await this.refusals()),
      rowsAccepted: Number(accepted),
      valuesIgnored: await this.#counted('ignored_values WHERE true'),
      rowsInTable: Number(inTable),
      cellsNotObserved: Number(absent),
      costsDerived: Number(derived),
      costsMissing: Number(missing),
      costsWithout: { tokens: Number(withoutTokens), prices: Number(withoutPrices) },
      qualitiesMissing: Number(unrated),
      longestLatencyMs: longest === null ? null : Number(longest),
      candidates: candidates.map(([name]) => String(name)).sort(),
      prompts: Number(prompts),
      promptsWithConflictingText: Number(conflicts),
    };
  }

  /** Rows read, and those of them that are no rows of the table. */
  async refusals(): Promise<Pick<IngestReport, 'rowsRead' | 'rejected' | 'passedOver'>> {
    const [[read]] = await this.#rows(`SELECT count(*) FROM staged WHERE NOT absent AND file <> ${EXISTING}`);
    const refused = await this.#counted('staged WHERE reason IS NOT NULL AND NOT absent');
    const isPassedOver = ({ reason }: Rejection): boolean => PASSED_OVER.includes(reason);
    return {
      rowsRead: Number(read),
      rejected: refused.filter((each) => !isPassedOver(each)),
      passedOver: refused.filter(isPassedOver),
    };
  }

  /** Writes the good rows, sorted, beside `out` and then over it. @returns their fingerprint. */
  async write(out: string): Promise<string> {
    // A process may write the same table twice at a time.
    const partial = `${out}.${process.pid}-${randomUUID().slice(0, 8)}.partial`;
    try {
      await mkdir(dirname(resolve(out)), { recursive: true });
      // Prompts are their owner's alone, from the first byte on: DuckDB writes into the file that is there.
      await writeFile(partial, '', { mode: 0o600 });
      const rows = `SELECT * FROM staged WHERE ${USABLE}`;
      const count = await writeSorted(this.#database, this.#connection, rows, STAGED_COLUMNS, partial);
      const fingerprint = await this.#fingerprint(partial, count);
      await rename(partial, out);
      return fingerprint;
    } catch (cause) {
      const { folder, memoryLimitMb } = this.#database;
      throw fileError(
        scratchError(cause, memoryLimitMb, folder),
        `The table cannot be written to ${out}`,
        'What was there stays as it was; make room, or name another',
      );
    } finally {
      // Where its folder could not be made there is nothing to remove.
      await rm(partial, { force: true }).catch(() => {});
    }
  }

  async #fingerprint(file: string, count: number): Promise<string> {
    const values = OUTCOME_FIELDS.map((field) =>
      columnOf(field).kind === 'time' ? `epoch_ms("${field}")::VARCHAR` : `"${field}"::VARCHAR`,
    ).map((value, i) =>
      // What plain tables do not have leaves no trace in their fingerprint.
      columnOf(OUTCOME_FIELDS[i]).isLater === true ? value : `coalesce(${value}, chr(0))`,
    );
    const canonical = `concat_ws(chr(31), ${values.join(', ')})`;
    const digest = (group: number, rows: string): string =>
      `SELECT n // ${group} AS n, sha256(string_agg(h, '' ORDER BY n)) AS h FROM (${rows}) GROUP BY n // ${group}`;
    const hash = createHash('sha256');
    // A part at a time, and in groups within: all the digests of a long table would not fit in memory.
    for (let start = 0; start < count; start += PART_ROWS) {
      const rows = `SELECT file_row_number AS n, sha256(${canonical}) AS h FROM ${parquetFile(file, ', file_row_number = true')}
        WHERE file_row_number >= ${start} AND file_row_number < ${start + PART_ROWS}`;
      const [[, digestOfPart]] = await this.#rows(digest(PART_ROWS, digest(GROUP_ROWS, rows)));
      hash.update(String(digestOfPart));
    }
    return hash.digest('hex');
  }

  /** @param rows SQL of a relation with `file`, `line` and `reason`, and of what counts of it. */
  async #counted(rows: string): Promise<Rejection[]> {
    const counts =
      await this.#rows(`SELECT reason, count(*), array_to_string(min(file::BIGINT * ${2 ** LINE_BITS} + line, ${EXAMPLES})
      FILTER (file <> ${EXISTING}), ',') FROM ${rows} GROUP BY reason ORDER BY count(*) DESC, reason`);
    const found = counts.map(([reason, count, places]) => ({
      reason: String(reason),
      count: Number(count),
      places: String(places ?? '')
        .split(',')
        .filter((place) => place !== '')
        .map((place) => ({
          file: Math.floor(Number(place) / 2 ** LINE_BITS),
          line: Number(place) % 2 ** LINE_BITS,
        })),
    }));
    if (found.length === 0) return [];
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

function canBeSql(field: AmountField): string {
  const { least, most } = OUTCOME_COLUMNS[field].range;
  return `("${field}" BETWEEN ${least} AND ${most})`;
}

const isAmount = (field: OutcomeField): field is AmountField => columnOf(field).kind === 'amount';

/**
 * Puts the rows of a table that is there into `staged`. A file that is not there has none.
 * @throws InvalidInputError when it is no outcomes table.
 */
export async function loadExisting(connection: DuckDBConnection, file: string): Promise<void> {
  if (!(await stat(file).catch(() => null))) return;
  try {
    const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${parquetFile(file)}`);
    const columns = described.getRows().map(([name]) => String(name));
    const isThere = (field: OutcomeField): boolean =>
      columnOf(field).isLater !== true || columns.includes(field);
    const values = OUTCOME_FIELDS.map((field) => {
      if (!isThere(field)) return 'NULL';
      return isAmount(field) ? `CASE WHEN ${canBeSql(field)} THEN "${field}" END` : `"${field}"`;
    });
    await connection.run(`INSERT INTO staged (file, line, absent, derived, ${STAGED_COLUMNS})
      SELECT ${EXISTING}, file_row_number + 1, false, false, ${values.join(', ')}
      FROM ${parquetFile(file, ', file_row_number = true')}`);
    // Earlier versions took amounts from logs that cannot be.
    for (const field of AMOUNT_FIELDS.filter(isThere)) {
      await connection.run(`INSERT INTO ignored_values SELECT ${EXISTING}, file_row_number + 1, ${quoteText(VALUE_REASONS[field])}
        FROM ${parquetFile(file, ', file_row_number = true')} WHERE NOT ${canBeSql(field)}`);
    }
  } catch (error) {
    throw new InvalidInputError(
      `${file} cannot be appended to, since it is no outcomes table: ${saidBy(error)} Name another file, or leave out \`append\`.`,
      { cause: error },
    );
  }
}
