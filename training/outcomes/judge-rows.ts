import { blobValue, type DuckDBConnection } from '@duckdb/node-api';
import { readPrompt } from 'pointsman/request';
import type { Judge, Judged } from '../ingest/judge.ts';
import { type JudgeAnswersOptions, judgeAnswers } from '../judge/judge-answers.ts';
import type { VerdictCache } from '../judge/verdict-cache.ts';
import { EXISTING, USABLE } from './staged-table.ts';

/** Answers that are held in memory at a time. */
const BATCH = 1000;

/** What became of the rows that had no quality. */
export interface JudgeReport {
  readonly judged: number;
  /** Rows that the judge gave no quality, and what it said of the first. */
  readonly failed: number;
  readonly firstFailure: string | null;
  /** Rows that have neither a quality nor an answer to judge. */
  readonly withoutAnswer: number;
}

/**
 * Asks a judge for the quality of rows that have none, by the answers in the table `answers`. Failed calls are not
 * judged: they have no answer.
 */
export async function judgeRows(
  connection: DuckDBConnection,
  judge: Judge,
  cache: VerdictCache,
  options: JudgeAnswersOptions & { readonly onProgress?: (done: number, total: number) => void } = {},
): Promise<JudgeReport> {
  await connection.run(`CREATE TABLE unjudged AS SELECT row_number() OVER (ORDER BY "requestId", candidate) - 1 AS n, * FROM (
    SELECT s."requestId", s.candidate, any_value(s."text") AS "text", any_value(s.messages) AS messages, first(a.answer ORDER BY a.file, a.line) AS answer
    FROM staged AS s JOIN answers AS a ON a."requestId" = s."requestId" AND a.candidate = s.candidate
    WHERE ${USABLE} AND quality IS NULL GROUP BY ALL)`);
  await connection.run('CREATE TABLE verdicts (n BIGINT, quality DOUBLE)');
  const count = async (query: string): Promise<number> =>
    Number((await connection.runAndReadAll(query)).getRows()[0][0]);
  const total = await count('SELECT count(*) FROM unjudged');
  let failed = 0;
  let firstFailure: string | null = null;
  for (let from = 0; from < total; from += BATCH) {
    options.onProgress?.(from, total);
    const reader = await connection.runAndReadAll(
      `SELECT "text", messages, answer, candidate FROM unjudged WHERE n >= ${from} AND n < ${from + BATCH} ORDER BY n`,
    );
    const answers = reader
      .getRows()
      .map(([text, messages, answer, candidate]) =>
        judgedOf(text as string | null, messages as string | null, String(answer), String(candidate)),
      );
    const verdicts = await judgeAnswers(judge, answers, cache, options);
    const lines: string[] = [];
    for (const [i, verdict] of verdicts.entries()) {
      if ('quality' in verdict) lines.push(`${from + i} ${verdict.quality}`);
      else {
        failed++;
        firstFailure ??= verdict.failure;
      }
    }
    if (lines.length === 0) continue;
    await connection.run(
      `INSERT INTO verdicts SELECT split_part(line, ' ', 1)::BIGINT, split_part(line, ' ', 2)::DOUBLE
        FROM (SELECT unnest(string_split(decode($bytes::BLOB), chr(10))) AS line)`,
      { bytes: blobValue(Buffer.from(lines.join('\n'))) },
    );
  }
  options.onProgress?.(total, total);
  await connection.run(`UPDATE staged SET quality = j.quality, metadata = json_merge_patch(metadata, '{"judged":true}')
    FROM (SELECT "requestId", candidate, v.quality FROM unjudged JOIN verdicts AS v USING (n)) AS j
    WHERE staged."requestId" = j."requestId" AND staged.candidate = j.candidate AND ${USABLE} AND staged.quality IS NULL`);
  const open = await count(
    `SELECT count(*) FROM staged WHERE ${USABLE} AND quality IS NULL AND file <> ${EXISTING}`,
  );
  await connection.run('DROP TABLE unjudged; DROP TABLE verdicts');
  return { judged: total - failed, failed, firstFailure, withoutAnswer: open - failed };
}

function judgedOf(text: string | null, messages: string | null, answer: string, candidate: string): Judged {
  if (messages === null) return { prompt: text ?? '', answer, candidate };
  const conversation = JSON.parse(messages);
  return { prompt: readPrompt({ messages: conversation }).text, messages: conversation, answer, candidate };
}
