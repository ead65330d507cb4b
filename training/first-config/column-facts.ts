import { readNumber, readTimestamp } from '../outcomes/outcome.ts';
import { readTextRating } from '../outcomes/rating-text.ts';

/** What the records of a log have in one place. */
export interface ColumnFacts {
  /** As `--map` has it: dots go into objects. */
  readonly path: string;
  /** The words of its last name, in small letters: `userMsg_2` is `user`, `msg`, `2`. */
  readonly words: readonly string[];
  /** Records that have something there: not null, nor an empty text. */
  readonly given: number;
  readonly texts: number;
  /** Numbers, also as text. */
  readonly numbers: number;
  /** Numbers, `true` and `false`, and texts that say how good something was. */
  readonly ratings: number;
  /** Lists of objects with a role. */
  readonly conversations: number;
  /** Objects, also as JSON text. */
  readonly objects: number;
  /** Times, as texts or since 1970. */
  readonly times: number;
  /** Of texts, in characters. */
  readonly meanLength: number;
  /** Texts that have white space in them. */
  readonly sentences: number;
  /** Different texts and numbers; no more are counted than `MOST_DISTINCT`. */
  readonly distinct: ReadonlySet<string>;
  /** Of the numbers. */
  readonly lowest: number;
  readonly highest: number;
}

export const MOST_DISTINCT = 2000;
const MOST_COLUMNS = 1000;
const DEEPEST = 4;

type Gathered = { -readonly [K in keyof ColumnFacts]: ColumnFacts[K] } & {
  distinct: Set<string>;
  length: number;
};

/** Looks at all places of records, in the order in which they come. */
export function columnFacts(records: readonly object[]): ColumnFacts[] {
  const columns = new Map<string, Gathered>();
  for (const record of records) gather(record, '', 1, columns);
  return [...columns.values()].map(({ length, ...facts }) => ({
    ...facts,
    meanLength: facts.texts === 0 ? 0 : length / facts.texts,
  }));
}

function gather(record: object, prefix: string, depth: number, columns: Map<string, Gathered>): void {
  for (const [name, value] of Object.entries(record)) {
    // A name with a dot cannot be told from a way into an object.
    if (name === '' || (prefix !== '' && name.includes('.'))) continue;
    const path = prefix + name;
    note(value, path, columns);
    if (isRecord(value) && depth < DEEPEST && !name.includes('.'))
      gather(value, `${path}.`, depth + 1, columns);
  }
}

function note(value: unknown, path: string, columns: Map<string, Gathered>): void {
  let facts = columns.get(path);
  if (facts === undefined) {
    if (columns.size >= MOST_COLUMNS) return;
    facts = unseen(path);
    columns.set(path, facts);
  }
  if (value === null || value === undefined || value === '') return;
  facts.given++;
  if (typeof value === 'object') {
    if (isRecord(value)) facts.objects++;
    else if (isConversation(value)) facts.conversations++;
    return;
  }
  const text = String(value);
  if (facts.distinct.size < MOST_DISTINCT) facts.distinct.add(text.slice(0, 200));
  const read = readNumber(value);
  const number = typeof read === 'number' ? read : Number.NaN;
  if (Number.isFinite(number)) {
    facts.numbers++;
    facts.lowest = Math.min(facts.lowest, number);
    facts.highest = Math.max(facts.highest, number);
  }
  if (typeof value === 'boolean' || Number.isFinite(number) || readTextRating(text) !== null) facts.ratings++;
  if (isTime(value)) facts.times++;
  if (typeof value !== 'string') return;
  facts.texts++;
  facts.length += value.length;
  if (/\s/.test(value.trim())) facts.sentences++;
  const parsed = /^\s*[[{]/.test(value) ? parse(value) : null;
  if (isConversation(parsed)) facts.conversations++;
  else if (isRecord(parsed)) facts.objects++;
}

function unseen(path: string): Gathered {
  return {
    path,
    words: wordsOf(path.slice(path.lastIndexOf('.') + 1)),
    ...{ given: 0, texts: 0, numbers: 0, ratings: 0, conversations: 0, objects: 0, times: 0 },
    ...{ length: 0, meanLength: 0, sentences: 0, distinct: new Set<string>() },
    lowest: Number.POSITIVE_INFINITY,
    highest: Number.NEGATIVE_INFINITY,
  };
}

/** @returns the words that a name is put together from */
export function wordsOf(name: string): string[] {
  return name
    .replace(/([\p{Ll}\d])(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isConversation(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((each) => isRecord(each) && 'role' in each);
}

/** A time of this century, as the table reads it. */
function isTime(value: unknown): boolean {
  const time = typeof value === 'boolean' ? null : readTimestamp(value);
  return typeof time === 'string' && /^20\d\d-\d\d-\d\dT[\d:.]+Z$/.test(time);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
