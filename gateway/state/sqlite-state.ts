import Database from 'libsql';
import { InvalidInputError } from 'pointsman';
import {
  type Checkpoints,
  type Connection,
  createCheckpoints,
  IN_MEMORY,
  makePrivateFile,
  openSqlite,
} from '../sqlite.ts';
import { type KeyRecord, parseKeyRecord } from './key-record.ts';
import { Ledger } from './ledger.ts';
import { dayOf } from './limits.ts';
import { createMemory, type Memo, type Memory } from './memory.ts';
import { dayUse, ledgerWriter, readLedger, SCHEMA, SCHEMA_VERSION } from './sqlite-ledger.ts';
import type { DayUse, GatewayState, ReserveRequest, ReserveResult, Settlement } from './state.ts';

export interface SqliteStateOptions {
  /**
   * Whether requests are decided on here. One process at a time may do so; others, such as the command, may look and
   * change keys meanwhile. @default true
   */
  readonly decides?: boolean;
  /** Milliseconds since 1970. @default Date.now */
  readonly clock?: () => number;
  /** Milliseconds within which a change is written down: what a crash can lose. @default 20 */
  readonly writeEveryMs?: number;
  /** Milliseconds within which a key that another process changed is noticed. @default 200 */
  readonly lookEveryMs?: number;
  /** Milliseconds that a write waits for another process. @default 2000 */
  readonly busyMs?: number;
  /** Told when writing fails, such as on a full disk; it is tried again. */
  readonly onError?: (error: unknown) => void;
}

/** Days that are kept, here as in Redis. */
const KEPT_DAYS_MS = 400 * 86_400_000;

/** Days that are read at the start: this month, and what may still be settled of the one before. */
const READ_DAYS_MS = 33 * 86_400_000;

/**
 * A state in a file, for one gateway: decisions are made in memory, and what changed is written in one transaction every few
 * milliseconds. So a decision takes microseconds, and `kill -9` loses the last few milliseconds at most.
 *
 * @param path of the file; made, with its folder, where there is none. `:memory:` keeps nothing.
 * @throws InvalidInputError for a file that is something else, or that another process decides with.
 */
export async function openSqliteState(path: string, options: SqliteStateOptions = {}): Promise<GatewayState> {
  const isKept = path !== IN_MEMORY;
  if (isKept) makePrivateFile(path);
  const lock = isKept && (options.decides ?? true) ? takeLock(path) : null;
  try {
    const { busyMs } = options;
    const db = openSqlite(path, {
      what: 'the state of a gateway',
      schema: SCHEMA,
      schemaVersion: SCHEMA_VERSION,
      ...(busyMs === undefined ? {} : { busyMs }),
    });
    return new SqliteState(db, lock, createCheckpoints(path, options.onError ?? (() => {})), options);
  } catch (error) {
    lock?.close();
    throw error;
  }
}

/** Held by the operating system until the process ends, however it ends. */
function takeLock(path: string): Connection {
  const lock = new Database(`${path}-lock`, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (cause) {
    lock.close();
    throw new InvalidInputError(
      `The state ${path} is in use by another gateway. Give each a file of its own, or let them share a Redis.`,
      { cause },
    );
  }
}

class SqliteState implements GatewayState {
  readonly #db: Connection;
  readonly #lock: Connection | null;
  readonly #checkpoints: Checkpoints;
  readonly #clock: () => number;
  readonly #memory: Memory;
  readonly #writeEveryMs: number;
  readonly #onError: (error: unknown) => void;
  readonly #ledger: Ledger | null;
  readonly #write: ReturnType<typeof ledgerWriter>;
  readonly #selectKey: ReturnType<Connection['prepare']>;
  readonly #keys = new Map<string, KeyRecord>();
  readonly #looking: NodeJS.Timeout;
  #seenVersion: number;
  #writing: NodeJS.Timeout | null = null;
  #canWrite = true;

  constructor(
    db: Connection,
    lock: Connection | null,
    checkpoints: Checkpoints,
    options: SqliteStateOptions,
  ) {
    this.#db = db;
    this.#lock = lock;
    this.#checkpoints = checkpoints;
    this.#clock = options.clock ?? Date.now;
    this.#memory = createMemory(this.#clock);
    this.#writeEveryMs = options.writeEveryMs ?? 20;
    this.#onError = options.onError ?? (() => {});
    this.#write = ledgerWriter(db);
    this.#selectKey = db.prepare('SELECT record FROM keys WHERE id = ?');
    this.#ledger = (options.decides ?? true) ? new Ledger() : null;
    if (this.#ledger !== null) {
      db.prepare('DELETE FROM days WHERE day < ?').run(dayOf(this.#clock() - KEPT_DAYS_MS));
      readLedger(db, this.#ledger, dayOf(this.#clock() - READ_DAYS_MS));
    }
    this.#seenVersion = this.#dataVersion();
    this.#looking = setInterval(() => this.#look(), options.lookEveryMs ?? 200).unref();
  }

  async key(id: string): Promise<KeyRecord | undefined> {
    const cached = this.#keys.get(id);
    if (cached !== undefined) return cached;
    const row = this.#selectKey.get(id);
    if (row === undefined) return undefined;
    const record = parseKeyRecord((row as { record: string }).record);
    this.#keys.set(id, record);
    return record;
  }

  async keys(after: string | null, limit: number): Promise<KeyRecord[]> {
    const rows = this.#db
      .prepare('SELECT record FROM keys WHERE id > ? ORDER BY id LIMIT ?')
      .all(after ?? '', limit);
    return rows.map((row) => parseKeyRecord((row as { record: string }).record));
  }

  async writeKey(record: KeyRecord): Promise<boolean> {
    const json = JSON.stringify(record);
    const { id, version } = record;
    const { changes } =
      version === 1
        ? this.#db.prepare('INSERT INTO keys VALUES (?, ?, ?) ON CONFLICT DO NOTHING').run(id, 1, json)
        : this.#db
            .prepare('UPDATE keys SET version = ?, record = ? WHERE id = ? AND version = ?')
            .run(version, json, id, version - 1);
    this.#keys.delete(id);
    return changes === 1;
  }

  async deleteKey(id: string): Promise<boolean> {
    this.#keys.delete(id);
    return this.#db.prepare('DELETE FROM keys WHERE id = ?').run(id).changes === 1;
  }

  async reserve(request: ReserveRequest): Promise<ReserveResult> {
    const { key } = request;
    if (key !== null && (await this.key(key.id))?.version !== key.version) return { state: 'key-changed' };
    const result = this.#deciding().reserve(request, this.#clock());
    this.#writeSoon();
    return result;
  }

  async settle(settlement: Settlement): Promise<boolean> {
    const isCounted = this.#deciding().settle(settlement);
    this.#writeSoon();
    return isCounted;
  }

  async usage(account: string, days: number): Promise<DayUse[]> {
    this.#ledger?.expire(this.#clock());
    this.#writeNow();
    return this.#db
      .prepare('SELECT * FROM days WHERE account = ? ORDER BY day DESC LIMIT ?')
      .all(account, days)
      .map(dayUse);
  }

  /** In memory alone: what is remembered is of use for some minutes. */
  recall(keys: readonly string[]): Promise<(string | undefined)[]> {
    return this.#memory.recall(keys);
  }

  remember(memos: readonly Memo[], ttlMs: number): Promise<void> {
    return this.#memory.remember(memos, ttlMs);
  }

  async ready(): Promise<boolean> {
    return this.#canWrite && this.#db.open;
  }

  async close(): Promise<void> {
    clearInterval(this.#looking);
    if (this.#writing !== null) clearTimeout(this.#writing);
    await this.#checkpoints.settled();
    this.#writeNow();
    this.#db.close();
    this.#lock?.close();
  }

  #deciding(): Ledger {
    if (this.#ledger !== null) return this.#ledger;
    throw new InvalidInputError('A state that was opened with `decides: false` decides on no request.');
  }

  #writeSoon(): void {
    this.#writing ??= setTimeout(() => {
      this.#writing = null;
      this.#writeNow();
    }, this.#writeEveryMs).unref();
  }

  #writeNow(): void {
    if (this.#ledger === null || !this.#ledger.hasChanges()) return;
    const changes = this.#ledger.takeChanges();
    try {
      this.#checkpoints.wrote(this.#write(this.#ledger, changes));
      this.#canWrite = true;
    } catch (error) {
      this.#ledger.restoreChanges(changes);
      this.#canWrite = false;
      this.#writeSoon();
      this.#onError(error);
    }
  }

  /** Forgets keys when another process has written. */
  #look(): void {
    const version = this.#dataVersion();
    if (version === this.#seenVersion) return;
    this.#seenVersion = version;
    this.#keys.clear();
  }

  #dataVersion(): number {
    return (this.#db.prepare('PRAGMA data_version').get() as { data_version: number }).data_version;
  }
}
