import type { DuckDBConnection } from '@duckdb/node-api';
import { readPrompt } from 'pointsman';
import {
  ANSWER_VERSION,
  type AnswerKeeper,
  createAnswerKeeper,
  finishReasonOf,
  KEPT_LENGTH,
  type Prompt,
} from 'pointsman/internal';
import { JSON_ANSWER } from '../outcomes/column-values.ts';
import {
  columnOf,
  type OutcomeField,
  SAID_FIELDS,
  type SaidField,
  WORD_FIELDS,
} from '../outcomes/outcome.ts';
import { parquetFile, type ScratchOptions, withScratchDatabase } from '../work/scratch-database.ts';
import {
  type Judge,
  type JudgeAnswer,
  type JudgeReport,
  judgeRows,
  openJudge,
  VerdictCache,
} from './judge.ts';
import type { RowEmbedder, readIngestOptions } from './options.ts';
import { type RedactionPattern, redactionPatterns, redactJson, redactText } from './record/format.ts';
import { readResponse } from './record/response.ts';
import { jsonOf, listOf, sha256 } from './record/values.ts';
import { EXISTING, hasRows, rewriteRows, USABLE } from './sql/rows.ts';

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
      return prompt === null ? null : { promptHash: sha256(prompt) };
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

/** What is kept of answers: nothing, what they look like, or their words too. */
type AnswersKept = 'none' | 'features' | 'text';

const WRITTEN = Object.fromEntries(SAID_FIELDS.map((field) => [field, columnOf(field).type]));

/** Rows whose answer is known by its features, of this version. */
const IS_READ = `"answerVersion" IS NOT DISTINCT FROM ${ANSWER_VERSION} AND "answerKey" IS NOT NULL AND len("answerChecks") = ${KEPT_LENGTH}`;

const SAYS_SOMETHING = `(${SAID_FIELDS.map((field) => `"${field}" IS NOT NULL`).join(' OR ')})`;

/** What became of the answers. */
export interface AnswersReport {
  /** Rows of the table whose answers are known. */
  readonly known: number;
  /** Rows whose answers were read by another version, and whose words are not there to be read again. */
  readonly otherVersion: number;
  /** Rows with an answer whose prompt is not there, so that it could not be held against it. */
  readonly withoutPrompt: number;
  /** Rows whose answer is the same for every candidate of every request, as that which is right would be: it is not taken. */
  readonly sameForAll: number;
}

/** Of fewer requests with several answers it may be chance that all agree to the letter. */
const FEWEST_SAME = 20;

interface ReadAnswersOptions {
  readonly keep: AnswersKept;
  /** Whether there is a judge. */
  readonly isJudged: boolean;
  /** Whether the user said where answers are. */
  readonly isMapped: boolean;
  readonly onProgress: (done: number, total: number) => void;
}

/**
 * Reads answers into what is kept of them. Their words stay in the rows meanwhile, for a judge: see {@link dropAnswers}.
 */
async function readAnswers(
  connection: DuckDBConnection,
  { isJudged, isMapped, keep, onProgress }: ReadAnswersOptions,
): Promise<AnswersReport> {
  if (!(await hasRows(connection, 'staged', SAYS_SOMETHING)))
    return { known: 0, otherVersion: 0, withoutPrompt: 0, sameForAll: 0 };
  const sameForAll = isMapped ? 0 : await dropSame(connection);
  if (keep !== 'none' || isJudged) await readNew(connection, onProgress);
  const isDropped = keep === 'none' ? `file <> ${EXISTING}` : 'false';
  const isUnread = `NOT (${IS_READ}) AND NOT (${isDropped})`;
  const reader = await connection.runAndReadAll(`SELECT count(*) FILTER (${IS_READ} AND NOT (${isDropped})),
      count(*) FILTER ("answerVersion" IS NOT NULL AND ${isUnread}),
      count(*) FILTER (answer IS NOT NULL AND "text" IS NULL AND messages IS NULL AND ${isUnread}) FROM staged WHERE ${USABLE}`);
  const [known, otherVersion, withoutPrompt] = reader.getRows()[0].map(Number);
  const columns = SAID_FIELDS.filter((field) => field !== 'answer').map((field) => `"${field}" = NULL`);
  await connection.run(`UPDATE staged SET ${columns.join(', ')} WHERE (${isDropped} OR NOT (${IS_READ}))
    AND ${SAYS_SOMETHING}`);
  return { known, otherVersion, withoutPrompt, sameForAll };
}

/** Takes out what every candidate is said to have answered, and is most likely what was to be answered. */
async function dropSame(connection: DuckDBConnection): Promise<number> {
  const isNew = `${USABLE} AND file <> ${EXISTING} AND answer IS NOT NULL`;
  const reader = await connection.runAndReadAll(`SELECT count(*), count(*) FILTER (lowest = highest) FROM (
    SELECT min(hash(answer)) AS lowest, max(hash(answer)) AS highest FROM staged WHERE ${isNew}
    GROUP BY "requestId" HAVING count(*) > 1)`);
  const [requests, same] = reader.getRows()[0].map(Number);
  if (requests < FEWEST_SAME || same < requests) return 0;
  const dropped = await connection.runAndReadAll(
    `UPDATE staged SET answer = NULL, "finishReason" = NULL WHERE ${isNew}`,
  );
  return Number(dropped.getRows()[0]?.[0] ?? 0);
}

/** Takes the words of answers out of the rows, but for those that a table had which was there. */
async function dropAnswers(connection: DuckDBConnection, keep: AnswersKept): Promise<void> {
  if (keep === 'text') return;
  await connection.run(`UPDATE staged SET answer = NULL WHERE answer IS NOT NULL AND file <> ${EXISTING}`);
}

async function readNew(
  connection: DuckDBConnection,
  onProgress: (done: number, total: number) => void,
): Promise<void> {
  const reader = createAnswerReader();
  await rewriteRows(
    connection,
    ['requestId', 'text', 'messages', 'answer', 'finishReason'],
    WRITTEN,
    async (rows) =>
      rows.map(([requestId, text, messages, answer, finish]) =>
        reader.read(String(requestId), messages ?? String(text), messages !== null, String(answer), finish),
      ),
    {
      where: `${USABLE} AND answer IS NOT NULL AND ("text" IS NOT NULL OR messages IS NOT NULL) AND NOT (${IS_READ})`,
      onProgress,
      anew: true,
    },
  );
}

/** What is kept of an answer; nulls where its words are not known. */
type Kept = Readonly<Record<SaidField, unknown>>;

const NOTHING = Object.fromEntries(SAID_FIELDS.map((field) => [field, null])) as Kept;

/** Reads answers, one by one; those to the same prompt are best read one after another. */
function createAnswerReader() {
  const keeper = createAnswerKeeper();
  let asked: string | null = null;
  let question: ReturnType<AnswerKeeper['readQuestion']> | null = null;
  return {
    read(requestId: string, prompt: string, isMessages: boolean, raw: string, told: string | null): Kept {
      const { finishReason, text } = readWords(raw);
      if (text === null) return NOTHING;
      const ended = finishReasonOf(told) ?? finishReason;
      if (question === null || asked !== prompt) {
        question = keeper.readQuestion(questionIn(prompt, isMessages));
        asked = prompt;
      }
      const given = { text, finishReason: ended, logprobs: null };
      const { checks, key } = keeper.keep(question, given, requestId);
      return {
        answer: text,
        answerHash: sha256(text),
        answerKey: sha256(key),
        answerChecks: checks,
        answerVersion: ANSWER_VERSION,
        finishReason: ended,
      };
    },
  };
}

function questionIn(prompt: string, isMessages: boolean): Prompt {
  return readPrompt(isMessages ? { messages: JSON.parse(prompt) } : { text: prompt });
}

interface Words {
  /** Null where they are not known. */
  readonly text: string | null;
  readonly finishReason: string | null;
}

/** A text is what was answered, unless it is a provider's response; of other JSON, what has no words is itself the answer. */
function readWords(raw: string): Words {
  const isJson = raw.startsWith(JSON_ANSWER);
  const json = isJson ? raw.slice(JSON_ANSWER.length) : raw;
  // As Python writes a list of one answer, which RouterBench has.
  const [said] = !isJson && /^\s*\['/.test(raw) ? (listOf(raw) ?? []) : [];
  if (typeof said === 'string' && listOf(raw)?.length === 1) return { text: said, finishReason: null };
  if (!isJson && !/^\s*\{/.test(raw)) return { text: raw, finishReason: null };
  const value = jsonOf(json);
  if (typeof value !== 'object' || value === null || (!isJson && !isResponse(value)))
    return { text: json, finishReason: null };
  // Where nothing is kept, some write this.
  if (Object.keys(value).length === 0) return { text: null, finishReason: null };
  try {
    const { answer, error, finishReason } = readResponse(value);
    const isFailed = error !== null && answer === null;
    return {
      text: isFailed ? null : (answer ?? (isResponse(value) ? finishReason && '' : json)),
      finishReason,
    };
  } catch {
    // Nested deeper than a stack goes.
    return { text: null, finishReason: null };
  }
}

/** Whether an object is what a provider answers with. */
function isResponse(value: object): boolean {
  const { candidates, choices, content, output, role, object } = value as Readonly<Record<string, unknown>>;
  if ([candidates, choices].some(Array.isArray)) return true;
  if (typeof object === 'string' && /^(chat\.completion|response|text_completion)/.test(object)) return true;
  return (role === 'assistant' && content !== undefined) || Array.isArray(output);
}
