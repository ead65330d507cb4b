import { COLUMN_ALIASES } from '../outcomes/column-aliases.ts';
import type { ColumnMap, MapTarget } from '../outcomes/detect-layout.ts';
import type { OutcomeField } from '../outcomes/outcome-fields.ts';
import { plural } from '../words/format-number.ts';
import { type ColumnFacts, MOST_DISTINCT } from './column-facts.ts';

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

/** What is looked for where no column has one of the names that are known. */
interface Rule {
  /** Names, as their words; one with more of them, or earlier in the list, comes first. */
  readonly names: readonly (readonly string[])[];
  /** Words of names that say something else. */
  readonly not: readonly string[];
  readonly fits: (facts: ColumnFacts) => boolean;
  readonly seen: (facts: ColumnFacts, records: number) => string;
}

const words = (list: string): string[][] => list.split(' ').map((name) => name.split('_'));
const most = (count: number, { given }: ColumnFacts): boolean => given > 0 && count >= 0.8 * given;
const shown = (count: number): string => count.toLocaleString('en-US');
const ofAll = (count: number, records: number): string => `${shown(count)} of ${plural(records, 'record')}`;
const span = ({ highest, lowest }: ColumnFacts): string => `${lowest} to ${highest}`;
const distinctCount = ({ distinct }: ColumnFacts): string =>
  distinct.size < MOST_DISTINCT ? shown(distinct.size) : `at least ${shown(MOST_DISTINCT)}`;

const ANSWERS = [
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

const RULES: Readonly<Partial<Record<OutcomeField, Rule>>> = {
  candidate: {
    names: words(
      'candidate llm_model model_name model llm engine deployment model_id modelname assistant bot route backend provider',
    ),
    not: ['version', 'price', 'cost', 'tokens', 'params', 'config', 'url', 'latency'],
    fits: (facts) =>
      most(facts.texts, facts) &&
      facts.meanLength <= 80 &&
      facts.distinct.size <= Math.max(30, facts.given / 20),
    seen: ({ distinct, given }, records) => {
      const names = [...distinct].sort();
      return `A name in ${ofAll(given, records)}, ${names.length === 1 ? 'always this one' : `${shown(names.length)} different ones`}: ${names.slice(0, 6).join(', ')}${names.length > 6 ? ', ...' : ''}`;
    },
  },
  quality: {
    names: words(
      'quality score rating stars grade ratings user_rating reward satisfaction csat thumbs thumb thumbs_up feedback correct passed pass is_correct mark marks vote helpful evaluation eval judge_score',
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
      `A word in ${ofAll(given, records)}, ${shown(distinct.size)} different ones`,
  },
};

/** Fields in the order in which columns are given to them. */
const ORDER = Object.keys(RULES) as OutcomeField[];

/**
 * Says which columns of a table are which fields, where their names are none of those that are known.
 * @param columns what was seen of all places of its records
 * @param records how many were looked at
 * @param given columns that the user has named, by field
 */
export function guessColumns(
  columns: readonly ColumnFacts[],
  records: number,
  given: ColumnMap = {},
): ColumnGuesses {
  const top = new Set(columns.filter(({ path }) => !isInside(path, columns)).map(({ path }) => path));
  const isKnown = (field: OutcomeField): boolean =>
    given[field] !== undefined || COLUMN_ALIASES[field].some((name) => top.has(name));
  const hasPrompt = (['text', 'messages', 'promptHash'] as const).some(isKnown);
  const form = given.outcomes === undefined ? formOf(columns, top) : 'wide';
  const inCells = ['candidate', 'quality', 'costUsd', 'latencyMs', 'inputTokens', 'outputTokens'];
  const used = new Set([...Object.values(COLUMN_ALIASES).flat(), ...Object.values(given)]);
  const left = (): ColumnFacts[] =>
    columns.filter(({ path }) => !used.has(path) && !path.startsWith('outcomes.'));
  const taken: ColumnGuess[] = [];
  const missing: ('text' | 'candidate' | 'quality')[] = [];
  for (const field of ORDER) {
    const isPrompt = field === 'text' || field === 'messages';
    if (isKnown(field) || (isPrompt && hasPrompt) || (form !== 'long' && inCells.includes(field))) continue;
    if (isPrompt && taken.some((guess) => guess.field === 'messages')) continue;
    const guess = guessField(field, left(), records);
    if (guess !== null) {
      taken.push(guess);
      used.add(guess.column);
    } else if (field === 'text' || field === 'candidate' || field === 'quality') missing.push(field);
  }
  // What is left once all have been given theirs.
  const gaps: ColumnGap[] = missing.map((field) => gapOf(field, left(), records));
  if (!isKnown('requestId') && !taken.some(({ field }) => field === 'requestId')) {
    const prompt =
      given.text ??
      taken.find(({ field }) => field === 'text')?.column ??
      COLUMN_ALIASES.text.find((name) => top.has(name));
    const none = 'No column was taken for ids of requests';
    const same = 'rows with the same prompt are one request, with one answer of each candidate';
    if (prompt === undefined)
      gaps.push({ field: 'requestId', seen: `${none}; with that of the prompts, ${same}` });
    else taken.push({ field: 'requestId', column: prompt, seen: `${none}; so ${same}` });
  }
  return { taken, gaps };
}

/** Where a log of another program may have its ratings: in fields of its users' own. */
export function guessQuality(columns: readonly ColumnFacts[], records: number): ColumnGuess | null {
  return guessField('quality', columns, records);
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
