import { type Connection, createTransactions } from '../sqlite.ts';
import type { Buckets, Held, Ledger, LedgerChanges, Mutable } from './ledger.ts';
import { monthOf } from './limits.ts';
import type { DayUse } from './state.ts';

/** Raised when what is written can no longer be read by the code before. */
export const SCHEMA_VERSION = 1;

export const SCHEMA = `
CREATE TABLE IF NOT EXISTS keys (id TEXT PRIMARY KEY, version INTEGER NOT NULL, record TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS days (
  account TEXT, day TEXT, nano_usd INTEGER NOT NULL, held_nano_usd INTEGER NOT NULL, requests INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, expired INTEGER NOT NULL,
  PRIMARY KEY (account, day)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS buckets (account TEXT PRIMARY KEY, buckets TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS held (id TEXT PRIMARY KEY, held TEXT NOT NULL) WITHOUT ROWID;
PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** A statement takes a whole batch as one list in JSON: one call a table, however many rows. */
const WRITE_DAYS = `REPLACE INTO days SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6,
  value->>7 FROM json_each(?)`;
const WRITE_BUCKETS = 'REPLACE INTO buckets SELECT value->>0, value->>1 FROM json_each(?)';
const WRITE_HELD = 'REPLACE INTO held SELECT value->>0, value->>1 FROM json_each(?)';
const DELETE_HELD = 'DELETE FROM held WHERE id IN (SELECT value FROM json_each(?))';

/**
 * What writes a ledger's changes in one transaction.
 * @returns a function that gives the characters it wrote; it throws, and leaves all as it was, when it could not write.
 */
export function ledgerWriter(db: Connection): (ledger: Ledger, changes: LedgerChanges) => number {
  const inTransaction = createTransactions(db);
  const [days, buckets, held, notHeld] = [WRITE_DAYS, WRITE_BUCKETS, WRITE_HELD, DELETE_HELD].map((sql) =>
    db.prepare(sql),
  );
  return (ledger, changes) => {
    const heldNow = [...changes.held].flatMap((id) => ledger.held.get(id) ?? []);
    const batches = [
      [days, dayRows(ledger, changes)],
      [buckets, [...changes.accounts].map((id) => [id, JSON.stringify(ledger.books.get(id)!.buckets)])],
      [held, heldNow.map((one) => [one.id, JSON.stringify(one)])],
      [notHeld, [...changes.held].filter((id) => !ledger.held.has(id))],
    ] as const;
    return inTransaction(() => {
      let written = 0;
      for (const [statement, rows] of batches) {
        if (rows.length === 0) continue;
        const text = JSON.stringify(rows);
        statement.run(text);
        written += text.length;
      }
      return written;
    });
  };
}

function dayRows(ledger: Ledger, changes: LedgerChanges): (string | number)[][] {
  return [...changes.days].flatMap(([account, days]) =>
    [...days].flatMap((day) => {
      const use = ledger.books.get(account)?.days.get(day);
      if (use === undefined) return [];
      const { expired, heldNanoUsd, inputTokens, nanoUsd, outputTokens, requests } = use;
      return [[account, day, nanoUsd, heldNanoUsd, requests, inputTokens, outputTokens, expired]];
    }),
  );
}

/** Fills an empty ledger with what was written, as far back as it looks. @param sinceDay such as `2026-10-01` */
export function readLedger(db: Connection, ledger: Ledger, sinceDay: string): void {
  for (const row of db.prepare('SELECT * FROM days WHERE day >= ? ORDER BY day').all(sinceDay)) {
    const { account } = row as { account: string };
    const { days, months } = ledger.book(account);
    const use = dayUse(row);
    const month = monthOf(use.day);
    days.set(use.day, use);
    months.set(month, (months.get(month) ?? 0) + use.nanoUsd);
  }
  for (const row of db.prepare('SELECT account, buckets FROM buckets').all()) {
    const { account, buckets } = row as { account: string; buckets: string };
    const { requests, tokens } = JSON.parse(buckets) as Buckets;
    const book = ledger.book(account);
    Object.assign(book.buckets.requests, requests);
    Object.assign(book.buckets.tokens, tokens);
  }
  for (const row of db.prepare('SELECT held FROM held').all())
    ledger.restoreHeld(JSON.parse((row as { held: string }).held) as Held);
  ledger.takeChanges();
}

/** Of a row of `days`. */
export function dayUse(row: unknown): Mutable<DayUse> {
  const { day, expired, held_nano_usd, input_tokens, nano_usd, output_tokens, requests } = row as Record<
    string,
    number
  >;
  return {
    day: String(day),
    nanoUsd: nano_usd,
    heldNanoUsd: held_nano_usd,
    requests,
    inputTokens: input_tokens,
    outputTokens: output_tokens,
    expired,
  };
}
