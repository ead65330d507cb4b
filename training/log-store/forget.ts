import { createHmac, randomUUID } from 'node:crypto';
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { InvalidInputError } from 'pointsman';
import { versionsKept } from '../engine/log-list.ts';
import { IS_BUCKET } from '../engine/objects.ts';
import {
  parquetFile,
  quoteText,
  type ScratchDatabase,
  type ScratchOptions,
  withScratchDatabase,
} from '../work/scratch-database.ts';
import { connectStream, IS_STREAM, pairs } from './collect.ts';
import { listClaims, nameOnce, sync } from './compact.ts';
import { findStore, withStoreLocked } from './partitions.ts';
import { CLAIMED_PREFIX, listLogFiles, localParts, logLines, readColumn, withVariables } from './read.ts';

/** Whose records are to go, by each name that they may stand under; or those before a time, in milliseconds since 1970. */
export type Forgetting = { readonly users: readonly string[] } | { readonly before: number };

/** A decision that is forgotten: by it, what learned from it is found. */
export interface ForgottenDecision {
  readonly id: string;
  readonly promptHash: string;
  /** Null where the log keeps no words. */
  readonly request: Readonly<Record<string, unknown>> | null;
}

/** What was, or would be, removed from one place. */
export interface ForgottenPlace {
  readonly place: string;
  readonly decisions: number;
  /** Decisions, outcomes and feedback together. */
  readonly records: number;
  /** Why some of it could not be looked at: sentences. */
  readonly left: readonly string[];
}

export interface ForgetOptions extends ScratchOptions {
  /** Folders of logs, stores of partitions, `redis://...?stream=` and `postgres://...?table=`. */
  readonly places: readonly string[];
  readonly forgetting: Forgetting;
  /** Looks, and removes nothing. @default false */
  readonly dryRun?: boolean;
}

const MOST_TURNS = 3;

/** UTF-16 units of a user that a log keeps or hashes. */
const LONGEST_USER = 256;

/** The names that a user may stand under in a log: as it is, and hashed with each of the secrets. */
export function namesOf(user: string, secrets: readonly string[]): string[] {
  const kept = user.slice(0, LONGEST_USER);
  return [kept, ...secrets.map((secret) => createHmac('sha256', secret).update(kept).digest('hex'))];
}

/** Records to be removed: of these decisions, or from before a time. */
interface Doomed {
  readonly ids: ReadonlySet<string>;
  readonly before: number;
}

/** One kind of place. */
interface Place {
  /** Decisions of whom is to be forgotten. */
  find(forgetting: Forgetting): Promise<ForgottenDecision[]>;
  /** @returns how many records were removed, or would be */
  remove(doomed: Doomed, dryRun: boolean): Promise<Pick<ForgottenPlace, 'left' | 'records'>>;
}

/**
 * Removes all that a person asked, what was answered, and what was said of it, from logs: decisions by their user, and what belongs to
 * them by their ids, in whichever of the places it lies. A file is written anew beside itself and takes its own place, so that
 * whoever is killed on the way leaves all of it or none.
 *
 * @throws InvalidInputError when a place cannot be read or written
 */
export async function forgetInLogs({
  dryRun = false,
  forgetting,
  places,
  ...scratch
}: ForgetOptions): Promise<{ readonly places: ForgottenPlace[]; readonly decisions: ForgottenDecision[] }> {
  return withScratchDatabase(scratch, async (database) => {
    const opened: Place[] = [];
    for (const place of places) opened.push(await openPlace(place, database));
    const before = 'before' in forgetting ? forgetting.before : Number.NEGATIVE_INFINITY;
    const decisions = new Map<string, ForgottenDecision>();
    const done = places.map((place) => ({
      place: place.replace(/\/\/[^@/]*@/, '//'),
      ...{ decisions: 0, records: 0, left: [] as readonly string[] },
    }));
    // A batch that a gateway was writing may have come again, to another file.
    for (let turn = 0, left = 1; turn < MOST_TURNS && left > 0; turn++) {
      for (const [i, place] of opened.entries()) {
        const found = await place.find(forgetting);
        done[i].decisions += found.length;
        for (const decision of found) decisions.set(decision.id, decision);
      }
      const doomed = { before, ids: new Set('users' in forgetting ? decisions.keys() : []) };
      left = 0;
      for (const [i, place] of opened.entries()) {
        const removed = await place.remove(doomed, dryRun);
        done[i].records += removed.records;
        done[i].left = removed.left;
        left += dryRun ? 0 : removed.records;
      }
    }
    return { places: done, decisions: [...decisions.values()] };
  });
}

async function openPlace(place: string, database: ScratchDatabase): Promise<Place> {
  if (IS_STREAM.test(place)) return streamPlace(place);
  if (/^postgres(ql)?:\/\//.test(place)) return tablePlace(place);
  if (!IS_BUCKET.test(place) && (await findStore(place)) === null) return folderPlace(place, database);
  return storePlace(place, database, join(database.folder, randomUUID()));
}

type Fields = Readonly<Record<string, unknown>>;

/** Adds the decision of a record to `found`, where it is one of whom is to be forgotten. */
function addDoomed(record: Fields | null, forgetting: Forgetting, found: ForgottenDecision[]): void {
  if (record?.kind !== 'decision') return;
  const { at, id, promptHash, request = null, user } = record;
  const isMeant =
    'users' in forgetting
      ? typeof user === 'string' && forgetting.users.includes(user)
      : Date.parse(String(at)) < forgetting.before;
  if (isMeant)
    found.push({ id: String(id), promptHash: String(promptHash), request: request as Fields | null });
}

function isDoomed(record: Fields | null, { before, ids }: Doomed): boolean {
  if (record === null || record.kind === 'file') return false;
  return ids.has(String(record.id)) || Date.parse(String(record.at)) < before;
}

function parse(line: string): Fields | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' ? (value as Fields | null) : null;
  } catch {
    return null;
  }
}

function folderPlace(folder: string, database: ScratchDatabase): Place {
  return {
    async find(forgetting) {
      const found: ForgottenDecision[] = [];
      for (const { format, jsonl, path } of await listLogFiles(folder)) {
        if (format === 'parquet') await findInParquet(database, path, forgetting, found);
        for (const lines of format === 'jsonl' ? [path] : jsonl === undefined ? [] : [jsonl])
          for await (const line of logLines(lines)) addDoomed(parse(line), forgetting, found);
      }
      return found;
    },
    async remove(doomed, dryRun) {
      let records = 0;
      for (const { format, jsonl, path } of await listLogFiles(folder)) {
        if (format === 'parquet')
          records += await removeFromParquet(database, path, doomed, dryRun, async (whole) => {
            if (whole === null) await rm(path, { force: true });
            else await rename(whole, path);
            await sync(dirname(path));
          });
        for (const lines of format === 'jsonl' ? [path] : jsonl === undefined ? [] : [jsonl])
          records += await removeFromLines(lines, doomed, dryRun);
      }
      const { length } = await listClaims(folder);
      const claimed = length === 1 ? `1 file of ${folder} is` : `${length} files of ${folder} are`;
      const said = `${claimed} being taken into a store. When that is done, forget again, with the store among the places.`;
      return { records, left: length === 0 ? [] : [said] };
    },
  };
}

/** @param folder where copies of what is in a bucket are kept meanwhile, so that each is fetched once */
function storePlace(address: string, database: ScratchDatabase, folder: string): Place {
  let removed = 0;
  return {
    async find(forgetting) {
      const found: ForgottenDecision[] = [];
      for (const path of await localParts(address, folder))
        await findInParquet(database, path, forgetting, found);
      return found;
    },
    async remove(doomed, dryRun) {
      let records = 0;
      if (dryRun)
        for (const path of await localParts(address, folder))
          records += await removeFromParquet(database, path, doomed, true);
      else
        await withStoreLocked(address, async (store) => {
          // What was merged lies there twice.
          await store.removeMerged(Number.POSITIVE_INFINITY);
          for (const part of await store.list()) {
            const put = (whole: string | null) => store.rewrite(part, whole);
            records += await removeFromParquet(database, await store.fetch(part, folder), doomed, false, put);
          }
        });
      removed += records;
      return { records, left: removed === 0 ? [] : await versionsKept(address) };
    },
  };
}

/** A file on which a gateway may be at work is taken from it by its name: it notices, and goes on in a new one. */
async function removeFromLines(path: string, doomed: Doomed, dryRun: boolean): Promise<number> {
  let records = 0;
  for await (const line of logLines(path)) if (isDoomed(parse(line), doomed)) records++;
  if (records === 0 || dryRun) return records;
  const claimed = join(dirname(path), `${CLAIMED_PREFIX}${path.slice(dirname(path).length + 1)}`);
  await rename(path, claimed);
  const kept: string[] = [];
  records = 0;
  // What came to it until it was taken, too.
  for await (const line of logLines(claimed)) {
    if (isDoomed(parse(line), doomed)) records++;
    else kept.push(line);
  }
  if (kept.some((line) => parse(line)?.kind !== 'file')) {
    const whole = `${claimed}-${randomUUID().slice(0, 8)}`;
    await writeFile(whole, kept.map((line) => `${line}\n`).join(''), { mode: 0o600, flush: true });
    await nameOnce(whole, path);
  }
  await rm(claimed, { force: true });
  return records;
}

/** SQL of what {@link isDoomed} says. The ids stand in a table. */
const isDoomedSql = (before: number) =>
  `(id IN (SELECT id FROM forgotten)${Number.isFinite(before) ? ` OR "at" < make_timestamp(${Math.round(before)} * 1000)` : ''})`;

async function findInParquet(
  database: ScratchDatabase,
  path: string,
  forgetting: Forgetting,
  found: ForgottenDecision[],
): Promise<void> {
  const meant =
    'users' in forgetting
      ? `json_extract_string(record, '$.user') IN (${forgetting.users.map(quoteText).join(', ')})`
      : `"at" < make_timestamp(${Math.round(forgetting.before)} * 1000)`;
  const sql = `SELECT record FROM ${parquetFile(path)} WHERE kind = 'decision' AND ${meant}`;
  for (const line of await readColumn(database, path, sql)) addDoomed(parse(line), forgetting, found);
}

/** @param put is called with a file of what is left, or null where nothing is; not where nothing is removed */
async function removeFromParquet(
  database: ScratchDatabase,
  path: string,
  { before, ids }: Doomed,
  dryRun: boolean,
  put: (whole: string | null) => Promise<void> = async () => {},
): Promise<number> {
  await database.run('CREATE OR REPLACE TABLE forgotten (id VARCHAR)');
  const rows = [...ids].map((id) => `(${quoteText(id)})`);
  for (let i = 0; i < rows.length; i += ROWS_AT_ONCE)
    await database.run(`INSERT INTO forgotten VALUES ${rows.slice(i, i + ROWS_AT_ONCE).join(', ')}`);
  const [count, rest] = (
    await readColumn(
      database,
      path,
      `SELECT unnest([count(*) FILTER (${isDoomedSql(before)}), count(*) FILTER (NOT coalesce(${isDoomedSql(before)}, false))]) FROM ${parquetFile(path)}`,
    )
  ).map(Number);
  if (count === 0 || dryRun) return count;
  if (rest === 0) await put(null);
  else {
    const aside = join(dirname(path), `.compacting-${randomUUID()}`);
    const whole = join(aside, 'records.parquet');
    await mkdir(aside, { mode: 0o700 });
    try {
      await database.run(
        `COPY (SELECT * FROM ${parquetFile(path)} WHERE NOT coalesce(${isDoomedSql(before)}, false))
          TO ${quoteText(whole)} (FORMAT parquet, COMPRESSION zstd)`,
      );
      await chmod(whole, 0o600);
      await sync(whole);
      await put(whole);
    } finally {
      await rm(aside, { recursive: true, force: true });
    }
  }
  return count;
}

const ROWS_AT_ONCE = 1000;

function streamPlace(address: string): Place {
  const entries = async <Result>(
    use: (
      found: readonly { readonly id: string; readonly record: Fields | null }[],
      remove: (ids: readonly string[]) => Promise<unknown>,
    ) => Promise<Result>,
  ): Promise<Result[]> => {
    const { call, close, key } = await connectStream(address);
    const results: Result[] = [];
    try {
      for (let from = '-'; ; ) {
        const read = (await call('XRANGE', [key, from, '+', 'COUNT', ROWS_AT_ONCE])) as [string, string[]][];
        if (read.length === 0) return results;
        const found = read.map(([id, fields]) => ({ id, record: parse(String(pairs(fields).record)) }));
        results.push(await use(found, (ids) => call('XDEL', [key, ...ids])));
        from = `(${read[read.length - 1][0]}`;
      }
    } finally {
      await close();
    }
  };
  return {
    async find(forgetting) {
      const found: ForgottenDecision[] = [];
      await entries(async (page) => {
        for (const { record } of page) addDoomed(record, forgetting, found);
      });
      return found;
    },
    async remove(doomed, dryRun) {
      const counts = await entries(async (page, remove) => {
        const ids = page.filter(({ record }) => isDoomed(record, doomed)).map(({ id }) => id);
        if (ids.length > 0 && !dryRun) await remove(ids);
        return ids.length;
      });
      return { records: counts.reduce((sum, count) => sum + count, 0), left: [] };
    },
  };
}

/** @param address `postgres://user@host/database?table=pointsman_log`, where `${NAME}` stands for an environment variable */
function tablePlace(address: string): Place {
  const query = async (sql: (table: string) => string, values: unknown[]): Promise<readonly Fields[]> => {
    const pg = await import('pg').catch((cause) => {
      throw new InvalidInputError('Logs in PostgreSQL need the package pg. Install it: npm install pg.', {
        cause,
      });
    });
    const url = new URL(withVariables(address));
    const table = url.searchParams.get('table') ?? 'pointsman_log';
    url.searchParams.delete('table');
    const client = new pg.default.Client({
      connectionString: url.href,
      connectionTimeoutMillis: PATIENCE_MS,
    });
    try {
      await client.connect();
      const name = table
        .split('.')
        .map((part) => client.escapeIdentifier(part))
        .join('.');
      return (await client.query<Fields>(sql(name), values)).rows;
    } catch (cause) {
      const { code, message } = cause as { code?: string; message: string };
      throw new InvalidInputError(
        `The decision log cannot be changed in the table ${table} of PostgreSQL: ${code ?? message}. Look at the address, and whether this user may delete rows.`,
        { cause },
      );
    } finally {
      await client.end().catch(() => {});
    }
  };
  const timeOf = (before: number) => new Date(Number.isFinite(before) ? before : 0).toISOString();
  return {
    async find(forgetting) {
      const meant =
        'users' in forgetting
          ? await query(
              (table) =>
                `SELECT record FROM ${table} WHERE kind = 'decision' AND record->>'user' = ANY($1::text[])`,
              [forgetting.users],
            )
          : await query(
              (table) => `SELECT record FROM ${table} WHERE kind = 'decision' AND at < $1`,
              [timeOf(forgetting.before)],
            );
      const found: ForgottenDecision[] = [];
      for (const { record } of meant) addDoomed(record as Fields, forgetting, found);
      return found;
    },
    async remove({ before, ids }, dryRun) {
      const rows = await query(
        (table) => {
          const from = `FROM ${table} WHERE id = ANY($1::text[]) OR at < $2::timestamptz`;
          return dryRun
            ? `SELECT count(*)::int AS records ${from}`
            : `WITH gone AS (DELETE ${from} RETURNING 1) SELECT count(*)::int AS records FROM gone`;
        },
        [[...ids], Number.isFinite(before) ? timeOf(before) : '-infinity'],
      );
      return { records: Number(rows[0].records), left: [] };
    },
  };
}

const PATIENCE_MS = 10_000;
