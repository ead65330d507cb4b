import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { LogRecord } from 'pointsman/log';
import {
  type Connection,
  createCheckpoints,
  createTransactions,
  IN_MEMORY,
  makePrivateFile,
  openSqlite,
} from '../sqlite.ts';
import { Shares } from './shares.ts';

/** Raised when what is written can no longer be read by the code before. */
const SCHEMA_VERSION = 1;

const SCHEMA = `
CREATE TABLE IF NOT EXISTS sampled (
  id TEXT NOT NULL UNIQUE, router TEXT NOT NULL, at INTEGER NOT NULL, draw REAL NOT NULL, size INTEGER NOT NULL,
  state TEXT NOT NULL, user TEXT, decision TEXT NOT NULL, request TEXT, embedder TEXT, embedding BLOB, candidate TEXT, cost REAL,
  own_cost REAL, quality REAL, rated TEXT
);
CREATE INDEX IF NOT EXISTS of_router ON sampled (router, at, draw, size);
CREATE INDEX IF NOT EXISTS by_time ON sampled (at);
CREATE INDEX IF NOT EXISTS unanswered ON sampled (at) WHERE state = 'running';
CREATE INDEX IF NOT EXISTS of_user ON sampled (user) WHERE user IS NOT NULL;
CREATE TABLE IF NOT EXISTS shares (router TEXT PRIMARY KEY, shares TEXT NOT NULL) WITHOUT ROWID;
PRAGMA user_version = ${SCHEMA_VERSION};
`;

type DecisionLine = Extract<LogRecord, { readonly kind: 'decision' }>;
type OutcomeLine = Extract<LogRecord, { readonly kind: 'outcome' }>;
type FeedbackLine = Extract<LogRecord, { readonly kind: 'feedback' }>;

/** How far back a question may look. Of each of these times there is a sample of its own, so that a busy hour is told as well as a month. */
export const SAMPLED_MS = { hour: 3_600_000, day: 86_400_000, month: 31 * 86_400_000 } as const;
export type SampledPeriod = keyof typeof SAMPLED_MS;

/** Decisions of a router, and characters of them, that are kept of each period at most. */
const MOST_DECISIONS = 3000;
const MOST_CHARACTERS = 12 * 2 ** 20;

/** Characters of a request's JSON; of a longer one the words are left out. */
const LONGEST_REQUEST = 200_000;

/** Milliseconds after which a decision that nothing came of is given up. */
const UNANSWERED_MS = SAMPLED_MS.hour;

/** Rows that are read, and deleted, before others have a turn. */
const READ_AT_ONCE = 50;
const DELETED_AT_ONCE = 100;
const THIN_EVERY_MS = 10_000;

/** A decision of the sample, as it is in the file. */
export interface SampledRow {
  readonly id: string;
  readonly decision: DecisionLine;
  readonly request: DecisionLine['request'] | null;
  /** Of an embedding its direction, in whole numbers; null where it was not embedded. */
  readonly embedding: Int8Array | null;
  readonly embedder: string | null;
  /** Who answered. */
  readonly candidate: string;
  /** US dollars of every attempt, and of the candidate's own answer; null where not known. */
  readonly costUsd: number | null;
  readonly ownCostUsd: number | null;
  readonly quality: number | null;
}

/** What a record of a log does not say. */
export interface BesideDecision {
  readonly embedding: Int8Array | null;
  readonly embedder: string | null;
}

/** Uniform in [0, 1) by a decision's id: whether it is in a sample is the same wherever it is asked. The gateway's own ids are random themselves. */
export function drawOf(id: string): number {
  const digits =
    /^dec_([0-9a-f]{8})/.exec(id)?.[1] ?? createHash('sha256').update(id).digest('hex').slice(0, 8);
  return Number.parseInt(digits, 16) / 2 ** 32;
}

/** The router that made an artifact with this id, by its name. */
export function routerOf(artifactId: string): string {
  return artifactId.slice(0, Math.max(0, artifactId.lastIndexOf('-')));
}

/**
 * Decisions and what came of them, of a bounded number: of each router all whose `draw` is below a share, which is halved whenever there is no more room
 * in a period. So what is kept of a period is a uniform sample of it, whatever the traffic was (adaptive sampling: Gibbons and Tirthapura 2001).
 */
export class SampleFile {
  /** Whether there was no file before: what is gone from one that was there is to stay gone. */
  readonly isNew: boolean;
  readonly #db: Connection;
  readonly #keptMs: number;
  readonly #clock: () => number;
  readonly #most: number;
  readonly #inTransaction;
  readonly #checkpoints;
  readonly #statements;
  readonly #shares = new Map<string, Shares>();
  #thinnedAt = Number.NEGATIVE_INFINITY;
  #written = 0;
  #isThinned = true;

  /**
   * @param most decisions of a router that are kept of each period.
   * @throws InvalidInputError for a file that is something else.
   */
  constructor(
    path: string,
    keptMs: number,
    clock: () => number,
    onError: (error: unknown) => void,
    most: number = MOST_DECISIONS,
  ) {
    this.isNew = path === IN_MEMORY || !existsSync(path);
    if (path !== IN_MEMORY) makePrivateFile(path);
    this.#db = openSqlite(path, {
      what: 'a sample of decisions of a gateway',
      schema: SCHEMA,
      schemaVersion: SCHEMA_VERSION,
    });
    this.#keptMs = keptMs;
    this.#clock = clock;
    this.#most = most;
    this.#checkpoints = createCheckpoints(path, onError);
    this.#inTransaction = createTransactions(this.#db);
    const prepare = (sql: string) => this.#db.prepare(sql);
    this.#statements = {
      insert: prepare(
        "INSERT OR IGNORE INTO sampled VALUES (?, ?, ?, ?, ?, 'running', ?, ?, ?, ?, ?, NULL, NULL, NULL, NULL, NULL)",
      ),
      answered: prepare(
        "UPDATE sampled SET state = 'answered', candidate = ?, cost = ?, own_cost = ? WHERE id = ?",
      ),
      drop: prepare('DELETE FROM sampled WHERE id = ?'),
      rate: prepare(
        'UPDATE sampled SET quality = ?, rated = ? WHERE id = ? AND (rated IS NULL OR rated <= ?) AND (? IS NULL OR candidate IS NULL OR candidate = ?)',
      ),
      shares: prepare('SELECT router, shares FROM shares'),
      note: prepare('REPLACE INTO shares VALUES (?, ?)'),
      all: prepare('SELECT DISTINCT router FROM sampled'),
      held: prepare(
        'SELECT count(*) AS count, total(size) AS size FROM sampled WHERE router = ? AND at >= ? AND draw < ?',
      ),
      thin: prepare(
        'DELETE FROM sampled WHERE rowid IN (SELECT rowid FROM sampled WHERE router = ? AND at >= ? AND at < ? AND draw >= ? LIMIT ?)',
      ),
      prune: prepare(
        "DELETE FROM sampled WHERE rowid IN (SELECT rowid FROM sampled WHERE at < ? OR (state = 'running' AND at < ?) LIMIT ?)",
      ),
      page: prepare(
        "SELECT rowid, * FROM sampled WHERE router = ? AND at >= ? AND draw < ? AND state = 'answered' AND (at, rowid) > (?, ?) ORDER BY at, rowid LIMIT ?",
      ),
      vector: prepare('SELECT embedding, embedder FROM sampled WHERE id = ?'),
      forget: prepare('DELETE FROM sampled WHERE user = ?'),
    };
    this.#joinOthers();
  }

  /** Of the decisions that a router makes now, so many are kept: 1, 1/2, 1/4 and so on. */
  share(router: string): number {
    return this.#sharesOf(router).now;
  }

  /** Whether a decision may be one that is kept. */
  mayHold(id: string): boolean {
    const draw = drawOf(id);
    for (const { now } of this.#shares.values()) if (draw < now) return true;
    return false;
  }

  /** Takes down records in their order; of decisions that were not kept, nothing. */
  write(records: readonly LogRecord[], besideOf: (decision: DecisionLine) => BesideDecision): void {
    this.#inTransaction(() => {
      for (const record of records) {
        if (record.kind === 'decision') this.#decided(record, besideOf(record));
        else if (record.kind === 'outcome') this.#ended(record);
        else if (record.kind === 'feedback') this.#rated(record);
      }
      const now = this.#clock();
      const isDue = now - this.#thinnedAt >= THIN_EVERY_MS || this.#written >= this.#most / 6;
      if (this.#isThinned && !isDue) return;
      this.#thinnedAt = now;
      this.#written = 0;
      this.#thin(now);
    });
  }

  /**
   * The answered decisions of a router in a period, the oldest first: a uniform sample, or all of them.
   *
   * @returns `share`: the probability with which each of the period is among them.
   */
  read(
    router: string,
    period: SampledPeriod,
  ): { readonly share: number; readonly rows: Generator<SampledRow[]> } {
    this.#joinOthers();
    const since = this.#clock() - Math.min(this.#keptMs, SAMPLED_MS[period]);
    const share = this.#sharesOf(router).leastSince(since);
    return { share, rows: this.#pages(router, since, share) };
  }

  /** All that is kept of a router, whichever its share. */
  everything(router: string): Generator<SampledRow[]> {
    return this.#pages(router, this.#clock() - this.#keptMs, 1);
  }

  /** Of a decision that is kept. */
  vectorOf(id: string): BesideDecision | undefined {
    const row = this.#statements.vector.get(id) as
      | { embedding: Buffer | ArrayBuffer | null; embedder: string | null }
      | undefined;
    return row === undefined ? undefined : { embedder: row.embedder, embedding: vectorIn(row.embedding) };
  }

  /** Removes all decisions of a user. @param users the names that it may stand under. @returns how many there were */
  forget(users: readonly string[]): number {
    return users.reduce((sum, user) => sum + this.#statements.forget.run(user).changes, 0);
  }

  async close(): Promise<void> {
    await this.#checkpoints.settled();
    this.#db.close();
  }

  #decided({ request, ...decision }: DecisionLine, { embedder, embedding }: BesideDecision): void {
    const router = routerOf(decision.artifactId);
    const draw = drawOf(decision.id);
    if (draw >= this.share(router)) return;
    const text = JSON.stringify(decision);
    const words = request === undefined ? null : JSON.stringify(request);
    const kept = words !== null && words.length > LONGEST_REQUEST ? null : words;
    const size = text.length + (kept?.length ?? 0) + (embedding?.length ?? 0);
    this.#statements.insert.run(
      decision.id,
      router,
      Date.parse(decision.at),
      draw,
      size,
      decision.user ?? null,
      text,
      kept,
      embedder,
      embedding === null ? null : Buffer.from(embedding.buffer, embedding.byteOffset, embedding.byteLength),
    );
    this.#written++;
    this.#checkpoints.wrote(size);
  }

  #ended({ candidate, costUsd, id, status, totalCostUsd }: OutcomeLine): void {
    if (status === 'answered') this.#statements.answered.run(candidate, totalCostUsd ?? costUsd, costUsd, id);
    else this.#statements.drop.run(id);
  }

  /** A rating of another candidate's answer is none of the one that was given. */
  #rated({ at, candidate, id, quality }: FeedbackLine): void {
    const of = candidate ?? null;
    if (quality !== undefined) this.#statements.rate.run(quality, at, id, at, of, of);
  }

  #thin(now: number): void {
    const { all, prune } = this.#statements;
    this.#joinOthers();
    const pruned = prune.run(now - this.#keptMs, now - UNANSWERED_MS, DELETED_AT_ONCE).changes;
    this.#isThinned = pruned < DELETED_AT_ONCE;
    for (const { router } of all.all() as unknown as { router: string }[]) this.#thinRouter(router, now);
  }

  /** What becomes too old for a period has to fit into the next longer one. */
  #thinRouter(router: string, now: number): void {
    const { held, note, thin } = this.#statements;
    const shares = this.#sharesOf(router);
    const before = shares.toString();
    let share = shares.now;
    let until = Number.MAX_SAFE_INTEGER;
    for (const ms of Object.values(SAMPLED_MS)) {
      const since = now - ms;
      const heldBelow = (draw: number) =>
        held.get(router, since, draw) as { readonly count: number; readonly size: number };
      for (let there = heldBelow(share); this.#isTooMuch(there); there = heldBelow(share)) share /= 2;
      // What is above the share is read no more, so that it may go bit by bit.
      this.#isThinned &&= thin.run(router, since, until, share, DELETED_AT_ONCE).changes < DELETED_AT_ONCE;
      shares.lower(since, until, share);
      until = since;
    }
    const hour = now - SAMPLED_MS.hour;
    const { count } = held.get(router, hour, 1) as { readonly count: number };
    // Once the whole hour is of this share, and little.
    if (shares.now < 1 && shares.leastSince(hour) >= shares.now && count < this.#most / 4)
      shares.begin(now, 2 * shares.now);
    if (shares.toString() !== before) note.run(router, shares.toString());
  }

  #joinOthers(): void {
    for (const { router, shares } of this.#statements.shares.all() as unknown as ShareRow[])
      this.#sharesOf(router).join(new Shares(shares));
  }

  #sharesOf(router: string): Shares {
    const shares = this.#shares.get(router) ?? new Shares();
    this.#shares.set(router, shares);
    return shares;
  }

  #isTooMuch({ count, size }: { readonly count: number; readonly size: number }): boolean {
    return count > this.#most || (size > MOST_CHARACTERS && count > 1);
  }

  *#pages(router: string, since: number, below: number): Generator<SampledRow[]> {
    let after = { at: since - 1, rowid: 0 };
    for (;;) {
      const rows = this.#statements.page.all(
        router,
        since,
        below,
        after.at,
        after.rowid,
        READ_AT_ONCE,
      ) as unknown as PageRow[];
      const last = rows.at(-1);
      if (last === undefined) return;
      yield rows.map(rowOf);
      if (rows.length < READ_AT_ONCE) return;
      after = last;
    }
  }
}

interface ShareRow {
  readonly router: string;
  readonly shares: string;
}

interface PageRow {
  readonly rowid: number;
  readonly id: string;
  readonly at: number;
  readonly decision: string;
  readonly request: string | null;
  readonly embedding: Buffer | ArrayBuffer | null;
  readonly embedder: string | null;
  readonly candidate: string;
  readonly cost: number | null;
  readonly own_cost: number | null;
  readonly quality: number | null;
}

function rowOf(row: PageRow): SampledRow {
  return {
    id: row.id,
    decision: JSON.parse(row.decision),
    request: row.request === null ? null : (JSON.parse(row.request) as NonNullable<DecisionLine['request']>),
    embedding: vectorIn(row.embedding),
    embedder: row.embedder,
    candidate: row.candidate,
    costUsd: row.cost,
    ownCostUsd: row.own_cost,
    quality: row.quality,
  };
}

/** The driver gives bytes as one or the other. */
function vectorIn(bytes: Buffer | ArrayBuffer | null): Int8Array | null {
  if (bytes === null || bytes instanceof ArrayBuffer) return bytes && new Int8Array(bytes);
  return new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
