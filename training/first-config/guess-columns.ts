import { DuckDBInstance, type DuckDBValue } from '@duckdb/node-api';
import { REDACTION_PATTERNS, redactJson } from '../ingest/record/format.ts';
import { valueAt } from '../ingest/record/values.ts';
import type { ColumnMap, MapTarget } from '../ingest/sql/layout.ts';
import { agreement, type PaidPrices, paidPrices } from '../outcomes/amounts.ts';
import { comparisonsOf, type OutcomeMatrix } from '../outcomes/matrix.ts';
import { columnOf, OUTCOME_FIELDS, type OutcomeField } from '../outcomes/outcome.ts';
import { formatCount, plural } from '../words.ts';
import { parquetFile } from '../work/scratch-database.ts';
import { ANSWERS, type ColumnFacts, columnFacts, RULES, type Rule } from './column-rules.ts';

/** A column that is taken for a field. */
export interface ColumnGuess {
  readonly field: MapTarget;
  readonly column: string;
  /** What was seen of it: a sentence without its full stop. */
  readonly seen: string;
}

/** A field that no column was taken for, and without which there is no training. */
export interface ColumnGap {
  readonly field: OutcomeField;
  /** What would fit, and why it was not taken: a sentence without its full stop. */
  readonly seen: string;
}

export interface ColumnGuesses {
  readonly taken: readonly ColumnGuess[];
  readonly gaps: readonly ColumnGap[];
}

/** Fields in the order in which columns are given to them. */
const ORDER = Object.keys(RULES) as OutcomeField[];

/**
 * Says which columns of a table are which fields, where their names are none of those that are known.
 * @param rows records of it
 * @param given columns that the user has named, by field
 */
export function guessColumns(rows: readonly object[], given: ColumnMap = {}): ColumnGuesses {
  const columns = columnFacts(rows);
  const records = rows.length;
  const top = new Set(columns.filter(({ path }) => !isInside(path, columns)).map(({ path }) => path));
  const isKnown = (field: OutcomeField): boolean =>
    given[field] !== undefined || columnOf(field).aliases.some((name) => top.has(name));
  const hasPrompt = (['text', 'messages', 'promptHash'] as const).some(isKnown);
  const form = given.outcomes === undefined ? formOf(columns, top) : 'wide';
  const isInCells = (field: OutcomeField): boolean => columnOf(field).of !== 'request';
  const used = new Set([
    ...OUTCOME_FIELDS.flatMap((field) => columnOf(field).aliases),
    ...Object.values(given),
  ]);
  const left = (): ColumnFacts[] =>
    columns.filter(({ path }) => !used.has(path) && !path.startsWith('outcomes.'));
  const taken: ColumnGuess[] = [];
  const missing: ('text' | 'candidate' | 'quality')[] = [];
  for (const field of ORDER) {
    const isPrompt = field === 'text' || field === 'messages';
    if (isKnown(field) || (isPrompt && hasPrompt) || (form !== 'long' && isInCells(field))) continue;
    if (isPrompt && taken.some((guess) => guess.field === 'messages')) continue;
    const guess = guessField(field, left(), records);
    if (guess !== null) {
      taken.push(guess);
      used.add(guess.column);
    } else if (field === 'text' || field === 'candidate' || field === 'quality') missing.push(field);
  }
  // What is left once all have been given theirs.
  const gaps: ColumnGap[] = missing.map((field) => gapOf(field, left(), records));
  if (given.requestId === undefined) {
    const columnFor = (field: 'requestId' | 'text' | 'messages' | 'candidate'): string | null =>
      given[field] ??
      taken.find((guess) => guess.field === field)?.column ??
      columnOf(field).aliases.find((name) => top.has(name)) ??
      null;
    const named = taken.find(({ field }) => field === 'requestId') ?? null;
    const candidate = form === 'long' ? columnFor('candidate') : null;
    const found = guessRequestId(
      rows,
      {
        id: columnFor('requestId'),
        prompt: columnFor('text'),
        hasMessages: columnFor('messages') !== null,
        candidate,
      },
      named,
    );
    if (found !== named && named !== null) taken.splice(taken.indexOf(named), 1);
    if (found !== null && found !== named) 'column' in found ? taken.push(found) : gaps.push(found);
  }
  return { taken, gaps };
}

/** Where a log of another program may have its ratings: in fields of its users' own. */
export function guessQuality(rows: readonly object[]): ColumnGuess | null {
  return guessField('quality', columnFacts(rows), rows.length);
}

function guessField(
  field: OutcomeField,
  columns: readonly ColumnFacts[],
  records: number,
): ColumnGuess | null {
  const rule = RULES[field]!;
  const ranked = columns
    .map((facts) => ({ facts, rank: rankOf(facts.words, rule) }))
    .filter(({ facts, rank }) => rank !== null && rule.fits(facts))
    // What few records have is likelier something else.
    .sort(
      (a, b) =>
        Number(a.facts.given < 0.1 * records) - Number(b.facts.given < 0.1 * records) || a.rank! - b.rank!,
    );
  const [best] = ranked;
  if (best === undefined) return fallback(field, columns, records);
  const others = ranked.slice(1, 4).map(({ facts }) => facts.path);
  const also = others.length === 0 ? '' : `; ${others.join(', ')} might be meant too`;
  return { field, column: best.facts.path, seen: rule.seen(best.facts, records) + also };
}

/** A prompt is known by its looks: the longest texts that are no answers. */
function fallback(field: OutcomeField, columns: readonly ColumnFacts[], records: number): ColumnGuess | null {
  const rule = RULES[field]!;
  if (field === 'messages') {
    const [lists] = columns.filter(
      (facts) => rule.fits(facts) && !facts.words.some((word) => ANSWERS.includes(word)),
    );
    return lists === undefined ? null : { field, column: lists.path, seen: rule.seen(lists, records) };
  }
  if (field !== 'text') return null;
  const texts = columns.filter(
    (facts) =>
      rule.fits(facts) &&
      facts.given >= 0.5 * records &&
      !facts.words.some((word) => rule.not.includes(word)),
  );
  // Several could be anything: a system's prompt, an answer, a remark.
  return texts.length === 1 ? { field, column: texts[0].path, seen: rule.seen(texts[0], records) } : null;
}

/** @returns the place of the rule's name that the words hold, the whole name before a part; null where they hold none. */
function rankOf(own: readonly string[], { names, not }: Rule): number | null {
  if (own.some((word) => not.includes(word))) return null;
  const whole = names.findIndex((name) => name.join('') === own.join(''));
  if (whole >= 0) return whole;
  const part = names.findIndex((name) => name.every((word) => own.includes(word)));
  return part < 0 ? null : names.length + part;
}

function gapOf(
  field: 'text' | 'candidate' | 'quality',
  columns: readonly ColumnFacts[],
  records: number,
): ColumnGap {
  const whats = { text: 'prompts', candidate: 'names of models', quality: 'ratings' };
  const fitting = columns.filter((facts) => RULES[field]!.fits(facts)).slice(0, 8);
  const might =
    fitting.length === 0
      ? ''
      : `; by what they hold, it might be ${fitting.map(({ path }) => path).join(', ')}`;
  return {
    field,
    seen: `No column was taken for ${whats[field]} in ${plural(records, 'record')} that were looked at${might}`,
  };
}

function formOf(columns: readonly ColumnFacts[], top: ReadonlySet<string>): 'long' | 'wide' | 'paired' {
  if (columns.some(({ objects, path }) => path === 'outcomes' && objects > 0)) return 'wide';
  return !top.has('candidate') && [...top].some((name) => top.has(`${name}|total_cost`)) ? 'paired' : 'long';
}

function isInside(path: string, columns: readonly ColumnFacts[]): boolean {
  const [first] = path.split('.');
  return path !== first && columns.some((facts) => facts.path === first && facts.objects > 0);
}

/** Columns that other fields are read from; null: none, or none that holds a plain text. */
interface Columns {
  readonly id: string | null;
  readonly prompt: string | null;
  readonly hasMessages: boolean;
  readonly candidate: string | null;
}

/** Fewer records do not tell whether prompts come again. */
const FEWEST = 20;

/** So large a share of the records may be prompts that were not seen before. */
const MOST_NEW = 0.6;

const NONE = 'No column was taken for ids of requests';
const SAME = 'rows with the same prompt are one request, with one answer of each candidate';

/**
 * Says which column tells one request from another. Answers of several candidates to one prompt belong together, also where each
 * row has an id of its own.
 * @param guess what the column of ids was taken for, by its name
 * @returns null where nothing needs to be said: the ids are known by their name, and are those of requests
 */
function guessRequestId(
  records: readonly object[],
  columns: Columns,
  guess: ColumnGuess | null,
): ColumnGuess | ColumnGap | null {
  const { hasMessages, id, prompt } = columns;
  // Of messages, ingest makes the ids itself.
  if (id === null && prompt === null && hasMessages) return null;
  if (id === null && prompt === null)
    return { field: 'requestId', seen: `${NONE}: rows need one, the same for all answers to one request` };
  if (prompt === null) return guess;
  if (id === null) return { field: 'requestId', column: prompt, seen: `${NONE}; so ${SAME}` };
  const asked = promptsOfRows(records, columns);
  if (asked === null) return guess;
  const seen =
    `Each of ${formatCount(records.length)} records has an id of its own (${id}), and their ${formatCount(asked)} prompts were ` +
    `asked of several candidates, none twice of one; so ${SAME}`;
  return { field: 'requestId', column: prompt, seen };
}

/** @returns how many prompts there are, where ids are of rows and prompts come again for other candidates; else null */
function promptsOfRows(records: readonly object[], { candidate, id, prompt }: Columns): number | null {
  if (candidate === null || records.length < FEWEST) return null;
  const [ids, prompts, pairs] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (const record of records) {
    const [own, text, name] = [id!, prompt!, candidate].map((path) => valueAt(record, path));
    if (own == null || typeof text !== 'string' || typeof name !== 'string') return null;
    ids.add(String(own));
    prompts.add(text);
    pairs.add(JSON.stringify([text, name]));
  }
  const areOfRows = ids.size === records.length && pairs.size === records.length;
  return areOfRows && prompts.size <= MOST_NEW * records.length ? prompts.size : null;
}

/** What a table says of one candidate. */
export interface CandidateLook {
  readonly name: string;
  readonly rows: number;
  readonly scored: number;
  /** Mean quality, 0 to 1, of the rows that have one. */
  readonly meanQuality: number | null;
  readonly costs: number;
  readonly meanCostUsd: number | null;
  /** Rows that say how many tokens were read and written. */
  readonly tokens: number;
  /** What its bills agree on, and how well; null where they do not. */
  readonly prices: (PaidPrices & { readonly bills: number; readonly medianError: number }) | null;
}

/** What a table of outcomes says, beside what its ingest has told. */
export interface RowsLook {
  readonly rows: number;
  readonly scored: number;
  /** Of the qualities, 0 to 1. */
  readonly lowest: number | null;
  readonly highest: number | null;
  /** Comparisons of two answers, which do in the place of scores. */
  readonly compared: number;
  /** Rows that say when they were asked. */
  readonly dated: number;
  /** Sorted by name. */
  readonly candidates: readonly CandidateLook[];
  readonly personal: PersonalLook;
}

/** What prompts hold that `--redact` would take out. */
export interface PersonalLook {
  /** Prompts that were looked at. */
  readonly prompts: number;
  readonly withAny: number;
  /** Prompts that hold each kind: `EMAIL`. */
  readonly kinds: Readonly<Record<string, number>>;
}

const MOST_PROMPTS = 1000;
const LONGEST = 20_000;

/** Looks at an outcomes table. @param matrix the same table */
export async function lookAtRows(table: string, matrix: OutcomeMatrix): Promise<RowsLook> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  const rows = async (query: string): Promise<DuckDBValue[][]> =>
    (await connection.runAndReadAll(query)).getRows();
  const from = `FROM ${parquetFile(table)}`;
  try {
    const [[count, scored, lowest, highest, dated]] = await rows(
      `SELECT count(*), count(quality), min(quality), max(quality), count("timestamp") ${from}`,
    );
    const groups = await rows(
      `SELECT candidate, count(*), count(quality), avg(quality), count("costUsd"), avg("costUsd"),
        count(*) FILTER ("inputTokens" IS NOT NULL AND "outputTokens" IS NOT NULL) ${from} GROUP BY candidate ORDER BY candidate`,
    );
    const prompts = await rows(
      `SELECT any_value("text"), any_value(messages) ${from} GROUP BY "requestId" ORDER BY "requestId" LIMIT ${MOST_PROMPTS}`,
    );
    return {
      rows: Number(count),
      scored: Number(scored),
      lowest: numberOrNull(lowest),
      highest: numberOrNull(highest),
      compared: comparisonsOf(matrix).length,
      dated: Number(dated),
      candidates: groups.map(([name, ...counts]) => candidateLook(String(name), counts, matrix)),
      personal: lookForPersonal(prompts.flatMap(([text, messages]) => promptOf(text, messages))),
    };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

function candidateLook(name: string, counts: DuckDBValue[], matrix: OutcomeMatrix): CandidateLook {
  const [rows, scored, meanQuality, costs, meanCostUsd, tokens] = counts;
  return {
    name,
    rows: Number(rows),
    scored: Number(scored),
    meanQuality: numberOrNull(meanQuality),
    costs: Number(costs),
    meanCostUsd: numberOrNull(meanCostUsd),
    tokens: Number(tokens),
    prices: roundedPrices(matrix, matrix.candidates.indexOf(name)),
  };
}

/** With as few digits as agree with the bills as well. */
function roundedPrices(matrix: OutcomeMatrix, c: number): CandidateLook['prices'] {
  const prices = c < 0 ? null : paidPrices(matrix, c);
  if (prices === null) return null;
  const exact = agreement(matrix, c, prices);
  for (const digits of [2, 3, 4, 5]) {
    const rounded = {
      inputPricePerMillionTokens: Number(prices.inputPricePerMillionTokens.toPrecision(digits)),
      outputPricePerMillionTokens: Number(prices.outputPricePerMillionTokens.toPrecision(digits)),
    };
    const found = agreement(matrix, c, rounded);
    if (found.medianError <= exact.medianError + 0.001) return { ...rounded, ...found };
  }
  return { ...prices, ...exact };
}

function promptOf(text: DuckDBValue, messages: DuckDBValue): unknown[] {
  if (text !== null) return [String(text).slice(0, LONGEST)];
  return messages === null || String(messages).length > LONGEST ? [] : [JSON.parse(String(messages))];
}

/** Counts prompts, texts or lists of messages, that hold something personal. */
function lookForPersonal(prompts: readonly unknown[]): PersonalLook {
  const names = [...new Set([...REDACTION_PATTERNS.map(({ name }) => name), 'PHONE'])];
  const kinds: Record<string, number> = {};
  let withAny = 0;
  for (const prompt of prompts) {
    const [before, after] = [JSON.stringify(prompt), JSON.stringify(redactJson(prompt))];
    if (before === after) continue;
    withAny++;
    for (const name of names) {
      const marks = (text: string): number => text.split(`[${name}]`).length;
      if (marks(after) > marks(before)) kinds[name] = (kinds[name] ?? 0) + 1;
    }
  }
  return { prompts: prompts.length, withAny, kinds };
}

function numberOrNull(value: DuckDBValue): number | null {
  return value === null ? null : Number(value);
}
