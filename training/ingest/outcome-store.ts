import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BIGINT, type DuckDBConnection, type DuckDBValue, LIST, listValue, VARCHAR } from '@duckdb/node-api';
import { InvalidInputError } from 'pointsman';
import { beginMatrix, type MatrixPrompt, type OutcomeMatrix } from '../outcomes/matrix.ts';
import { ANSWER_FIELDS, columnOf, OUTCOME_FIELDS, type OutcomeField } from '../outcomes/outcome.ts';
import { fileError, saidBy } from '../work/run-folder.ts';
import {
  parquetFile,
  quoteText,
  type ScratchDatabase,
  type ScratchOptions,
  scratchError,
  withScratchDatabase,
} from '../work/scratch-database.ts';
import { writeSorted } from './sql/rows.ts';

/** Microseconds since 1970, before all that is dated. */
const LONG_AGO = -62_135_596_800_000_000n;

/** More files than these are joined into one. */
const MOST_SEGMENTS = 50;
const COLUMNS = OUTCOME_FIELDS.map((field) => `"${field}"`).join(', ');

/** No rows, of all columns: files of earlier versions do not have them all. */
const NO_ROWS = `SELECT ${OUTCOME_FIELDS.map((field) => `NULL::${columnOf(field).type} AS "${field}"`).join(', ')} WHERE false`;

function rowsOf(file: string): string {
  return `(SELECT * FROM ${parquetFile(file)} UNION ALL BY NAME ${NO_ROWS})`;
}

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
          ? `SELECT ${COLUMNS}, false AS gone FROM ${rowsOf(table)}`
          : `SELECT ${COLUMNS}, false AS gone FROM ${rowsOf(table)} WHERE hash(${COLUMNS}) NOT IN (
              SELECT hash(${COLUMNS}) FROM ${rowsOf(base)})
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

  /**
   * Removes the rows of requests, or those from before a time, in milliseconds since 1970. Each file is written anew and takes its own
   * place. Nobody else may write meanwhile.
   * @returns how many rows there were
   */
  async forget(
    { before, ids }: { readonly before: number; readonly ids: readonly string[] },
    dryRun: boolean,
  ): Promise<number> {
    const isTimed = Number.isFinite(before);
    const gone = `coalesce("requestId" IN (SELECT unnest($ids)) OR "timestamp" < make_timestamp($before), false)`;
    const bound = { ids: listValue(ids), before: isTimed ? BigInt(Math.round(before * 1000)) : LONG_AGO };
    const types = { ids: LIST(VARCHAR), before: BIGINT };
    let rows = 0;
    for (const name of await this.#segments()) {
      const path = join(this.#folder, name);
      const partial = join(this.#folder, `.writing-${randomUUID()}`);
      rows += await withScratchDatabase(this.#scratch, async (database) => {
        const connection = await database.connect();
        const found = await connection.runAndReadAll(
          `SELECT count(*) FROM ${parquetFile(path)} WHERE ${gone}`,
          bound,
          types,
        );
        const count = Number(found.getRows()[0][0]);
        if (count === 0 || dryRun) return count;
        await writeFile(partial, '', { mode: 0o600 });
        await connection.run(
          'CREATE TABLE doomed AS SELECT unnest($ids) AS id',
          { ids: bound.ids },
          { ids: types.ids },
        );
        await connection.run(
          `COPY (SELECT * FROM ${parquetFile(path)} WHERE NOT ${gone.replace('unnest($ids)', 'id FROM doomed').replace('$before', String(bound.before))})
            TO ${quoteText(partial)} (FORMAT parquet, COMPRESSION zstd)`,
        );
        // One that stands for all before it stays, also without a row.
        await rename(partial, path);
        return count;
      }).finally(() => rm(partial, { force: true }));
    }
    return rows;
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
      .concat(NO_ROWS)
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

/**
 * Reads an outcomes table written by `ingestOutcomes` into the matrix. Each prompt is read once, however many
 * candidates answered it, and outcomes come in a stream, so that memory goes with the prompts.
 * @param scratch how much memory DuckDB may hold meanwhile, and where the rest goes
 * @throws InvalidInputError when the file cannot be read or lacks the columns of an outcomes table; MemoryLimitError.
 */
export async function readOutcomeMatrix(
  parquet: string,
  scratch: ScratchOptions = {},
): Promise<OutcomeMatrix> {
  return withScratchDatabase(scratch, async (database) => {
    try {
      return await readMatrix(await database.connect(), parquet);
    } catch (error) {
      if (error instanceof InvalidInputError) throw error;
      throw new InvalidInputError(
        `${parquet} is not an outcomes table: ${saidBy(error)} Make one with: npx pointsman ingest`,
        { cause: error },
      );
    }
  });
}

async function readMatrix(connection: DuckDBConnection, parquet: string): Promise<OutcomeMatrix> {
  const rows = parquetFile(parquet, ', file_row_number = true');
  const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${parquetFile(parquet)}`);
  const columns = new Set(described.getRows().map(([name]) => String(name)));
  // Tables of earlier versions do not have all columns.
  const isThere = (field: OutcomeField): boolean => columnOf(field).isLater !== true || columns.has(field);
  const requestFields = REQUEST_FIELDS.filter(isThere);
  const answerFields = ANSWER_FIELDS.filter(isThere);
  const named = await connection.runAndReadAll(`SELECT DISTINCT candidate FROM ${rows}`);
  const names = named.getRows().map(([name]) => String(name));
  await connection.run(
    'CREATE TABLE candidates AS SELECT unnest($names) AS name, unnest(range(len($names))) AS n',
    { names: listValue(names) },
    { names: LIST(VARCHAR) },
  );
  // What a prompt is, its first candidate says.
  await connection.run(
    `CREATE TABLE firsts AS SELECT "requestId", arg_min(file_row_number, candidate) AS place FROM ${rows} GROUP BY "requestId"`,
  );
  await connection.run(
    'CREATE TABLE prompts AS SELECT "requestId", place, row_number() OVER (ORDER BY place) - 1 AS n FROM firsts',
  );
  const prompts: MatrixPrompt[] = [];
  await forEachRow(
    connection,
    `SELECT ${requestFields.map((field) => (columnOf(field).kind === 'time' ? `epoch_ms(t."${field}")::DOUBLE` : `t."${field}"`)).join(', ')}
    FROM ${rows} AS t JOIN prompts ON t.file_row_number = prompts.place ORDER BY n`,
    (values) => prompts.push(promptOf(requestFields, values)),
  );
  const matrix = beginMatrix(prompts, names);
  await forEachRow(
    connection,
    `SELECT prompts.n::INTEGER, candidates.n::INTEGER,
      -- What a policy that explores might have asked as well; looked for as text first, since most rows have none.
      CASE WHEN propensity IS NOT NULL AND contains(metadata, '"propensities":{') THEN json_extract(metadata, '$.propensities')::VARCHAR END,
      ${answerFields.map((field) => `t."${field}"`).join(', ')}
      FROM ${rows} AS t
      JOIN prompts ON t."requestId" = prompts."requestId" JOIN candidates ON t.candidate = candidates.name`,
    ([prompt, candidate, propensities, ...values]) =>
      matrix.add({
        prompt,
        candidate,
        propensities: propensities === null ? null : JSON.parse(String(propensities)),
        ...Object.fromEntries(answerFields.map((field, i) => [field, storedValue(field, values[i])])),
      } as Parameters<typeof matrix.add>[0]),
  );
  return matrix.finished();
}

/** Rows as they come, some thousands at a time. */
async function forEachRow(
  connection: DuckDBConnection,
  query: string,
  visit: (values: readonly DuckDBValue[]) => void,
): Promise<void> {
  const result = await connection.stream(query);
  for (
    let chunk = await result.fetchChunk();
    chunk !== null && chunk.rowCount > 0;
    chunk = await result.fetchChunk()
  )
    for (const row of chunk.getRows()) visit(row);
}

/** What the matrix has of a request. */
const REQUEST_FIELDS = OUTCOME_FIELDS.filter(
  (field) => columnOf(field).of === 'request' && field !== 'metadata',
);

function promptOf(fields: readonly OutcomeField[], values: readonly DuckDBValue[]): MatrixPrompt {
  const given = fields.map((field, i) => [field, storedValue(field, values[i])]);
  return Object.fromEntries(given) as unknown as MatrixPrompt;
}

/** @param value of a time, milliseconds since 1970 */
function storedValue(field: OutcomeField, value: DuckDBValue): unknown {
  const { kind, otherwise } = columnOf(field);
  if (value === null) return otherwise ?? null;
  if (kind === 'time') return new Date(value as number).toISOString();
  if (kind === 'messages') return JSON.parse(value as string);
  return kind === 'vector' ? (value as { readonly items: readonly number[] }).items : value;
}

/**
 * A number that stands in the metadata of an outcomes table, in the shape of the matrix.
 *
 * @param parquet the table that the matrix was read from
 * @param field such as `metadata.logprob`; further dots go into objects
 * @returns `[prompts, candidates]`, NaN where there is no such number
 * @throws InvalidInputError when the field is not in the metadata, or no row has a number there
 */
export async function readScoreColumn(
  parquet: string,
  { prompts, candidates }: OutcomeMatrix,
  field: string,
  scratch: ScratchOptions = {},
): Promise<Float32Array> {
  const [first, ...names] = field.split('.');
  if (first !== 'metadata' || names.length === 0 || names.includes('')) {
    throw new InvalidInputError(
      `A score must be a field of the metadata, such as metadata.logprob. Got "${field}".`,
    );
  }
  const path = `$${names.map((name) => `."${name.replaceAll('"', '')}"`).join('')}`;
  return withScratchDatabase(scratch, async (database) => {
    const connection = await database.connect();
    const result = await connection.runAndReadAll(
      `SELECT "requestId", candidate, TRY_CAST(json_extract_string(metadata, ${quoteText(path)}) AS DOUBLE) AS score
      FROM ${parquetFile(parquet)} WHERE score IS NOT NULL`,
    );
    // Without rows there are no columns either.
    const [ids = [], names = [], scores = []] = result.getColumns() as [string[]?, string[]?, number[]?];
    const rowOf = new Map(prompts.map(({ requestId }, row) => [requestId, row]));
    const columnOf = new Map(candidates.map((name, c) => [name, c]));
    const values = new Float32Array(prompts.length * candidates.length).fill(Number.NaN);
    ids.forEach((id, i) => {
      const [row, column] = [rowOf.get(id), columnOf.get(names[i])];
      if (row !== undefined && column !== undefined) values[row * candidates.length + column] = scores[i];
    });
    if (values.every(Number.isNaN)) {
      throw new InvalidInputError(
        `No row has a number in ${field}. Put it into the \`metadata\` object of each outcome: {"logprob": -0.2}.`,
      );
    }
    return values;
  });
}
