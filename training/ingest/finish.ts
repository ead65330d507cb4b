import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { readPrompt } from 'pointsman';
import { columnOf, OUTCOME_FIELDS, type OutcomeField, WORD_FIELDS } from '../outcomes/outcome.ts';
import {
  parquetFile,
  quotePath,
  quoteText,
  type ScratchDatabase,
  type ScratchOptions,
  VECTOR_ROWS,
  withScratchDatabase,
} from '../work/scratch-database.ts';
import { type AnswersReport, dropAnswers, readAnswers } from './answers.ts';
import {
  type Judge,
  type JudgeAnswer,
  type JudgeReport,
  judgeRows,
  openJudge,
  VerdictCache,
} from './judge.ts';
import type { RowEmbedder, readIngestOptions } from './options.ts';
import { type RedactionPattern, redactionPatterns, redactJson, redactText } from './record/redact.ts';
import { rewriteRows } from './sql/rows.ts';

/**
 * What is done to the new rows before they are written: personal data is taken out first, so that a judge does not see
 * it either; then answers are judged; then, where no word is to be kept, prompts become embeddings.
 */
export async function finishRows(
  connection: DuckDBConnection,
  settings: ReturnType<typeof readIngestOptions>,
): Promise<{ readonly answers: AnswersReport; readonly judgement: JudgeReport | null }> {
  const { answers, embedder, judge, keep, onStep, out, redact } = settings;
  if (keep === 'hashes') await hashPrompts(connection);
  const answersReport = await readAnswers(connection, {
    keep: answers,
    isJudged: judge !== undefined,
    isMapped: settings.map.answer !== undefined,
    onProgress: (done, total) => onStep?.('reading answers', done, total),
  });
  if (redact !== false) await redactRows(connection, redactionPatterns(redact === true ? {} : redact));
  const judgement =
    judge === undefined
      ? null
      : await judgeRows(
          connection,
          await judgeOf(judge),
          await VerdictCache.open(settings.judgeCache ?? `${out}.judged`),
          {
            concurrency: settings.judgeConcurrency,
            onProgress: (done, total) => onStep?.('judging answers', done, total),
          },
        );
  await dropAnswers(connection, answers);
  if (keep === 'hashes' && embedder !== undefined)
    await dropPrompts(connection, embedder, (done, total) => onStep?.('embedding prompts', done, total));
  return { answers: answersReport, judgement };
}

/** What takes out of a prompt, as a text or as messages, what `redact` takes out of the rows. */
export function cleaning(
  redact: ReturnType<typeof readIngestOptions>['redact'],
): (prompt: unknown) => unknown {
  if (redact === false) return (prompt) => prompt;
  const patterns = redactionPatterns(redact === true ? {} : redact);
  return (prompt) => redactJson(prompt, patterns);
}

/** A function is known by its source. */
async function judgeOf(judge: string | JudgeAnswer): Promise<Judge> {
  return typeof judge === 'string' ? openJudge(judge) : { id: String(judge), judge };
}

/** The columns of words, with their types. */
const WORDS = Object.fromEntries(WORD_FIELDS.map((field) => [field, columnOf(field).type]));

/** Metadata that holds no words of a prompt. */
const KEPT_METADATA = [
  'traceId',
  'responseId',
  'artifactId',
  'decided',
  'propensities',
  'answeredAt',
  'scoredAt',
  'awaiting',
  'expectedCostUsd',
  'costSource',
  'failed',
  'cached',
  'judged',
  'timeToFirstTokenMs',
];

/** Notes the hash of each new prompt as it was asked, before anything is taken out of it. */
async function hashPrompts(connection: DuckDBConnection): Promise<void> {
  await rewriteRows(connection, ['text', 'messages'], { promptHash: 'VARCHAR' }, async (rows) =>
    rows.map(([text, messages]) => {
      const prompt = promptOf(text, messages);
      return prompt === null ? null : { promptHash: createHash('sha256').update(prompt).digest('hex') };
    }),
  );
}

/** Puts an embedding in the place of each new prompt's words. Call it last: nothing can be read of them after. */
async function dropPrompts(
  connection: DuckDBConnection,
  embedder: RowEmbedder,
  onProgress?: (done: number, total: number) => void,
): Promise<void> {
  const written = { ...WORDS, embedding: columnOf('embedding').type };
  await rewriteRows(
    connection,
    ['text', 'messages', 'metadata'],
    written,
    async (rows) => {
      const prompts = rows.map(([text, messages]) => promptOf(text, messages));
      const distinct = [...new Set(prompts.filter((prompt) => prompt !== null))];
      const vectors = distinct.length === 0 ? [] : await embedder.embed(distinct);
      const vectorOf = new Map(distinct.map((prompt, i) => [prompt, Array.from(vectors[i])]));
      return rows.map(([, , metadata], i) => {
        const prompt = prompts[i];
        if (prompt === null) return null;
        return { embedding: vectorOf.get(prompt), metadata: keptMetadata(metadata, embedder.id) };
      });
    },
    onProgress === undefined ? {} : { onProgress },
  );
}

/** What the user said; null where the words are gone already. */
function promptOf(text: string | null, messages: string | null): string | null {
  if (messages !== null) return readPrompt({ messages: JSON.parse(messages) }).text;
  return text;
}

function keptMetadata(metadata: string | null, embedder: string): string {
  const own = JSON.parse(metadata ?? '{}') as Record<string, unknown>;
  const kept = KEPT_METADATA.filter((name) => own[name] !== undefined).map((name) => [name, own[name]]);
  return JSON.stringify({ ...Object.fromEntries(kept), embedder });
}

/** Takes what is personal out of the prompts, answers and metadata of the new rows. */
async function redactRows(connection: DuckDBConnection, further: readonly RedactionPattern[]): Promise<void> {
  const redacted = (field: OutcomeField, value: string | null): string | null => {
    if (value === null) return null;
    return columnOf(field).words === 'text'
      ? redactText(value, further)
      : JSON.stringify(redactJson(JSON.parse(value), further));
  };
  await rewriteRows(connection, WORD_FIELDS, WORDS, async (rows) =>
    rows.map((values) => {
      const made = WORD_FIELDS.map((field, i) => redacted(field, values[i]));
      return made.every((value, i) => value === values[i])
        ? null
        : Object.fromEntries(WORD_FIELDS.map((field, i) => [field, made[i]]));
    }),
  );
}

/** Ids of the embedders that an outcomes table keeps embeddings of, as far as it says. */
export async function keptEmbedders(parquet: string, scratch: ScratchOptions = {}): Promise<string[]> {
  return withScratchDatabase(scratch, async (database) => {
    const connection = await database.connect();
    const reader = await connection.runAndReadAll(
      `SELECT DISTINCT json_extract_string(metadata, '$.embedder') AS id FROM ${parquetFile(parquet)}
        WHERE embedding IS NOT NULL AND id IS NOT NULL ORDER BY id`,
    );
    return reader.getRows().map(([id]) => String(id));
  });
}

const ZSTD = 'FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, USE_TMP_FILE false';

/** Columns of many numbers, and what one of them takes at most. */
const LIST_FIELDS = OUTCOME_FIELDS.filter((field) => columnOf(field).type.endsWith('[]'));
const NUMBER_BYTES = 8;

/** Of the memory, a part of the rows that are sorted at a time, and a row group, may be so much. */
const SORTED_SHARE = 1 / 8;
const GROUP_SHARE = 1 / 16;
const MOST_GROUP_ROWS = 60 * VECTOR_ROWS;

/**
 * Writes rows to a Parquet file, sorted by request and candidate. Where texts are long, DuckDB can neither sort them nor gather a
 * row group of them within the memory it has: then parts are sorted that are small enough, and row groups end by their bytes.
 * @param rows SQL of a relation with the columns of an outcomes table, of which (requestId, candidate) is a key
 * @param columns SQL of what is written of each
 * @param out a file that is there already, whose rights stay
 * @returns how many rows there are
 */
export async function writeSorted(
  database: ScratchDatabase,
  connection: DuckDBConnection,
  rows: string,
  columns: string,
  out: string,
): Promise<number> {
  const lists = LIST_FIELDS.map((list) => `${NUMBER_BYTES} * coalesce(len("${list}"), 0)`);
  const bytes = WORD_FIELDS.map((text) => `coalesce(strlen("${text}"), 0)`)
    .concat(lists)
    .join(' + ');
  const sums = await connection.runAndReadAll(`SELECT count(*), sum(${bytes})::DOUBLE FROM (${rows})`);
  const [count, total] = sums.getRows()[0].map(Number);
  const mean = total / Math.max(1, count);
  const memory = database.memoryLimitMb * 1e6;
  if (mean <= database.longRowBytes) {
    const most = (memory * GROUP_SHARE) / database.threads / Math.max(1, mean);
    const groupRows = Math.min(MOST_GROUP_ROWS, Math.max(1, Math.floor(most / VECTOR_ROWS)) * VECTOR_ROWS);
    await connection.run(`COPY (SELECT ${columns} FROM (${rows}) ORDER BY "requestId", candidate)
      TO ${quoteText(out)} (${ZSTD}, ROW_GROUP_SIZE ${groupRows})`);
    return count;
  }
  const parts = await sortedParts(database, connection, rows, {
    bytes,
    columns,
    most: memory * SORTED_SHARE,
  });
  // On one thread rows stay in the order of the parts, although DuckDB then does not promise it.
  await connection.run('SET GLOBAL threads = 1; SET preserve_insertion_order = false');
  try {
    const files = parts.map(quotePath).join(', ');
    const group = Math.floor(Math.min(memory * GROUP_SHARE, 2 ** 26));
    await connection.run(`COPY (SELECT * FROM read_parquet([${files}], hive_partitioning = false))
      TO ${quoteText(out)} (${ZSTD}, ROW_GROUP_SIZE_BYTES ${group})`);
  } finally {
    await connection.run(`SET GLOBAL threads = ${database.threads}; SET preserve_insertion_order = true`);
    for (const part of parts) await rm(part, { force: true });
  }
  return count;
}

/** Files of rows that follow each other, none of more bytes than `most` where no single row has more. */
async function sortedParts(
  database: ScratchDatabase,
  connection: DuckDBConnection,
  rows: string,
  { bytes, columns, most }: { readonly bytes: string; readonly columns: string; readonly most: number },
): Promise<string[]> {
  const files: string[] = [];
  await connection.run('SET GLOBAL threads = 1');
  try {
    // Whole requests: the ends of a part are ids.
    const ends = await connection.runAndReadAll(`SELECT min(id), max(id) FROM (
        SELECT id, floor(sum(size) OVER (ORDER BY id) / ${most}) AS part FROM (
          SELECT "requestId" AS id, sum(${bytes})::DOUBLE AS size FROM (${rows}) GROUP BY id))
      GROUP BY part ORDER BY part`);
    for (const [part, [lowest, highest]] of ends.getRows().entries()) {
      const file = join(database.folder, `part-${part}.parquet`);
      await connection.run(
        `COPY (SELECT ${columns} FROM (${rows}) WHERE "requestId" BETWEEN $lowest AND $highest ORDER BY "requestId", candidate)
          TO ${quoteText(file)} (FORMAT parquet, COMPRESSION uncompressed, ROW_GROUP_SIZE ${VECTOR_ROWS})`,
        { lowest, highest } as Record<string, DuckDBValue>,
      );
      files.push(file);
    }
  } finally {
    await connection.run(`SET GLOBAL threads = ${database.threads}`);
  }
  return files;
}
