import type { DuckDBConnection } from '@duckdb/node-api';
import { LOG_REASONS } from '../logs/log-reasons.ts';
import { promptProblem } from '../logs/prompt-problem.ts';
import { readConversation } from '../logs/read-conversation.ts';
import { quoteText } from '../outcomes/sql-text.ts';
import type { StageBlocksOptions } from '../outcomes/stage-blocks.ts';
import type { JudgeSettings } from '../outcomes/staged-table.ts';
import { BLOCK_BYTES, type TextBlock } from '../outcomes/text-block.ts';
import type { ScratchDatabase } from '../work/scratch-database.ts';
import { jsonLine } from './formats/map-log.ts';
import { REFUSED_MARK } from './sql/rows.ts';
import { insertSide, stageNumbered } from './stage-log.ts';

type Row = Readonly<Record<string, unknown>>;

/** A call without a prompt, and all that was noted of its prompt. */
interface OpenCall {
  readonly row: Row;
  /** The user's own fields, which come before any other. */
  readonly own: Row;
  readonly answer: string | null;
  /** Whole prompts, with what else their records know of the call. */
  readonly wholes: readonly Row[];
  /** Single messages, in their order. */
  readonly messages: readonly unknown[];
  readonly answers: readonly string[];
}

/**
 * Gives calls the prompts that stand in other records: lines of a batch's input by `custom_id`, log records by the span
 * they are of; in any order and across files. Calls that find none are refused, and what nobody answered is passed over.
 * @param options how the calls' rows are judged.
 * @returns how many records became part of a call's row.
 */
export async function joinPrompts(
  database: ScratchDatabase,
  connection: DuckDBConnection,
  options: Omit<StageBlocksOptions, 'numbered' | 'fileIndex'> & JudgeSettings,
): Promise<number> {
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
  await connection.run(`INSERT INTO staged (file, line, reason, absent, derived) SELECT file, line,
      CASE WHEN id IN (SELECT "requestId" FROM staged WHERE "requestId" IS NOT NULL) THEN ${quoteText(LOG_REASONS.promptKnown)}
        ELSE ${quoteText(LOG_REASONS.unanswered)} END, false, false FROM prompts WHERE NOT ${isMatched}`);
  await connection.run('DROP TABLE matched; DROP TABLE prompts; DROP TABLE "openCalls"');
  return joined;
}

async function* completedCalls(database: ScratchDatabase, fileIndex: number): AsyncGenerator<TextBlock> {
  const connection = await database.connect();
  const side = await database.connect();
  try {
    const calls =
      await connection.stream(`SELECT o.line, to_json({"row": o."row", own: o.own, answer: o.answer,
        wholes: list(p."row" ORDER BY p.file, p.line, p.nth) FILTER (p."row" IS NOT NULL),
        messages: list(p.message ORDER BY p."saidAt" NULLS FIRST, p.file, p.line, p.nth) FILTER (p.message IS NOT NULL),
        answers: list(p.answer ORDER BY p.file, p.line, p.nth) FILTER (p.answer IS NOT NULL)})::VARCHAR
      FROM "openCalls" AS o LEFT JOIN matched AS m ON m.call = o.rowid LEFT JOIN prompts AS p ON p.rowid = m.prompt
      WHERE o.file = ${fileIndex} GROUP BY o.rowid, o.line, o."row", o.own, o.answer`);
    let rows: string[] = [];
    let answers: string[] = [];
    let characters = 0;
    const block = async (): Promise<TextBlock> => {
      await insertSide(side, 'answers', fileIndex, answers);
      const made = { bytes: Buffer.from(rows.join('\n')), firstLine: 0 };
      [rows, answers, characters] = [[], [], 0];
      return made;
    };
    for await (const chunk of calls.yieldRowsJs()) {
      for (const [line, json] of chunk) {
        const completed = completedCall(openCallOf(String(json)));
        const document = 'reason' in completed ? REFUSED_MARK + completed.reason : jsonLine(completed.row);
        rows.push(`${line}\t${document}`);
        characters += document.length;
        if (!('reason' in completed) && completed.answer !== null) {
          const { requestId, candidate } = completed.row;
          answers.push(jsonLine({ line: Number(line), requestId, candidate, answer: completed.answer }));
        }
      }
      if (characters >= BLOCK_BYTES) yield await block();
    }
    if (rows.length > 0) yield await block();
  } finally {
    connection.closeSync();
    side.closeSync();
  }
}

function openCallOf(json: string): OpenCall {
  const { row, own, answer, wholes, messages, answers } = JSON.parse(json) as Record<
    string,
    string & string[]
  >;
  return {
    row: JSON.parse(row),
    own: JSON.parse(own),
    answer,
    wholes: (wholes ?? []).map((whole) => JSON.parse(whole) as Row),
    messages: (messages ?? []).map((message) => JSON.parse(message) as unknown),
    answers: answers ?? [],
  };
}

function completedCall(call: OpenCall): { reason: string } | { row: Row; answer: string | null } {
  const prompts = new Set(call.wholes.map(({ text, messages }) => JSON.stringify([text, messages])));
  // An id of a batch may come again with another question.
  if (prompts.size > 1) return { reason: LOG_REASONS.ambiguousPrompt };
  const candidate = askedCandidate(call);
  const asked: Row = call.wholes[0] ?? readConversation(call.messages);
  const row: Record<string, unknown> = {
    ...call.row,
    ...asked,
    ...(candidate === null ? {} : { candidate }),
    ...call.own,
  };
  const problem = promptProblem(row);
  const isMissing = row.text == null && row.messages == null;
  if (problem !== null) return { reason: (isMissing ? NOT_FOUND[String(row.source)] : null) ?? problem };
  const isJudged = row.quality != null;
  return { row, answer: isJudged ? null : (call.answer ?? call.answers[0] ?? null) };
}

/** Why a call that may have its prompt elsewhere has none, by whose log it is. */
const NOT_FOUND: Readonly<Partial<Record<string, string>>> = {
  openai: LOG_REASONS.batchInputMissing,
  gemini: LOG_REASONS.batchInputMissing,
  otel: LOG_REASONS.spanWithoutPrompt,
};

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
