import { readTextRating } from '../ingest/score-words.ts';
import { readNumber, readTimestamp } from '../outcomes/column-values.ts';
import type { OutcomeField } from '../outcomes/outcome.ts';
import { formatCount, plural } from '../words.ts';

/** What is looked for where no column has one of the names that are known. */
export interface Rule {
  /** Names, as their words; one with more of them, or earlier in the list, comes first. */
  readonly names: readonly (readonly string[])[];
  /** Words of names that say something else. */
  readonly not: readonly string[];
  readonly fits: (facts: ColumnFacts) => boolean;
  readonly seen: (facts: ColumnFacts, records: number) => string;
}

const words = (list: string): string[][] => list.split(' ').map((name) => name.split('_'));
const most = (count: number, { given }: ColumnFacts): boolean => given > 0 && count >= 0.8 * given;
const ofAll = (count: number, records: number): string =>
  `${formatCount(count)} of ${plural(records, 'record')}`;
const span = ({ highest, lowest }: ColumnFacts): string =>
  lowest === highest ? `always ${lowest}` : `${lowest} to ${highest}`;
const distinctCount = ({ distinct }: ColumnFacts): string =>
  distinct.size < MOST_DISTINCT ? formatCount(distinct.size) : `at least ${formatCount(MOST_DISTINCT)}`;

/** Words of the names of what a model has said. */
export const ANSWERS = [
  'answer',
  'response',
  'output',
  'completion',
  'reply',
  'generated',
  'expected',
  'reference',
  'gold',
];
const AMOUNT = (facts: ColumnFacts): boolean => most(facts.numbers, facts) && facts.lowest >= 0;
const WHOLE = ['max', 'limit', 'budget', 'total', 'quota'];
const numbersSeen = (unit: string) => (facts: ColumnFacts, records: number) =>
  `A number in ${ofAll(facts.numbers, records)}, ${span(facts)}${unit}`;

const MOST_DISTINCT = 2000;

export const RULES: Readonly<Partial<Record<OutcomeField, Rule>>> = {
  candidate: {
    names: words(
      'candidate llm_model model_name model llm engine deployment model_id modelname assistant bot route backend provider modell modelo modèle modele',
    ),
    not: ['version', 'price', 'cost', 'tokens', 'params', 'config', 'url', 'latency'],
    fits: (facts) =>
      most(facts.texts, facts) &&
      facts.meanLength <= 80 &&
      facts.distinct.size <= Math.max(30, facts.given / 20),
    seen: ({ distinct, given }, records) => {
      const names = [...distinct].sort();
      return `A name in ${ofAll(given, records)}, ${names.length === 1 ? 'always this one' : `${formatCount(names.length)} different ones`}: ${names.slice(0, 6).join(', ')}${names.length > 6 ? ', ...' : ''}`;
    },
  },
  quality: {
    names: words(
      'quality score rating stars grade ratings user_rating reward satisfaction csat thumbs thumb thumbs_up feedback correct passed pass is_correct mark marks vote helpful evaluation eval judge_score bewertung sterne note nota',
    ),
    not: [
      'count',
      'id',
      'at',
      'time',
      'date',
      'text',
      'comment',
      'reason',
      'by',
      'max',
      'min',
      'ms',
      'model',
    ],
    fits: (facts) => most(facts.ratings, facts),
    seen: (facts, records) =>
      `A rating in ${ofAll(facts.ratings, records)}${facts.numbers > 0 ? `, ${span(facts)}` : ''}`,
  },
  messages: {
    names: words(
      'messages conversation chat history turns dialog dialogue transcript prompt_messages input request',
    ),
    not: ANSWERS,
    fits: (facts) => most(facts.conversations, facts),
    seen: ({ conversations }, records) => `Messages in ${ofAll(conversations, records)}`,
  },
  text: {
    names: words(
      'prompt_text user_prompt prompt question query user_query user_message user_msg message_text instruction instructions user_input input message msg text ask utterance request content body',
    ),
    not: [...ANSWERS, 'id', 'model', 'system', 'time', 'tokens', 'type', 'role', 'lang', 'language'],
    fits: (facts) =>
      most(facts.texts, facts) && facts.sentences >= 0.3 * facts.given && facts.distinct.size > 1,
    seen: ({ meanLength, texts }, records) =>
      `A text in ${ofAll(texts, records)}, ${Math.round(meanLength)} characters long on average`,
  },
  costUsd: {
    names: words('cost_usd usd_cost price_usd usd dollars cost spend spent price charge charged bill'),
    not: [
      ...WHOLE.filter((word) => word !== 'total'),
      'cents',
      'cent',
      'eur',
      'gbp',
      'jpy',
      'per',
      'million',
      'input',
      'output',
      'saved',
      'expected',
      'unit',
    ],
    fits: AMOUNT,
    seen: numbersSeen('; taken for US dollars'),
  },
  latencyMs: {
    names: words(
      'latency_ms duration_ms elapsed_ms took_ms response_ms response_time_ms time_ms ms millis milliseconds',
    ),
    not: ['ttft', 'first', 'queue', ...WHOLE],
    fits: AMOUNT,
    seen: numbersSeen('; taken for milliseconds, as its name says'),
  },
  inputTokens: {
    names: words(
      'input_tokens tokens_in prompt_tokens tokens_prompt tokens_input in_tokens input_tok prompt_tok tok_in n_input_tokens',
    ),
    not: ['cached', 'cache', 'price', 'cost', ...WHOLE],
    fits: AMOUNT,
    seen: numbersSeen(''),
  },
  outputTokens: {
    names: words(
      'output_tokens tokens_out completion_tokens tokens_completion tokens_output out_tokens output_tok completion_tok tok_out n_output_tokens',
    ),
    not: ['cached', 'price', 'cost', 'reasoning', ...WHOLE],
    fits: AMOUNT,
    seen: numbersSeen(''),
  },
  timestamp: {
    names: words(
      'timestamp created_at created sent_at asked_at logged_at requested_at start_time started_at datetime date_time date time ts when at',
    ),
    not: ['end', 'ended', 'finished', 'updated', 'deleted'],
    fits: (facts) => most(facts.times, facts),
    seen: ({ times }, records) => `A time in ${ofAll(times, records)}`,
  },
  requestId: {
    names: words(
      'request_id req_id requestid prompt_id query_id question_id message_id msg_id call_id log_id event_id row_id record_id item_id example_id uuid guid uid key id',
    ),
    not: [
      'user',
      'session',
      'customer',
      'account',
      'tenant',
      'org',
      'project',
      'model',
      'thread',
      'conversation',
      'chat',
      'api',
      'parent',
    ],
    fits: (facts) => facts.given > 0 && facts.distinct.size >= Math.min(MOST_DISTINCT, 0.1 * facts.given),
    seen: (facts, records) =>
      `An id in ${ofAll(facts.given, records)}, ${distinctCount(facts)} different ones`,
  },
  task: {
    names: words('task task_name category topic intent use_case usecase kind label domain'),
    not: ['id', 'model'],
    fits: (facts) =>
      most(facts.texts, facts) &&
      facts.distinct.size <= Math.min(50, facts.given / 10) &&
      facts.meanLength <= 40,
    seen: ({ distinct, given }, records) =>
      `A word in ${ofAll(given, records)}, ${formatCount(distinct.size)} different ones`,
  },
};

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
