import { setImmediate as turn } from 'node:timers/promises';
import {
  type Connection,
  createCheckpoints,
  createTransactions,
  IN_MEMORY,
  makePrivateFile,
  openSqlite,
} from '../sqlite.ts';
import { Cell, OTHER } from './cell.ts';

/** Raised when what is written can no longer be read by the code before. */
const SCHEMA_VERSION = 1;

/** Of minutes each process writes its own; hours and days are of all together. */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS cells (
  step INTEGER NOT NULL, at INTEGER NOT NULL, cube INTEGER NOT NULL, labels TEXT NOT NULL, writer TEXT NOT NULL,
  cell TEXT NOT NULL, folded INTEGER NOT NULL,
  PRIMARY KEY (step, at, cube, labels, writer)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS unfolded ON cells (at) WHERE folded = 0;
CREATE TABLE IF NOT EXISTS notes (name TEXT NOT NULL, writer TEXT NOT NULL, note TEXT NOT NULL, PRIMARY KEY (name, writer)) WITHOUT ROWID;
PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** How long a bucket is, in seconds, how long it is kept, and until how many cells of a cube new tasks and keys are told apart. */
export const STEPS = {
  minute: { id: 0, seconds: 60, keptSeconds: 86_400, cells: 200 },
  hour: { id: 1, seconds: 3_600, keptSeconds: 32 * 86_400, cells: 200 },
  day: { id: 2, seconds: 86_400, keptSeconds: 3 * 366 * 86_400, cells: 200 },
} as const;
export type StoredStep = keyof typeof STEPS;

/** Requests are counted twice: by task, and by key. */
export type Cube = 0 | 1;

/** Router, version, candidate, and task or key. */
export type CellLabels = readonly [string, string, string, string];

/** Of the minute that is under way. */
export interface CountedCell {
  readonly cube: Cube;
  readonly labels: CellLabels;
  readonly cell: Cell;
}

export interface StoredCell {
  /** Seconds since 1970. */
  readonly at: number;
  readonly labels: CellLabels;
  readonly cell: Cell;
}

/** Cells that are added to hours and days in one transaction, and rows that are read, before others have a turn. */
const FOLDED_AT_ONCE = 16;
const READ_AT_ONCE = 100;
const DELETED_AT_ONCE = 500;

/** Seconds after which a minute that nobody goes on writing to is of a process that ended. */
const FOREIGN_AFTER_SECONDS = 120;

/** Milliseconds that a write waits for another process: it comes again anyway. */
const BUSY_MS = 100;

/** What is known of a bucket that labels are to fit into. */
export interface BucketRoom {
  /** Cells that it has. */
  readonly size: number;
  isThere(labels: CellLabels): boolean;
  /** Whether it tells a task or key of a router apart already. */
  isToldApart(router: string, last: string): boolean;
}

/**
 * The labels under which something is counted. A task or key is told apart for all candidates or for none, as long as there was room for it when it came
 * first; candidates, and versions of them, have room of their own: what clients make up, such as tasks, takes none of it.
 *
 * @param room cells of a bucket until which new tasks and keys are told apart.
 */
export function fitLabels(labels: CellLabels, bucket: BucketRoom, room: number): CellLabels {
  const [router, version, candidate, last] = labels;
  const { size } = bucket;
  const fits = (fitting: CellLabels, most: number) => size < most || bucket.isThere(fitting);
  if (fits(labels, room) || (size < 3 * room && bucket.isToldApart(router, last))) return labels;
  const ofVersion: CellLabels = [router, version, candidate, OTHER];
  if (fits(ofVersion, 4 * room)) return ofVersion;
  const ofCandidate: CellLabels = [router, OTHER, candidate, OTHER];
  return fits(ofCandidate, 5 * room) ? ofCandidate : [router, OTHER, OTHER, OTHER];
}

/** Rollups in a file. Several processes of one machine may share it. */
export class RollupFile {
  readonly #db: Connection;
  readonly #inTransaction;
  readonly #checkpoints;
  readonly #writer = crypto.randomUUID().slice(0, 13);
  readonly #statements;
  #folding: Promise<void> | null = null;
  #readers = 0;

  /**
   * @param path `:memory:` keeps nothing.
   * @throws InvalidInputError for a file that is something else.
   */
  constructor(path: string, onError: (error: unknown) => void) {
    if (path !== IN_MEMORY) makePrivateFile(path);
    const what = 'the rollups of a gateway';
    this.#db = openSqlite(path, { what, schema: SCHEMA, schemaVersion: SCHEMA_VERSION, busyMs: BUSY_MS });
    this.#checkpoints = createCheckpoints(path, onError);
    this.#inTransaction = createTransactions(this.#db);
    const prepare = (sql: string) => this.#db.prepare(sql);
    this.#statements = {
      write: prepare(
        'REPLACE INTO cells SELECT 0, ?, value->>0, value->>1, ?, value->>2, 0 FROM json_each(?)',
      ),
      unfolded: prepare(
        'SELECT at, cube, labels, writer, cell FROM cells WHERE folded = 0 AND (at < ? OR (at < ? AND writer = ?)) LIMIT ?',
      ),
      isUnfolded: prepare(
        'SELECT 1 FROM cells WHERE step = 0 AND at = ? AND cube = ? AND labels = ? AND writer = ? AND folded = 0',
      ),
      setFolded: prepare(
        'UPDATE cells SET folded = 1 WHERE step = 0 AND at = ? AND cube = ? AND labels = ? AND writer = ?',
      ),
      read: prepare(
        "SELECT cell FROM cells WHERE step = ? AND at = ? AND cube = ? AND labels = ? AND writer = ''",
      ),
      count: prepare('SELECT count(*) AS count FROM cells WHERE step = ? AND at = ? AND cube = ?'),
      toldApart: prepare(
        'SELECT 1 FROM cells WHERE step = ? AND at = ? AND cube = ? AND labels->>0 = ? AND labels->>3 = ? LIMIT 1',
      ),
      merge: prepare("REPLACE INTO cells VALUES (?, ?, ?, ?, '', ?, 1)"),
      prune: prepare(
        'DELETE FROM cells WHERE (step, at, cube, labels, writer) IN (SELECT step, at, cube, labels, writer FROM cells WHERE step = ? AND at < ? AND folded = 1 LIMIT ?)',
      ),
      page: prepare(
        'SELECT at, cube, labels, writer, cell FROM cells WHERE step = ? AND at >= ? AND at < ? AND (at, cube, labels, writer) > (?, ?, ?, ?) ORDER BY at, cube, labels, writer LIMIT ?',
      ),
      recent: prepare(
        'SELECT at, labels, cell FROM cells WHERE folded = 0 AND at >= ? AND at < ? AND cube = ?',
      ),
      note: prepare('REPLACE INTO notes VALUES (?, ?, ?)'),
      notes: prepare('SELECT writer, note FROM notes WHERE name = ?'),
      forget: prepare('DELETE FROM notes WHERE name = ?'),
    };
  }

  /**
   * Writes cells of one minute, in the place of what this process wrote of them before.
   *
   * @param at seconds since 1970.
   */
  write(at: number, cells: readonly CountedCell[]): void {
    if (cells.length === 0) return;
    const text = JSON.stringify(
      cells.map(({ cell, cube, labels }) => [cube, JSON.stringify(labels), cell.encode()]),
    );
    this.#statements.write.run(at, this.#writer, text);
    this.#checkpoints.wrote(text.length);
  }

  /**
   * Adds minutes that are over to their hours and days, a few at a time, and forgets what is older than it is kept. Does nothing while
   * somebody reads: the next time will do.
   *
   * @param now seconds since 1970.
   */
  async fold(now: number): Promise<void> {
    if (this.#readers > 0) return;
    this.#folding ??= this.#fold(now).finally(() => {
      this.#folding = null;
    });
    await this.#folding;
  }

  /** Cells of buckets of one length; of hours and days also what is not added to them yet. */
  async *read(step: StoredStep, from: number, to: number, cube: Cube): AsyncGenerator<StoredCell> {
    await this.#folding;
    // Else a minute could be seen twice: by itself, and in the hour that it was added to meanwhile.
    this.#readers++;
    try {
      yield* this.#readPages(step, from, to, cube);
    } finally {
      this.#readers--;
    }
  }

  async *#readPages(step: StoredStep, from: number, to: number, cube: Cube): AsyncGenerator<StoredCell> {
    const { id, seconds } = STEPS[step];
    let after = { at: from - 1, cube: 0, labels: '', writer: '' };
    for (;;) {
      const { at, cube: before, labels, writer } = after;
      const rows = this.#statements.page.all(
        id,
        from,
        to,
        at,
        before,
        labels,
        writer,
        READ_AT_ONCE,
      ) as unknown as PageRow[];
      for (const row of rows) if (row.cube === cube) yield storedCell(row, row.at);
      const last = rows.at(-1);
      if (last === undefined || rows.length < READ_AT_ONCE) break;
      after = last;
      await turn();
    }
    if (step === 'minute') return;
    const recent = this.#statements.recent.all(from, to, cube) as unknown as PageRow[];
    for (const row of recent) yield storedCell(row, row.at - (row.at % seconds));
  }

  /** Writes a note under a name, in the place of the one before: of this process, or one that all of them share. */
  note(name: string, note: string, of: 'own' | 'all' = 'own'): void {
    this.#statements.note.run(name, of === 'own' ? this.#writer : of, note);
    this.#checkpoints.wrote(note.length);
  }

  /** The notes of all processes under a name, this one's first. */
  notes(name: string): { readonly isOwn: boolean; readonly note: string }[] {
    const rows = this.#statements.notes.all(name) as unknown as { writer: string; note: string }[];
    return rows
      .map(({ note, writer }) => ({ isOwn: writer === this.#writer, note }))
      .sort((a, b) => Number(b.isOwn) - Number(a.isOwn));
  }

  forget(name: string): void {
    this.#statements.forget.run(name);
  }

  async close(): Promise<void> {
    await this.#folding;
    await this.#checkpoints.settled();
    this.#db.close();
  }

  async #fold(now: number): Promise<void> {
    const minute = now - (now % STEPS.minute.seconds);
    for (;;) {
      const rows = this.#statements.unfolded.all(
        minute - FOREIGN_AFTER_SECONDS,
        minute,
        this.#writer,
        FOLDED_AT_ONCE,
      ) as unknown as PageRow[];
      if (rows.length > 0)
        this.#inTransaction(() => {
          for (const row of rows) this.#foldRow(row);
        });
      if (rows.length < FOLDED_AT_ONCE) break;
      await turn();
    }
    for (const { id, keptSeconds } of Object.values(STEPS))
      while (this.#statements.prune.run(id, now - keptSeconds, DELETED_AT_ONCE).changes === DELETED_AT_ONCE)
        await turn();
  }

  #foldRow({ at, cell: text, cube, labels: own, writer }: PageRow): void {
    const { count, isUnfolded, merge, read, setFolded, toldApart } = this.#statements;
    // Another process may have been faster.
    if (isUnfolded.get(at, cube, own, writer) === undefined) return;
    const cell = Cell.decode(text);
    for (const step of ['hour', 'day'] as const) {
      const { cells, id, seconds } = STEPS[step];
      const bucket = at - (at % seconds);
      const there = (labels: string) =>
        (read.get(id, bucket, cube, labels) as { cell: string } | undefined)?.cell;
      const size = (count.get(id, bucket, cube) as { count: number }).count;
      const bucketRoom: BucketRoom = {
        size,
        isThere: (coarse) => there(JSON.stringify(coarse)) !== undefined,
        isToldApart: (router, last) => toldApart.get(id, bucket, cube, router, last) !== undefined,
      };
      const labels = JSON.stringify(fitLabels(JSON.parse(own), bucketRoom, cells));
      const before = there(labels);
      const sum = before === undefined ? new Cell() : Cell.decode(before);
      sum.addCell(cell);
      const written = sum.encode();
      merge.run(id, bucket, cube, labels, written);
      this.#checkpoints.wrote(written.length);
    }
    setFolded.run(at, cube, own, writer);
  }
}

interface PageRow {
  readonly at: number;
  readonly cube: Cube;
  readonly labels: string;
  readonly writer: string;
  readonly cell: string;
}

function storedCell({ cell, labels }: PageRow, at: number): StoredCell {
  return { at, labels: JSON.parse(labels), cell: Cell.decode(cell) };
}
