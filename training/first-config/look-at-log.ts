import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { InvalidInputError } from 'pointsman';
import type { LogFormat } from '../ingest/formats/log-formats.ts';
import { linesOf, parseRecord, recordsIn } from '../ingest/formats/log-formats.ts';
import { detectFormat, ingestOutcomes } from '../ingest/ingest.ts';
import { type IngestOptions, MOST_REJECTED } from '../ingest/options.ts';
import { readOutcomeMatrix } from '../ingest/outcome-store.ts';
import { readDocuments } from '../ingest/read/documents.ts';
import { findSourceFiles, type SourceFile } from '../ingest/read/files.ts';
import {
  checkTraffic,
  findTooManyRejected,
  type IngestReport,
  type TooManyRejected,
} from '../ingest/report.ts';
import { type UnclearScores, UnclearScoresError } from '../ingest/score-words.ts';
import type { ColumnMap, MapTarget } from '../ingest/sql/layout.ts';
import { openOwnFolder } from '../work/run-folder.ts';
import { openScratchDatabase, type ScratchDatabase } from '../work/scratch-database.ts';
import {
  type ColumnGap,
  type ColumnGuess,
  type ColumnGuesses,
  guessColumns,
  guessQuality,
  lookAtRows,
  type RowsLook,
} from './guess-columns.ts';

interface LookOptions {
  /** Paths or globs, as in `IngestOptions`. */
  readonly files: readonly string[];
  /** Most records of each file that are looked at. @default 20,000 */
  readonly rows?: number | undefined;
  /** Whose log it is, where that is known. @default what each file shows */
  readonly format?: LogFormat | 'auto' | undefined;
  /** Columns that are known, by field. @default {} */
  readonly map?: ColumnMap | undefined;
  /** Name of the scores that say the quality. @default the only name there is */
  readonly score?: string | undefined;
  /** Told what is being done. */
  readonly onStep?: ((what: string) => void) | undefined;
}

/** What was seen in a log. */
export interface LogLook {
  readonly formats: readonly { readonly file: string; readonly format: LogFormat; readonly reason: string }[];
  /** Records that were looked at, of all files. */
  readonly records: number;
  /** Whether the files have no more. */
  readonly isWhole: boolean;
  readonly columns: ColumnGuesses;
  /** Name of the scores that say the quality, where the user has said it. */
  readonly score: string | null;
  /** How the records were read, with the columns that were taken; null where a column is missing without which none can be. */
  readonly ingest: IngestReport | null;
  readonly rows: RowsLook | null;
  /** Why scores cannot be read until somebody says how. */
  readonly unclear: (UnclearScores & { readonly message: string }) | null;
  /** Why training would stop, beside what is said above; told of whole files alone. */
  readonly obstacle: string | null;
  /** Whether one reason rejects too many rows; told of whole files alone. */
  readonly tooMany: TooManyRejected | null;
}

const ROWS_LOOKED_AT = 20_000;

/** Whatever the scores are, they lie within; used only to see the rest where their scale is not known. */
const ANY_SCALE = [-1e6, 1e6] as const;

/**
 * Looks at logs as `ingestOutcomes` and training would read them, and says what was seen.
 * @throws InvalidInputError when a file cannot be read or holds no usable row.
 */
export async function lookAtLog(options: LookOptions): Promise<LogLook> {
  const { map = {}, onStep = () => {} } = options;
  const folder = await openOwnFolder(tmpdir(), 'pointsman-init');
  try {
    onStep('reading');
    const { formats, starts } = await readStarts(options, folder);
    const ofTables = starts.filter((_, i) => formats[i].format === 'table').flatMap(({ records }) => records);
    const guessed = ofTables.length === 0 ? NOTHING_GUESSED : guessColumns(ofTables, map);
    const given = Object.entries(map).map(([field, column]) => ({
      field: field as MapTarget,
      column,
      seen: AS_GIVEN,
    }));
    const columns = { taken: [...given, ...guessed.taken], gaps: guessed.gaps };
    const seen = {
      formats,
      score: options.score ?? null,
      records: starts.reduce((sum, { count }) => sum + count, 0),
      isWhole: starts.every(({ isWhole }) => isWhole),
    };
    const isBlocked =
      columns.gaps.some(({ field }) => field !== 'quality') &&
      formats.every(({ format }) => format === 'table');
    if (isBlocked)
      return { ...seen, columns, ingest: null, rows: null, unclear: null, obstacle: null, tooMany: null };
    onStep('looking');
    const names = new Map(starts.map(({ path }, i) => [path, formats[i].file]));
    return {
      ...seen,
      ...(await lookAtStarts(starts, formats, columns, options.score, join(folder, 'outcomes.parquet')).catch(
        (error) => throwNamed(error, names),
      )),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const AS_GIVEN = 'as the command says';
const NOTHING_GUESSED: ColumnGuesses = { taken: [], gaps: [] };

async function readStarts({ files, format = 'auto', rows = ROWS_LOOKED_AT }: LookOptions, folder: string) {
  const database = await openScratchDatabase({ memoryLimitMb: 512 });
  try {
    const sources = await findSourceFiles(await database.connect(), files, folder);
    const formats: LogLook['formats'][number][] = [];
    const starts: FileStart[] = [];
    for (const [i, source] of sources.entries()) {
      formats.push({
        file: source.name ?? source.path,
        ...(format === 'auto' ? await detectFormat(database, source) : { format, reason: AS_GIVEN }),
      });
      starts.push(await readStart(database, source, rows, folder, i));
    }
    return { formats, starts };
  } finally {
    await database.close();
  }
}

type Seen = Omit<LogLook, 'formats' | 'records' | 'isWhole' | 'score'>;

async function lookAtStarts(
  starts: readonly FileStart[],
  formats: LogLook['formats'],
  columns: ColumnGuesses,
  score: string | undefined,
  table: string,
): Promise<Seen> {
  const [first, ...others] = new Set(formats.map(({ format }) => format));
  const reading = {
    files: starts.map(({ path }) => path),
    format: others.length === 0 ? first : ('auto' as const),
    out: table,
    score,
  };
  let read = await readRows(reading, columns.taken);
  let matrix = await readOutcomeMatrix(table);
  let rows = await lookAtRows(table, matrix);
  let guesses = columns;
  const ofLogs = starts.filter((_, i) => formats[i].format !== 'table').flatMap(({ records }) => records);
  const isGiven = columns.taken.some(({ field }) => field === 'quality');
  // Comparisons do in the place of scores.
  if (rows.compared > 0)
    guesses = { ...columns, gaps: columns.gaps.filter(({ field }) => field !== 'quality') };
  else if (rows.scored === 0 && ofLogs.length > 0 && read.unclear === null && !isGiven) {
    const quality = guessQuality(ofLogs);
    guesses = {
      taken: quality === null ? columns.taken : [...columns.taken, quality],
      gaps: quality === null ? [...columns.gaps, NO_RATING] : columns.gaps,
    };
    if (quality !== null) {
      read = await readRows(reading, guesses.taken);
      matrix = await readOutcomeMatrix(table);
      rows = await lookAtRows(table, matrix);
    }
  }
  const isWhole = starts.every((start) => start.isWhole);
  return {
    columns: guesses,
    ingest: read.report,
    rows,
    unclear: read.unclear,
    // More of a longer log may be all that is missing.
    obstacle:
      isWhole && read.unclear === null && rows.scored + rows.compared > 0
        ? messageOf(() => checkTraffic(matrix))
        : null,
    tooMany: isWhole && read.unclear === null ? findTooManyRejected(read.report, MOST_REJECTED) : null,
  };
}

const NO_RATING: ColumnGap = {
  field: 'quality',
  seen: 'No record has a score, and no field of them was taken for ratings',
};

/** Reads rows as far as they can be read: where the scores cannot, the rest of them can. */
async function readRows(
  reading: Pick<IngestOptions, 'files' | 'format' | 'out' | 'score'>,
  guesses: readonly ColumnGuess[],
): Promise<{ report: IngestReport; unclear: LogLook['unclear'] }> {
  const map: ColumnMap = Object.fromEntries(guesses.map(({ column, field }) => [field, column]));
  let first: UnclearScoresError | null = null;
  let options: IngestOptions = { ...reading, answers: 'none', map, scoreRange: 'auto' };
  for (;;) {
    try {
      const report = await ingestOutcomes(options);
      return { report, unclear: first === null ? null : { ...first.unclear, message: first.message } };
    } catch (error) {
      // Scores that no range at all reads are refused for what was wrong with them at first.
      if (options.scoreRange !== 'auto') throw first;
      if (!(error instanceof UnclearScoresError)) throw error;
      first ??= error;
      const { names } = error.unclear;
      options =
        names !== undefined && options.score === undefined
          ? { ...options, score: names[0][0] }
          : { ...options, scoreRange: ANY_SCALE };
    }
  }
}

function messageOf(check: () => void): string | null {
  try {
    check();
    return null;
  } catch (error) {
    if (error instanceof InvalidInputError) return error.message;
    throw error;
  }
}

/** An error names the user's files, not copies of their beginnings. */
function throwNamed(error: unknown, names: ReadonlyMap<string, string>): never {
  if (!(error instanceof InvalidInputError)) throw error;
  let { message } = error;
  for (const [path, file] of names) message = message.replaceAll(path, file);
  throw message === error.message ? error : new InvalidInputError(message, { cause: error });
}

/** The beginning of a file. */
interface FileStart {
  /** The file itself where it is not longer, else a copy of its first records in JSONL. */
  readonly path: string;
  /** Whether the file has no more. */
  readonly isWhole: boolean;
  /** Records that were looked at; what is no record, as a line that was cut off, counts as one. */
  readonly count: number;
  /** The first of them. */
  readonly records: readonly object[];
}

/** What columns hold is told from so many records. */
const KEPT = 2000;

/**
 * Looks at the first records of a file; a page of an API is as many as it holds.
 * @param rows most records
 * @param copy where a longer file's beginning goes
 */
async function readStart(
  database: ScratchDatabase,
  source: SourceFile,
  rows: number,
  folder: string,
  number: number,
): Promise<FileStart> {
  const copy = join(folder, `start-${number}.jsonl`);
  const out = createWriteStream(copy, { mode: 0o600 });
  const records: object[] = [];
  let count = 0;
  let isWhole = true;
  try {
    read: for await (const { bytes } of readDocuments(database, source, () => {})) {
      for (const line of linesOf(bytes)) {
        if (line.trim() === '') {
          out.write('\n');
          continue;
        }
        const document = parseRecord(line, null);
        const held = typeof document === 'string' ? [] : recordsIn(document);
        const left = rows - count;
        if (left === 0 || held.length > left) {
          for (const record of held.slice(0, left)) out.write(`${JSON.stringify(record)}\n`);
          keep(records, held.slice(0, left));
          count = rows;
          isWhole = false;
          break read;
        }
        if (!out.write(`${line}\n`)) await once(out, 'drain');
        keep(records, held);
        count += Math.max(1, held.length);
      }
    }
  } finally {
    out.end();
    await finished(out);
  }
  return { path: isWhole ? source.path : copy, isWhole, count, records };
}

function keep(records: object[], further: readonly object[]): void {
  for (const record of further) {
    if (records.length >= KEPT) return;
    records.push(record);
  }
}
