import { blobValue, type DuckDBConnection, type DuckDBValue } from '@duckdb/node-api';
import { FIELD_REASONS, OUTCOME_FIELDS, REASONS } from '../outcomes/outcome.ts';
import { quoteText } from '../work/scratch-database.ts';
import { LOG_REASONS, promptProblem } from './record/format.ts';
import { readConversation } from './record/messages.ts';
import { NestedTooDeepError, refuseDeepNesting } from './record/values.ts';
import { decideScale, qualityOfText, type ScaleDecision, type ScoreScale } from './score-scale.ts';
import { LONGEST_RATING, type ScoreRange, type SeenScores } from './score-words.ts';
import { EXISTING, hasRows, rewriteRows, UNREAD } from './sql/rows.ts';

interface SettleOptions {
  /** The worst score and the best; `auto`: what is plain from the scores. @default 0 and 1 */
  readonly scoreRange?: ScoreRange | 'auto' | undefined;
  /** Name of the scores that count. @default the only name there is */
  readonly score?: string | undefined;
  /** Paths of the files, by their number. */
  readonly files: readonly string[];
}

/** Before the label of a score that a log's reader has refused. */
const LABELS = `${LOG_REASONS.scoreLabel}: `;

/** Of a call whose quality nobody said: that it failed is all that is known. */
const FAILED = `(metadata IS NOT NULL AND contains(metadata, '"failed":true') AND lower(rating) IS NOT DISTINCT FROM 'false')`;

/** Texts that are looked up at a time. */
const BATCH = 10_000;
const NEW = `file <> ${EXISTING} AND NOT absent`;
const NO_QUALITY = 'NOT (isfinite(quality) AND quality BETWEEN 0 AND 1)';
const IS_TEXT = `rating IS NOT NULL AND lower(rating) NOT IN ('true', 'false')`;
const IS_NUMBER = `rating IS NULL AND isfinite(score)`;

/**
 * Brings the scores of all that was read to qualities of 0 to 1, once all of them are seen: those in the rows, and
 * those that will be joined to rows. Rows and scores that have none of that then are turned down.
 * @throws InvalidInputError where the scores are on another scale than was said, or on several.
 */
export async function settleScores(
  connection: DuckDBConnection,
  { files, score, scoreRange }: SettleOptions,
): Promise<ScaleDecision> {
  const named = await connection.runAndReadAll('SELECT DISTINCT name FROM scores LIMIT 2');
  // Which of several names is the quality must be said; the join will ask for it.
  const isNamed = score !== undefined || named.currentRowCount < 2;
  const sources = [{ table: 'staged', column: 'quality', where: NEW }];
  if (isNamed) sources.push({ table: 'scores', column: 'value', where: 'true' });
  const decision = decideScale(await seenScores(connection, sources, files), scoreRange);
  for (const source of sources) await applyScale(connection, source, decision.scale);
  await connection.run(`UPDATE staged SET reason = ${withQualityJudged()} WHERE ${NEW} AND ${NO_QUALITY}`);
  if (isNamed) await refuseScores(connection);
  return decision;
}

interface ScoreSource {
  readonly table: string;
  readonly column: string;
  readonly where: string;
}

async function seenScores(
  connection: DuckDBConnection,
  sources: readonly ScoreSource[],
  files: readonly string[],
): Promise<SeenScores> {
  const all = sources
    .map(
      ({ column, table, where }) =>
        `SELECT file, candidate, ${column} AS score, rating FROM ${table} WHERE ${where}${table === 'staged' ? ` AND NOT ${FAILED}` : ''}`,
    )
    .join(' UNION ALL ');
  const rows = async (query: string): Promise<DuckDBValue[][]> =>
    (await connection.runAndReadAll(query)).getRows();
  const numbers = await rows(`SELECT file, candidate, CASE WHEN score < -1 THEN '-inf'::DOUBLE
      WHEN score > 100 THEN 'inf'::DOUBLE WHEN score = floor(score) THEN score ELSE floor(score) + 0.5 END AS value, count(*)
    FROM (${all}) WHERE ${IS_NUMBER} GROUP BY ALL ORDER BY ALL`);
  const isRated = await hasRows(connection, `(${all})`, 'rating IS NOT NULL');
  const texts = isRated
    ? await rows(`SELECT rating, count(*) FROM (${all}) WHERE ${IS_TEXT} GROUP BY ALL ORDER BY ALL`)
    : [];
  const booleans = isRated
    ? await rows(
        `SELECT lower(rating), count(*) FROM (${all}) WHERE lower(rating) IN ('true', 'false') GROUP BY ALL`,
      )
    : [];
  const labels =
    await rows(`SELECT json_extract_string(substring(reason, ${LABELS.length + 1}), '$'), count(*) FROM staged
    WHERE starts_with(reason, ${quoteText(LABELS)}) GROUP BY ALL ORDER BY ALL`);
  return {
    booleans: {
      true: 0,
      false: 0,
      ...Object.fromEntries(booleans.map(([word, count]) => [word, Number(count)])),
    },
    labels: new Map(labels.map(([label, count]) => [String(label), Number(count)])),
    numbers: numbers.map(([file, candidate, value, count]) => ({
      file: files[Number(file)],
      candidate: candidate === null ? null : String(candidate),
      value: Number(value),
      count: Number(count),
    })),
    texts: new Map(texts.map(([text, count]) => [String(text), Number(count)])),
  };
}

async function applyScale(
  connection: DuckDBConnection,
  { column, table, where }: ScoreSource,
  scale: ScoreScale,
): Promise<void> {
  const [worst, best] = scale.range;
  if (worst !== 0 || best !== 1) {
    await connection.run(`UPDATE ${table} SET ${column} = (${column} - (${worst})) / (${best - worst})
      WHERE ${where} AND rating IS NULL AND ${column} IS NOT NULL`);
  }
  if (scale.forms.length === 0) return;
  const result = await connection.runAndReadAll(
    `SELECT DISTINCT rating FROM ${table} WHERE ${where} AND ${IS_TEXT} AND length(rating) <= ${LONGEST_RATING}`,
  );
  const texts = result.getRows().map(([text]) => String(text));
  for (let from = 0; from < texts.length; from += BATCH) {
    const lines = texts
      .slice(from, from + BATCH)
      .map((text) => JSON.stringify({ text, quality: qualityOfText(text, scale) }));
    await connection.run(
      `UPDATE ${table} SET ${column} = read.quality FROM (
        SELECT unnest(json_transform(line, '{"text":"VARCHAR","quality":"DOUBLE"}'), recursive := true)
        FROM (SELECT unnest(string_split(decode($bytes::BLOB), chr(10))) AS line)) AS read
      WHERE ${where} AND rating = read.text AND read.quality IS NOT NULL`,
      { bytes: blobValue(Buffer.from(lines.join('\n'))) },
    );
  }
}

/** Reasons that a row is given for fields after its quality. */
const LATER_REASONS = [
  ...OUTCOME_FIELDS.slice(OUTCOME_FIELDS.indexOf('quality') + 1).map((field) => FIELD_REASONS[field]),
  REASONS.noRequest,
];

/** SQL of a row's reason with its quality judged too, of `quality` and of the `reason` that its other fields give. */
export function withQualityJudged(isBad: string = NO_QUALITY): string {
  const later = LATER_REASONS.map(quoteText).join(', ');
  return `CASE WHEN ${isBad} AND (reason IS NULL OR reason IN (${later})) THEN ${quoteText(FIELD_REASONS.quality)} ELSE reason END`;
}

async function refuseScores(connection: DuckDBConnection): Promise<void> {
  if (!(await hasRows(connection, 'scores'))) return;
  const isBad = 'value IS NULL OR NOT (isfinite(value) AND value BETWEEN 0 AND 1)';
  const reason = `CASE WHEN isfinite(value) THEN ${quoteText(LOG_REASONS.scoreOutside)} ELSE ${quoteText(LOG_REASONS.scoreNotNumber)} END`;
  await connection.run(
    `INSERT INTO staged (file, line, reason, absent, derived) SELECT file, line, ${reason}, false, false FROM scores WHERE ${isBad}`,
  );
  await connection.run(`DELETE FROM scores WHERE ${isBad}`);
}

type Prompt = {
  readonly text: string | null;
  /** JSON of plain messages. */
  readonly messages: string | null;
};

/**
 * Reads the prompts that SQL did not know as plain, in any of the shapes that the prompts of logs have, and turns down
 * rows in which no words of a user are found.
 * @param table with the columns of `staged`
 */
export async function settlePrompts(connection: DuckDBConnection, table = 'staged'): Promise<void> {
  const written = { text: 'VARCHAR', messages: 'VARCHAR', reason: 'VARCHAR' };
  await rewriteRows(
    connection,
    ['text', 'messages'],
    written,
    async (rows) => rows.map(([text, messages]) => settled({ text, messages })),
    { where: `reason = ${quoteText(UNREAD)}`, table },
  );
}

function settled(prompt: Prompt): Prompt & { readonly reason: string | null } {
  const { text } = prompt;
  const read = prompt.messages === null ? { text } : readMessages(prompt.messages);
  if (typeof read === 'string') return { ...prompt, reason: read };
  const problem = promptProblem(read);
  const { text: words = null, messages = null } = read;
  if (problem === null)
    return { text: words, messages: messages === null ? null : JSON.stringify(messages), reason: null };
  // Messages without a word may stand beside a text that has some.
  if (text !== null && promptProblem({ text }) === null) return { text, messages: null, reason: null };
  return { ...prompt, reason: problem };
}

/** @returns the prompt, or why there is none. */
function readMessages(
  json: string,
): { readonly text?: string | null; readonly messages?: readonly unknown[] } | string {
  try {
    const value: unknown = JSON.parse(json);
    refuseDeepNesting(value);
    const isEmpty = Array.isArray(value) ? value.length === 0 : typeof value === 'number' || value === true;
    return isEmpty || value === false ? FIELD_REASONS.messages : readConversation(value);
  } catch (error) {
    return error instanceof NestedTooDeepError ? LOG_REASONS.tooDeep : FIELD_REASONS.messages;
  }
}
