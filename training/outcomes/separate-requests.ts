import { createHash } from 'node:crypto';
import { blobValue, type DuckDBConnection, type DuckDBValue } from '@duckdb/node-api';
import { readPrompt } from 'pointsman/request';
import { LOG_REASONS } from '../logs/log-reasons.ts';
import type { ScratchDatabase } from '../work/scratch-database.ts';
import { quoteText } from './sql-text.ts';
import { EXISTING, USABLE } from './staged-table.ts';

type Clean = (prompt: unknown) => unknown;

/** Characters of a prompt's hash that tell it from others of the same id. */
const HASH_LENGTH = 12;
const BATCH = 5000;

/**
 * Makes requests of their own of rows whose id was another request's already: servers count their ids from 0 again
 * (`chatcmpl-0` to `chatcmpl-999`), and an id with other words is not the same request. The first prompt of an id keeps
 * it, the row of a table that is appended to before any other; others get its hash behind it (`chatcmpl-693#1f0c…`), so
 * that the same log twice gives the same ids. What was said apart of such an id is refused, unless it stands in the
 * record of its call.
 * @param clean takes out of a text, or of messages, what is not kept, as it was taken out of the rows of the table.
 * @returns how many ids came with other prompts.
 */
export async function separateRequests(
  database: ScratchDatabase,
  connection: DuckDBConnection,
  clean: Clean = (prompt) => prompt,
): Promise<number> {
  const rows = async (query: string): Promise<DuckDBValue[][]> =>
    (await connection.runAndReadAll(query)).getRows();
  // Hashes first: grouping 64-bit numbers is cheap, and most tables have no such id at all.
  const prompt = 'hash("text", messages, "promptHash")';
  await connection.run(`CREATE TABLE "suspectIds" AS SELECT hash("requestId") AS h FROM staged WHERE ${USABLE}
    GROUP BY h HAVING min(${prompt}) <> max(${prompt})`);
  await connection.run(
    `CREATE TABLE separated ("row" BIGINT, original VARCHAR, "requestId" VARCHAR, file INTEGER, line BIGINT)`,
  );
  const [[suspects]] = await rows('SELECT count(*) FROM "suspectIds"');
  if (Number(suspects) > 0) await findSeparated(database, connection, clean);
  await connection.run(`UPDATE staged SET "requestId" = separated."requestId" FROM separated
    WHERE staged.rowid = separated."row" AND staged."requestId" <> separated."requestId"`);
  const [[ids]] = await rows('SELECT count(DISTINCT original) FROM separated');
  await refuseAmbiguous(connection);
  await connection.run('DROP TABLE "suspectIds"; DROP TABLE separated');
  return Number(ids);
}

/** Notes the rows of each id that has several prompts, with the id that each row is to have. */
async function findSeparated(
  database: ScratchDatabase,
  connection: DuckDBConnection,
  clean: Clean,
): Promise<void> {
  const side = await database.connect();
  const reader =
    await side.stream(`SELECT rowid, "requestId", file, line, "text", messages, "promptHash" FROM staged
    WHERE ${USABLE} AND hash("requestId") IN (SELECT h FROM "suspectIds") ORDER BY "requestId", file, line NULLS FIRST, rowid`);
  let lines: string[] = [];
  let group = new RequestGroup('', clean);
  const note = async (least: number): Promise<void> => {
    lines = lines.concat(group.separated());
    if (lines.length <= least) return;
    await connection.run(
      `INSERT INTO separated SELECT unnest(json_transform(line,
          '{"row":"BIGINT","original":"VARCHAR","requestId":"VARCHAR","file":"INTEGER","line":"BIGINT"}'))
        FROM (SELECT unnest(string_split(decode($bytes::BLOB), chr(10))) AS line)`,
      { bytes: blobValue(Buffer.from(lines.join('\n'))) },
    );
    lines = [];
  };
  try {
    for await (const chunk of reader.yieldRows()) {
      for (const [row, requestId, file, line, text, messages, hash] of chunk) {
        if (group.requestId !== requestId) {
          await note(BATCH);
          group = new RequestGroup(String(requestId), clean);
        }
        const place = { row: Number(row), file: Number(file), line: line === null ? null : Number(line) };
        group.add(place, text as string | null, messages as string | null, hash as string | null);
      }
    }
    await note(0);
  } finally {
    side.closeSync();
  }
}

interface Place {
  readonly row: number;
  readonly file: number;
  readonly line: number | null;
}

/** The rows of one id, by what was asked. */
class RequestGroup {
  readonly requestId: string;
  readonly #clean: Clean;
  /** The id of each prompt, by the hash of its words. */
  readonly #ids = new Map<string, string>();
  readonly #rows: (Place & { readonly requestId: string })[] = [];

  constructor(requestId: string, clean: Clean) {
    this.requestId = requestId;
    this.#clean = clean;
  }

  add(place: Place, text: string | null, messages: string | null, promptHash: string | null): void {
    const hashes = this.#hashesOf(text, messages, promptHash, place.file === EXISTING);
    const known = hashes.map((hash) => this.#ids.get(hash)).find((id) => id !== undefined);
    const own = `${this.requestId}#${hashes[0].slice(0, HASH_LENGTH)}`;
    const requestId = known ?? (this.#ids.size === 0 ? this.requestId : own);
    for (const hash of hashes) this.#ids.set(hash, requestId);
    this.#rows.push({ ...place, requestId });
  }

  /** JSON of each row, where there is more than one prompt. */
  separated(): string[] {
    if (new Set(this.#ids.values()).size < 2) return [];
    return this.#rows.map((row) => JSON.stringify({ ...row, original: this.requestId }));
  }

  /** Of what was asked, the first, and of what is kept of it; blanks around it make no other prompt. */
  #hashesOf(
    text: string | null,
    messages: string | null,
    promptHash: string | null,
    isKept: boolean,
  ): [string, ...string[]] {
    if (text === null && messages === null) return [String(promptHash)];
    const asked = messages === null ? text : (JSON.parse(messages) as unknown);
    const words = wordsOf(asked);
    const kept = isKept ? words : wordsOf(this.#clean(asked));
    return [sha256(words.trim()), sha256(words), sha256(kept.trim())];
  }
}

function wordsOf(prompt: unknown): string {
  return readPrompt(Array.isArray(prompt) ? { messages: prompt } : { text: String(prompt) }).text;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Scores, outcomes and answers of an id that stands for several requests: those of the record of a call stay with it. */
async function refuseAmbiguous(connection: DuckDBConnection): Promise<void> {
  const said = await connection.runAndReadAll(
    'SELECT 1 FROM scores UNION ALL SELECT 1 FROM outcomes UNION ALL SELECT 1 FROM answers LIMIT 1',
  );
  if (said.currentRowCount === 0) return;
  // Also ids of a table that is appended to, whose other requests came with an earlier log.
  await connection.run(`CREATE TABLE ambiguous AS SELECT DISTINCT original AS id FROM separated
    UNION SELECT regexp_extract("requestId", '^(.*)#[0-9a-f]{${HASH_LENGTH}}$', 1) FROM staged
      WHERE ${USABLE} AND contains("requestId", '#') AND regexp_matches("requestId", '#[0-9a-f]{${HASH_LENGTH}}$')`);
  await connection.run(
    `CREATE TABLE own AS SELECT DISTINCT original, file, line, "requestId" FROM separated WHERE line IS NOT NULL`,
  );
  const isOwn = (table: string, id: string): string =>
    `EXISTS (SELECT 1 FROM own WHERE own.original = ${table}.${id} AND own.file = ${table}.file AND own.line = ${table}.line)`;
  for (const table of ['scores', 'outcomes'])
    for (const change of [
      `INSERT INTO staged (file, line, reason, absent, derived) SELECT file, line, ${quoteText(LOG_REASONS.ambiguousId)}, false, false
        FROM ${table} WHERE ${isAmbiguous(table)} AND NOT ${isOwn(table, 'id')}`,
      `DELETE FROM ${table} WHERE ${isAmbiguous(table)} AND NOT ${isOwn(table, 'id')}`,
    ])
      await connection.run(change);
  for (const [table, id] of [
    ['scores', 'id'],
    ['answers', '"requestId"'],
  ])
    await connection.run(`UPDATE ${table} SET ${id} = own."requestId" FROM own
      WHERE own.original = ${table}.${id} AND own.file = ${table}.file AND own.line = ${table}.line`);
  await connection.run('DROP TABLE ambiguous; DROP TABLE own');
}

function isAmbiguous(table: string): string {
  const isOfCall = table === 'scores' ? `"of" = 'call' AND ` : '';
  return `${isOfCall}id IN (SELECT id FROM ambiguous)`;
}
