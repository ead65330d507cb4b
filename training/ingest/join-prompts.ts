import { blobValue, type DuckDBConnection, type DuckDBValue } from '@duckdb/node-api';
import { readPrompt } from 'pointsman';
import { quoteText, type ScratchDatabase } from '../work/scratch-database.ts';
import { jsonLine, promptNotFound } from './formats/log-formats.ts';
import { stageNumbered } from './log-tables.ts';
import { BLOCK_BYTES, type TextBlock } from './read/files.ts';
import { LOG_REASONS, promptProblem } from './record/format.ts';
import { readConversation } from './record/messages.ts';
import { sha256 } from './record/values.ts';
import { EXISTING, hasRows, REFUSED_MARK, USABLE, type ValidateOptions } from './sql/rows.ts';
import type { StageBlocksOptions } from './stage.ts';

type Row = Readonly<Record<string, unknown>>;

/** A call without a prompt, and all that was noted of its prompt. */
interface OpenCall {
  readonly row: Row;
  /** The user's own fields, which come before any other. */
  readonly own: Row;
  /** Whole prompts, with what else their records know of the call. */
  readonly wholes: readonly Row[];
  /** Single messages, in their order. */
  readonly messages: readonly unknown[];
  /** Columns of answers. */
  readonly answers: readonly Row[];
}

/**
 * Gives calls the prompts that stand in other records: lines of a batch's input by `custom_id`, log records by the span
 * they are of; in any order and across files. Calls that find none are refused, and what nobody answered is passed over.
 * @param options how the calls' rows are judged.
 * @returns how many records became part of a call's row, and how many of them say what was asked.
 */
export async function joinPrompts(
  database: ScratchDatabase,
  connection: DuckDBConnection,
  options: Omit<StageBlocksOptions, 'numbered' | 'fileIndex'> & ValidateOptions,
): Promise<{ readonly joined: number; readonly prompts: number }> {
  if (!(await hasRows(connection, '(SELECT file FROM "openCalls" UNION ALL SELECT file FROM prompts)')))
    return { joined: 0, prompts: 0 };
  const count = async (query: string): Promise<number> =>
    Number((await connection.runAndReadAll(query)).getRows()[0][0]);
  await connection.run(`CREATE TABLE matched AS SELECT o.rowid AS call, p.rowid AS prompt FROM "openCalls" AS o JOIN prompts AS p
    ON p.id = o.id AND (p."traceId" IS NULL OR o."traceId" IS NULL OR p."traceId" = o."traceId")`);
  const files = await connection.runAndReadAll('SELECT DISTINCT file FROM "openCalls" ORDER BY file');
  for (const [file] of files.getRows()) {
    const fileIndex = Number(file);
    await stageNumbered(database, completedCalls(database, fileIndex), { ...options, fileIndex });
  }
  const isMatched = 'prompts.rowid IN (SELECT prompt FROM matched)';
  const joined = await count(`SELECT count(*) FROM prompts WHERE ${isMatched}`);
  const isAnswer = '"row" IS NULL AND message IS NULL';
  const answers = await count(`SELECT count(*) FROM prompts WHERE ${isMatched} AND ${isAnswer}`);
  await connection.run(`INSERT INTO staged (file, line, reason, absent, derived) SELECT file, line,
      CASE WHEN ${isAnswer} THEN ${quoteText(LOG_REASONS.noCall)} WHEN id IN (SELECT "requestId" FROM staged WHERE "requestId" IS NOT NULL) THEN ${quoteText(LOG_REASONS.promptKnown)}
        ELSE ${quoteText(LOG_REASONS.unanswered)} END, false, false FROM prompts WHERE NOT ${isMatched}`);
  await connection.run('DROP TABLE matched; DROP TABLE prompts; DROP TABLE "openCalls"');
  return { joined, prompts: joined - answers };
}

async function* completedCalls(database: ScratchDatabase, fileIndex: number): AsyncGenerator<TextBlock> {
  const connection = await database.connect();
  try {
    const calls = await connection.stream(`SELECT o.line, to_json({"row": o."row", own: o.own,
        wholes: list(p."row" ORDER BY p.file, p.line, p.nth) FILTER (p."row" IS NOT NULL),
        messages: list(p.message ORDER BY p."saidAt" NULLS FIRST, p.file, p.line, p.nth) FILTER (p.message IS NOT NULL),
        answers: list(p.answer ORDER BY p.file, p.line, p.nth) FILTER (p.answer IS NOT NULL)})::VARCHAR
      FROM "openCalls" AS o LEFT JOIN matched AS m ON m.call = o.rowid LEFT JOIN prompts AS p ON p.rowid = m.prompt
      WHERE o.file = ${fileIndex} GROUP BY o.rowid, o.line, o."row", o.own`);
    let rows: string[] = [];
    let characters = 0;
    const block = (): TextBlock => {
      const made = { bytes: Buffer.from(rows.join('\n')), firstLine: 0 };
      [rows, characters] = [[], 0];
      return made;
    };
    for await (const chunk of calls.yieldRowsJs()) {
      for (const [line, json] of chunk) {
        const completed = completedCall(openCallOf(String(json)));
        const document = 'reason' in completed ? REFUSED_MARK + completed.reason : jsonLine(completed.row);
        rows.push(`${line}\t${document}`);
        characters += document.length;
      }
      if (characters >= BLOCK_BYTES) yield block();
    }
    if (rows.length > 0) yield block();
  } finally {
    connection.closeSync();
  }
}

function openCallOf(json: string): OpenCall {
  const { row, own, wholes, messages, answers } = JSON.parse(json) as Record<string, string & string[]>;
  return {
    row: JSON.parse(row),
    own: JSON.parse(own),
    wholes: (wholes ?? []).map((whole) => JSON.parse(whole) as Row),
    messages: (messages ?? []).map((message) => JSON.parse(message) as unknown),
    answers: (answers ?? []).map((answer) => JSON.parse(answer) as Row),
  };
}

function completedCall(call: OpenCall): { reason: string } | { row: Row } {
  const prompts = new Set(call.wholes.map(({ text, messages }) => JSON.stringify([text, messages])));
  // An id of a batch may come again with another question.
  if (prompts.size > 1) return { reason: LOG_REASONS.ambiguousPrompt };
  const candidate = askedCandidate(call);
  const asked: Row = call.wholes[0] ?? readConversation(call.messages);
  const isFailed = (call.row.metadata as Row | undefined)?.failed === true;
  const row: Record<string, unknown> = {
    ...(isFailed ? {} : call.answers[0]),
    ...call.row,
    ...asked,
    ...(candidate === null ? {} : { candidate }),
    ...call.own,
  };
  const problem = promptProblem(row);
  const isMissing = row.text == null && row.messages == null;
  if (problem !== null) return { reason: (isMissing ? promptNotFound(String(row.source)) : null) ?? problem };
  return { row };
}

/** Of several candidates that were asked the same under one id, the one whose version answered. */
function askedCandidate({ row, wholes }: OpenCall): string | null {
  const names = [
    ...new Set(wholes.map((whole) => whole.candidate).filter((name) => typeof name === 'string')),
  ];
  if (names.length < 2) return names[0] ?? null;
  const answered = String(row.candidate);
  const [named = null] = names
    .filter((name) => answered.startsWith(name))
    .sort((a, b) => b.length - a.length);
  return named ?? (row.candidate == null ? null : answered);
}

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
  const isSuspect = await hasRows(connection, '"suspectIds"');
  const isSaidApart = await hasRows(
    connection,
    '(SELECT file FROM scores UNION ALL SELECT file FROM outcomes)',
  );
  if (!isSuspect && !isSaidApart) return 0;
  await connection.run(
    `CREATE TABLE separated ("row" BIGINT, original VARCHAR, "requestId" VARCHAR, file INTEGER, line BIGINT)`,
  );
  if (isSuspect) await findSeparated(database, connection, clean);
  await connection.run(`UPDATE staged SET "requestId" = separated."requestId" FROM separated
    WHERE staged.rowid = separated."row" AND staged."requestId" <> separated."requestId"`);
  const [[ids]] = await rows('SELECT count(DISTINCT original) FROM separated');
  if (isSaidApart) await refuseAmbiguous(connection);
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

/** Scores and outcomes of an id that stands for several requests: those of the record of a call stay with it. */
async function refuseAmbiguous(connection: DuckDBConnection): Promise<void> {
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
  await connection.run(`UPDATE scores SET id = own."requestId" FROM own
    WHERE own.original = scores.id AND own.file = scores.file AND own.line = scores.line`);
  await connection.run('DROP TABLE ambiguous; DROP TABLE own');
}

function isAmbiguous(table: string): string {
  const isOfCall = table === 'scores' ? `"of" = 'call' AND ` : '';
  return `${isOfCall}id IN (SELECT id FROM ambiguous)`;
}
