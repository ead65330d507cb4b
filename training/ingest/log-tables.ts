import { blobValue, type DuckDBConnection, type DuckDBValue } from '@duckdb/node-api';
import {
  AMOUNT_FIELDS,
  columnOf,
  OUTCOME_FIELDS,
  type OutcomeField,
  SAID_FIELDS,
} from '../outcomes/outcome.ts';
import { jsonStructure, quoteText, type ScratchDatabase } from '../work/scratch-database.ts';
import { type LogMapping, mapLogBlock, SIDE_TABLES, type SideTable } from './formats/log-formats.ts';
import { readDocuments } from './read/documents.ts';
import type { SourceFile, TextBlock } from './read/files.ts';
import { hasLongLines } from './read/json.ts';
import { LOG_REASONS, type LogReader, VALUE_REASONS } from './record/format.ts';
import { UnclearScoresError } from './score-words.ts';
import type { MapTarget, SourceLayout } from './sql/layout.ts';
import {
  EXISTING,
  hasRows,
  insertValid,
  rawRows,
  STAGED_COLUMNS,
  USABLE,
  type ValidateOptions,
} from './sql/rows.ts';
import { type StageBlocksOptions, stageBlocks, stageRegular } from './stage.ts';

/** Columns of what is joined to rows once all files are read, after those of `file`. */
const SIDES = {
  outcomes: {
    line: 'BIGINT',
    id: 'VARCHAR',
    candidate: 'VARCHAR',
    failed: 'BOOLEAN',
    ...Object.fromEntries(AMOUNT_FIELDS.map((field) => [field, columnOf(field).type])),
    costSource: 'VARCHAR',
    several: 'BOOLEAN',
    refused: 'VARCHAR[]',
    error: 'VARCHAR',
    ...Object.fromEntries(SAID_FIELDS.map((field) => [field, columnOf(field).type])),
    saidAt: 'VARCHAR',
  },
  scores: {
    line: 'BIGINT',
    of: 'VARCHAR',
    id: 'VARCHAR',
    candidate: 'VARCHAR',
    name: 'VARCHAR',
    value: 'DOUBLE',
    rating: 'VARCHAR',
    saidAt: 'VARCHAR',
  },
  prompts: {
    line: 'BIGINT',
    nth: 'INTEGER',
    id: 'VARCHAR',
    traceId: 'VARCHAR',
    row: 'VARCHAR',
    message: 'VARCHAR',
    answer: 'VARCHAR',
    saidAt: 'VARCHAR',
  },
  openCalls: {
    line: 'BIGINT',
    id: 'VARCHAR',
    traceId: 'VARCHAR',
    row: 'VARCHAR',
    own: 'VARCHAR',
  },
} as const satisfies Record<SideTable, Readonly<Record<string, string>>>;

export const CREATE_LOG_TABLES = [
  ...SIDE_TABLES.map((table) => {
    const columns = Object.entries(SIDES[table]).map(([name, type]) => `"${name}" ${type}`);
    return `CREATE TABLE "${table}" (file INTEGER, ${columns.join(', ')})`;
  }),
  'CREATE TABLE ignored_values (file INTEGER, line BIGINT, reason VARCHAR)',
];

/** The tables that files are staged in, and an order of the rows of each in which equal files give equal rows. */
export const STAGING_TABLES: Readonly<Record<string, string>> = {
  staged: 'line, rowid',
  ignored_values: 'line, reason',
  ...Object.fromEntries(SIDE_TABLES.map((table) => [table, 'ALL'])),
};

/** How rows with canonical names are read. */
const CANONICAL: SourceLayout = {
  form: 'long',
  paths: new Map(OUTCOME_FIELDS.map((field) => [field, [`$."${field}"`]])),
  cellPaths: new Map(),
  cells: null,
  aliases: {},
  columns: [],
  ignoredColumns: [],
  mapped: [],
};

interface StageLogOptions extends Omit<StageBlocksOptions, 'numbered'>, LogMapping, ValidateOptions {
  readonly onBytes: (bytes: number) => void;
}

/**
 * Reads one file of a log: its calls into `staged`, each judged, and what is joined to them into tables of their own.
 * @returns how the file was read.
 */
export async function stageLog(
  database: ScratchDatabase,
  source: SourceFile,
  reader: LogReader,
  options: StageLogOptions,
): Promise<SourceLayout> {
  const whole = await stageWhole(database, source, reader, options);
  if (whole !== null) return { ...CANONICAL, mapped: whole };
  const side = await database.connect();
  const mapped = new Set<MapTarget>();
  // Filled as records are read, and so complete for every row that is judged.
  const given = new Set<OutcomeField>();
  async function* rows(): AsyncGenerator<TextBlock> {
    for await (const block of readDocuments(database, source, options.onBytes)) {
      const made = mapLogBlock(block, reader, { ...options, path: options.path ?? source.path });
      for (const target of made.mapped) mapped.add(target);
      for (const name of made.given) given.add(name as OutcomeField);
      for (const table of SIDE_TABLES) await insertSide(side, table, options.fileIndex, made[table]);
      if (made.rows.length > 0) yield { bytes: Buffer.from(made.rows.join('\n')), firstLine: 0 };
    }
  }
  try {
    await stageNumbered(database, rows(), { ...options, given });
  } finally {
    side.closeSync();
  }
  return { ...CANONICAL, mapped: [...mapped] };
}

/** Judges documents with canonical names, numbered by their lines, whose scores are qualities and messages plain. */
export async function stageNumbered(
  database: ScratchDatabase,
  blocks: AsyncGenerator<TextBlock>,
  options: Omit<StageBlocksOptions, 'numbered'> & ValidateOptions,
): Promise<void> {
  const raw = rawRows('SELECT line, doc FROM documents', CANONICAL);
  const settings = { ...options, plainMessages: true };
  const judge = (table: string): string => insertValid(raw, options.fileIndex, settings, table);
  await stageBlocks(database, blocks, judge, { ...options, numbered: true });
}

/**
 * The fast way, for a regular file of a format that has it.
 * @returns the fields of `map` that a record had; null when the file must be read record by record.
 */
async function stageWhole(
  database: ScratchDatabase,
  source: SourceFile,
  reader: LogReader,
  options: StageLogOptions,
): Promise<MapTarget[] | null> {
  const { answers, failureQuality, inOrder, map } = options;
  const { regular } = reader;
  if (regular === undefined || source.format !== 'jsonl' || inOrder) return null;
  if (failureQuality !== null || ['outcomes', 'text', 'messages'].some((target) => target in map))
    return null;
  if (await hasLongLines(source.path, database.longRowBytes)) return null;
  const connection = await database.connect();
  try {
    if (
      !(await stageRegular(connection, source, regular.rows(source.path, map, answers), {
        ...options,
        plainMessages: true,
      }))
    )
      return null;
    const mapped: MapTarget[] = [];
    for (const [target, path] of Object.entries(map) as [MapTarget, string][]) {
      const found = await connection.runAndReadAll(regular.has(source.path, path));
      if (found.currentRowCount > 0) mapped.push(target);
    }
    return mapped;
  } finally {
    connection.closeSync();
  }
}

/** @param documents JSON objects, with the line each is of. */
export async function insertSide(
  connection: DuckDBConnection,
  table: SideTable,
  fileIndex: number,
  documents: readonly string[],
): Promise<void> {
  if (documents.length === 0) return;
  await connection.run(
    `INSERT INTO "${table}" SELECT ${fileIndex}, unnest(json_transform(doc, ${jsonStructure(SIDES[table])}))
      FROM (SELECT unnest(string_split(decode($bytes::BLOB), chr(10))) AS doc)`,
    { bytes: blobValue(Buffer.from(documents.join('\n'))) },
  );
}

interface JoinOptions {
  /** Name of the scores that count. @default the only name there is */
  readonly score?: string | undefined;
  readonly failureQuality: 0 | null;
}

/** Records that became part of a row, and rows of the table that was there which they changed. */
interface Joined {
  readonly recordsJoined: number;
  /** Of these, outcomes or scores themselves. */
  readonly said: number;
  readonly rowsUpdated: number;
}

/** A cost is computed from the tokens of row `o`, with the row of `prices` that belongs to it. */
const PRICE = '(o."inputTokens" * input + o."outputTokens" * output) / 1e6';

const isAwaiting = (metadata: string): string => `contains(${metadata}, '"awaiting":true')`;

const metadata = (field: string): string => `json_extract_string(metadata, '$.${field}')`;

const AWAITING = isAwaiting('metadata');
const AWAITING_DECISION = isAwaiting('d.metadata');

/**
 * Joins what was said apart from the calls: outcomes to the decisions that await them, then scores to answers. What
 * finds no partner is turned down with its line.
 * @throws InvalidInputError when scores of several names are there and none was asked for.
 */
export async function joinLog(
  connection: DuckDBConnection,
  options: JoinOptions,
): Promise<Omit<Joined, 'said'> & Record<'outcomes' | 'scores', number>> {
  const outcomes = await joinOutcomes(connection, options);
  const scores = await joinScores(connection, options.score);
  return {
    recordsJoined: outcomes.recordsJoined + scores.recordsJoined,
    rowsUpdated: outcomes.rowsUpdated + scores.rowsUpdated,
    outcomes: outcomes.said,
    scores: scores.said,
  };
}

async function joinOutcomes(connection: DuckDBConnection, options: JoinOptions): Promise<Joined> {
  const rows = async (query: string): Promise<DuckDBValue[][]> =>
    (await connection.runAndReadAll(query)).getRows();
  const [[given]] = await rows('SELECT count(*) FROM outcomes');
  if (Number(given) === 0) {
    return { recordsJoined: await settleAwaiting(connection), rowsUpdated: 0, said: 0 };
  }
  await connection.run(`INSERT INTO ignored_values SELECT file, line,
      CASE field ${AMOUNT_FIELDS.map((field) => `WHEN '${field}' THEN ${quoteText(VALUE_REASONS[field])}`).join(' ')} END
    FROM (SELECT file, line, unnest(refused) AS field FROM outcomes)`);
  await connection.run(`INSERT INTO staged (file, line, reason, absent, derived)
    SELECT file, line, ${quoteText(LOG_REASONS.outcomeWithoutDecision)}, false, false FROM outcomes
    WHERE id NOT IN (SELECT "requestId" FROM staged WHERE ${USABLE})`);
  // What was asked comes from the decision, or from a row that was made of it before.
  await connection.run(`CREATE TABLE decisions AS SELECT * EXCLUDE (nth) FROM (SELECT *,
      json_extract_string(metadata, '$.decided') AS decided,
      max(json_extract(metadata, '$.expectedCostUsd')::VARCHAR) OVER (PARTITION BY "requestId") AS expected,
      row_number() OVER (PARTITION BY "requestId" ORDER BY candidate IS DISTINCT FROM json_extract_string(metadata, '$.decided'), file, line) AS nth
    FROM staged WHERE ${USABLE} AND "requestId" IN (SELECT id FROM outcomes)) WHERE nth = 1`);
  const [[updated]] = await rows(`SELECT count(*) FROM decisions WHERE file = ${EXISTING} AND ${AWAITING}`);
  await connection.run(`CREATE TABLE carried_out AS SELECT *,
      -- The same number to its last digit; of several attempts, so many times.
      "costSource" IS NULL AND "costUsd" > 0 AND expected > 0 AND ("costUsd" = expected
        OR several AND abs("costUsd" / expected - round("costUsd" / expected)) < 1e-12) IS TRUE AS guessed
    FROM (SELECT o.*, ${PRICE} AS price, TRY_CAST(json_extract(d.expected, '$."' || replace(o.candidate, '"', '\\"') || '"') AS DOUBLE) AS expected
      FROM (SELECT *, row_number() OVER (PARTITION BY id, candidate ORDER BY "saidAt" DESC NULLS LAST, file, line) AS nth FROM outcomes) AS o
      JOIN decisions AS d ON d."requestId" = o.id LEFT JOIN prices ON prices.name = o.candidate WHERE o.nth = 1)`);
  await forgetGuesses(connection);
  const known = (value: string): string => `CASE WHEN NOT o.failed THEN ${value} END`;
  const failed = options.failureQuality === null ? 'NULL' : String(options.failureQuality);
  const isComputed = `(o.price IS NOT NULL AND (o."costUsd" IS NULL OR o.guessed OR o."costSource" = 'computed') AND NOT o.failed) IS TRUE`;
  const values: Partial<Record<OutcomeField, string>> = {
    candidate: 'o.candidate',
    quality: `CASE WHEN o.failed THEN ${failed} WHEN ${AWAITING_DECISION} THEN d.quality END`,
    costUsd: known(`CASE WHEN ${isComputed} THEN o.price WHEN NOT o.guessed THEN o."costUsd" END`),
    latencyMs: known('o."latencyMs"'),
    // Who answers after a fallback was not drawn by the policy.
    propensity: 'CASE WHEN o.candidate = d.decided THEN d.propensity END',
    metadata: `json_merge_patch('{}', json_object('artifactId', json_extract(d.metadata, '$.artifactId'), 'decided', d.decided,
        'answeredAt', o."saidAt", 'failed', CASE WHEN o.failed THEN true END, 'error', o.error,
        'costSource', ${known(`CASE WHEN ${isComputed} THEN 'computed' ELSE o."costSource" END`)},
        'propensities', CASE WHEN o.candidate = d.decided THEN json_extract(d.metadata, '$.propensities') END,
        'scoredAt', CASE WHEN NOT o.failed AND ${AWAITING_DECISION} THEN json_extract(d.metadata, '$.scoredAt') END))`,
  };
  // What was asked is the decision's, what was measured the outcome's.
  const columns = OUTCOME_FIELDS.map((field) => {
    const { kind, of } = columnOf(field);
    const isMeasured = kind === 'amount' || SAID_FIELDS.some((said) => said === field);
    const other = of === 'request' ? `d."${field}"` : isMeasured ? `o."${field}"` : 'NULL';
    return values[field] ?? other;
  });
  const made =
    await connection.runAndReadAll(`INSERT INTO staged (file, line, reason, absent, derived, ${STAGED_COLUMNS})
    SELECT o.file, o.line, NULL, false, ${isComputed}, ${columns.join(', ')}
    FROM carried_out AS o JOIN decisions AS d ON d."requestId" = o.id`);
  await connection.run('DROP TABLE carried_out');
  await connection.run('DROP TABLE decisions');
  const settled = await settleAwaiting(connection);
  const [[partners]] = await rows(
    `SELECT count(*) FROM outcomes WHERE id IN (SELECT "requestId" FROM staged WHERE ${USABLE})`,
  );
  // Each outcome's row was counted where it was made; what it was made of was not.
  const recordsJoined = Number(partners) + settled - Number(made.getRows()[0]?.[0] ?? 0);
  return { recordsJoined, rowsUpdated: Number(updated), said: Number(partners) };
}

/**
 * A decision whose outcome is known is no row of its own any more.
 * @returns how many records of the log such decisions were.
 */
async function settleAwaiting(connection: DuckDBConnection): Promise<number> {
  if (!(await hasRows(connection, 'staged', `${USABLE} AND ${AWAITING}`))) return 0;
  const settled = `${USABLE} AND ${AWAITING}
    AND "requestId" IN (SELECT "requestId" FROM staged WHERE ${USABLE} AND NOT ${AWAITING})`;
  const found = await connection.runAndReadAll(
    `SELECT count(*) FROM staged WHERE ${settled} AND file <> ${EXISTING}`,
  );
  await connection.run(`DELETE FROM staged WHERE ${settled}`);
  return Number(found.getRows()[0]?.[0] ?? 0);
}

/**
 * Logs of earlier versions hold what the router expected where no bill was seen. It is counted, and taken out of rows that
 * were made of it before.
 */
async function forgetGuesses(connection: DuckDBConnection): Promise<void> {
  await connection.run(`INSERT INTO ignored_values SELECT file, line, ${quoteText(VALUE_REASONS.expectedCost)}
    FROM carried_out WHERE guessed AND NOT failed`);
  await connection.run(`UPDATE staged SET "costUsd" = o.price, metadata = CASE WHEN o.price IS NULL THEN metadata
      ELSE json_merge_patch(metadata, '{"costSource":"computed"}') END
    FROM carried_out AS o WHERE staged.file = ${EXISTING} AND staged."requestId" = o.id AND staged.candidate = o.candidate
      AND o.guessed AND staged."costUsd" = o."costUsd"`);
}

/**
 * Rows of the table whose cost was computed by other prices than those that are given now are computed again: what is
 * learned is what the next request will cost.
 * @returns how many rows.
 */
export async function repriceRows(connection: DuckDBConnection): Promise<number> {
  if (!(await hasRows(connection, 'staged'))) return 0;
  const changed = await connection.runAndReadAll(`UPDATE staged AS o SET "costUsd" = ${PRICE} FROM prices
    WHERE o.file = ${EXISTING} AND prices.name = o.candidate AND contains(o.metadata, '"costSource"')
      AND json_extract_string(o.metadata, '$.costSource') = 'computed' AND ${PRICE} IS DISTINCT FROM o."costUsd" AND ${PRICE} IS NOT NULL`);
  return Number(changed.getRows()[0]?.[0] ?? 0);
}

/**
 * Gives answers the quality that scores say; of several scores of one answer the last counts. A score of a call comes
 * before one of its trace, and either before what the call itself said, when it is later.
 */
async function joinScores(connection: DuckDBConnection, score: string | undefined): Promise<Joined> {
  const rows = async (query: string): Promise<DuckDBValue[][]> =>
    (await connection.runAndReadAll(query)).getRows();
  const named = await rows('SELECT name, count(*) FROM scores GROUP BY name ORDER BY count(*) DESC, name');
  if (named.length === 0) return { recordsJoined: 0, rowsUpdated: 0, said: 0 };
  const name = score ?? String(named[0][0]);
  if (score === undefined && named.length > 1) {
    throw new UnclearScoresError(
      `The log has scores of ${named.length} names: ${named.map(([each, count]) => `${each} (${count})`).join(', ')}. Say which is the quality: --score ${name}`,
      { names: named.map(([each, count]) => [String(each), Number(count)] as const) },
    );
  }
  const wanted = `name = ${quoteText(name)}`;
  await connection.run(`INSERT INTO staged (file, line, reason, absent, derived) SELECT file, line,
      ${quoteText(LOG_REASONS.otherScore)}, false, false FROM scores WHERE NOT (${wanted})`);
  // Who answered: the last that did not fail. A decision that was never carried out counts as if it was.
  await connection.run(`CREATE TABLE answered AS SELECT DISTINCT "requestId", first_value(candidate) OVER (
      PARTITION BY "requestId" ORDER BY coalesce(${metadata('failed')}, 'false') = 'true', ${metadata('answeredAt')} DESC NULLS LAST, candidate) AS candidate
    FROM staged WHERE ${USABLE} AND "requestId" IN (SELECT id FROM scores WHERE ${wanted} AND "of" = 'call')`);
  const latest = `SELECT *, row_number() OVER (PARTITION BY id, candidate ORDER BY "saidAt" DESC NULLS LAST, file, line) AS nth`;
  await connection.run(`CREATE TABLE given AS
    SELECT id AS "requestId", candidate, value, "saidAt" FROM (${latest} FROM (
      SELECT s.id, coalesce(s.candidate, a.candidate) AS candidate, s.value, s."saidAt", s.file, s.line FROM scores AS s
      JOIN answered AS a ON a."requestId" = s.id WHERE ${wanted} AND "of" = 'call')) WHERE nth = 1`);
  await connection.run(`INSERT INTO given SELECT t."requestId", t.candidate, s.value, s."saidAt"
    FROM (SELECT *, row_number() OVER (PARTITION BY "of", id ORDER BY "saidAt" DESC NULLS LAST, file, line) AS nth
      FROM scores WHERE ${wanted} AND "of" <> 'call') AS s
    JOIN (SELECT DISTINCT "requestId", candidate, unnest(['trace', 'response']) AS "of",
        unnest([${metadata('traceId')}, ${metadata('responseId')}]) AS id FROM staged WHERE ${USABLE}) AS t
      ON t."of" = s."of" AND t.id = s.id
    WHERE s.nth = 1 AND NOT EXISTS (SELECT 1 FROM given WHERE given."requestId" = t."requestId" AND given.candidate = t.candidate)`);
  const isLater = `(quality IS NULL OR coalesce(given."saidAt", '') > coalesce(${metadata('scoredAt')}, ''))`;
  const matches = `staged."requestId" = given."requestId" AND staged.candidate = given.candidate AND ${USABLE}`;
  const [[updated]] = await rows(
    `SELECT count(*) FROM staged JOIN given ON ${matches} WHERE file = ${EXISTING} AND ${isLater}`,
  );
  await connection.run(`UPDATE staged SET quality = given.value,
      metadata = json_merge_patch(metadata, json_object('scoredAt', given."saidAt")) FROM given WHERE ${matches} AND ${isLater}`);
  const isJoined = `CASE WHEN "of" = 'call' THEN id IN (SELECT "requestId" FROM answered)
    WHEN "of" = 'trace' THEN id IN (SELECT ${metadata('traceId')} FROM staged WHERE ${USABLE})
    ELSE id IN (SELECT ${metadata('responseId')} FROM staged WHERE ${USABLE}) END`;
  const [[joined]] = await rows(`SELECT count(*) FROM scores WHERE ${wanted} AND ${isJoined}`);
  await connection.run(`INSERT INTO staged (file, line, reason, absent, derived) SELECT file, line,
      ${quoteText(LOG_REASONS.scoreWithoutCall)}, false, false FROM scores WHERE ${wanted} AND (${isJoined}) IS NOT TRUE`);
  await connection.run('DROP TABLE answered; DROP TABLE given');
  return { recordsJoined: Number(joined), rowsUpdated: Number(updated), said: Number(joined) };
}
