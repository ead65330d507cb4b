import { createHash } from 'node:crypto';
import { LOG_REASONS, type LogDocument, type RefusedEntry, type ScoreEntry } from './format.ts';

/** No log nests what it says deeper; what follows a value further could run out of stack. */
const DEEPEST = 100;

/** Thrown where a record, or a JSON text in it, is nested deeper than any log nests. */
export class NestedTooDeepError extends Error {}

/** @throws NestedTooDeepError when a parsed value has more than 100 levels. */
export function refuseDeepNesting(value: unknown): void {
  if (isDeeperThan(value, DEEPEST)) throw new NestedTooDeepError();
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  for (const name in value) if (isDeeperThan((value as LogDocument)[name], levels - 1)) return true;
  return false;
}

/** A non-empty string, or null. Whole numbers are names too. */
export function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value === '' ? null : value;
  return Number.isSafeInteger(value) ? String(value) : null;
}

/** Whether a value is an object with names: no list, no null. */
export function isObject(value: unknown): value is LogDocument {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object, also where it comes as JSON text, as CSV files and some exports have it; else null. */
export function objectOf(value: unknown): LogDocument | null {
  const parsed = jsonOf(value);
  return isObject(parsed) ? parsed : null;
}

/** A list, also where it comes as JSON text; else null. */
export function listOf(value: unknown): readonly unknown[] | null {
  const parsed = jsonOf(value);
  return Array.isArray(parsed) ? parsed : null;
}

/** A finite number, also where it comes as text; else null. */
export function numberOf(value: unknown): number | null {
  if (typeof value === 'string' && value.trim() === '') return null;
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}

/** The first of the names whose value is there: neither missing, nor null, nor an empty text. */
export function firstGiven(document: LogDocument | null, names: readonly string[]): unknown {
  for (const name of names) {
    const value = document?.[name];
    if (value != null && value !== '') return value;
  }
  return undefined;
}

/**
 * What a JSON text holds, or an object or a list as Python prints it; anything else as it is.
 * @throws NestedTooDeepError
 */
export function jsonOf(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{"]/.test(value)) return value;
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    parsed = /^\s*[[{][[{(\s]*'/.test(value) ? pythonLiteral(value) : undefined;
    if (parsed === undefined) return value;
  }
  refuseDeepNesting(parsed);
  return parsed;
}

/** Whether a text begins as JSON does, and is none: most often its end was cut off. */
export function isBrokenJson(text: string): boolean {
  return /^\s*(\{|\[\s*[{"\]])/.test(text) && jsonOf(text) === text;
}

/** The value at a path such as `metadata.scores.0.value`; undefined where there is none. A whole name comes first. */
export function valueAt(document: unknown, path: string): unknown {
  const holder = jsonOf(document) as Record<string, unknown> | null;
  if (typeof holder !== 'object' || holder === null) return undefined;
  if (path in holder) return holder[path];
  for (let dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', dot + 1)) {
    const head = path.slice(0, dot);
    if (!(head in holder)) continue;
    const found = valueAt(holder[head], path.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Milliseconds since 1970 of an ISO time (UTC unless it says otherwise), seconds or milliseconds; else null. */
export function millisecondsOf(value: unknown): number | null {
  const number = numberOf(value);
  if (number !== null) return number >= 1e11 ? number : number * 1000;
  if (typeof value !== 'string') return null;
  const iso = value.trim().replace(' ', 'T');
  const ms = Date.parse(/(Z|[+-]\d{2}:?\d{2})$/.test(iso) ? iso : `${iso}Z`);
  return Number.isNaN(ms) ? null : ms;
}

/** Milliseconds from one time to another; null where either is unknown, or clocks were set back between them. */
export function millisecondsBetween(start: unknown, end: unknown): number | null {
  const [from, to] = [millisecondsOf(start), millisecondsOf(end)];
  return from === null || to === null || to < from ? null : to - from;
}

const TOKEN =
  /'([^'\\]*(?:\\[\s\S][^'\\]*)*)'|"([^"\\]*(?:\\[\s\S][^"\\]*)*)"|\b(?:None|True|False)\b|[[\]{}(),:]|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\s+/y;
const WORDS: Readonly<Record<string, string>> = {
  None: 'null',
  True: 'true',
  False: 'false',
  '(': '[',
  ')': ']',
};
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', '\n': '' };

/**
 * A dictionary or list as Python prints it, which is what pandas writes into CSV files: with single quotes, `None`,
 * `True`. Runs in linear time.
 * @returns the value; undefined where the text is no such thing.
 */
export function pythonLiteral(text: string): unknown {
  const json: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const token = TOKEN.exec(text);
    if (token === null) return undefined;
    const words = token[1] ?? token[2];
    // Python ends lists with a comma, JSON does not.
    if (/^[\])}]$/.test(token[0]) && json.at(-1) === ',') json.pop();
    if (words !== undefined) json.push(JSON.stringify(unescaped(words)));
    else if (token[0].trim() !== '') json.push(WORDS[token[0]] ?? token[0]);
  }
  try {
    return JSON.parse(json.join(''));
  } catch {
    return undefined;
  }
}

function unescaped(words: string): string {
  return words.replaceAll(
    /\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4}|[\s\S])/g,
    (_, code: string) =>
      code.length > 1 ? String.fromCodePoint(Number.parseInt(code.slice(1), 16)) : (ESCAPES[code] ?? code),
  );
}

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const BACKSLASH = 92;
const OPEN = [91, 123];
const CLOSE = [93, 125];

/**
 * Parses some fields of a JSON object, and jumps over the others, which in logs are the most of it.
 * @param fields names at the top level.
 * @throws SyntaxError when the text is no JSON as far as it is read, or no object.
 */
export function pickFields(json: string, fields: ReadonlySet<string>): Record<string, unknown> {
  let at = skipSpace(json, 0);
  if (json.charCodeAt(at) !== OPEN[1]) return JSON.parse(json);
  let picked = '';
  at = skipSpace(json, at + 1);
  if (json.charCodeAt(at) === CLOSE[1]) return JSON.parse(json);
  for (;;) {
    if (json.charCodeAt(at) !== QUOTE) return JSON.parse(json);
    const keyEnd = endOfText(json, at);
    const colon = skipSpace(json, keyEnd);
    if (json.charCodeAt(colon) !== COLON) return JSON.parse(json);
    const end = endOfValue(json, skipSpace(json, colon + 1));
    if (fields.has(json.slice(at + 1, keyEnd - 1)))
      picked += `${picked === '' ? '' : ','}${json.slice(at, end)}`;
    at = skipSpace(json, end);
    if (json.charCodeAt(at) !== COMMA) break;
    at = skipSpace(json, at + 1);
  }
  // Whatever does not end as an object does is for the real parser to complain of.
  if (json.charCodeAt(at) !== CLOSE[1] || skipSpace(json, at + 1) !== json.length) return JSON.parse(json);
  return JSON.parse(`{${picked}}`);
}

function skipSpace(json: string, from: number): number {
  let at = from;
  for (let c = json.charCodeAt(at); c === 32 || (c >= 9 && c <= 13); c = json.charCodeAt(at)) at++;
  return at;
}

/** Behind the text that begins at `from`; the end of `json` when it does not end. */
function endOfText(json: string, from: number): number {
  for (let end = json.indexOf('"', from + 1); end >= 0; end = json.indexOf('"', end + 1)) {
    let before = end - 1;
    while (json.charCodeAt(before) === BACKSLASH) before--;
    if ((end - before) % 2 === 1) return end + 1;
  }
  return json.length;
}

function endOfValue(json: string, from: number): number {
  let depth = 0;
  for (let at = from; at < json.length; at++) {
    const c = json.charCodeAt(at);
    if (c === QUOTE) at = endOfText(json, at) - 1;
    else if (c === OPEN[0] || c === OPEN[1]) depth++;
    else if (c === CLOSE[0] || c === CLOSE[1]) {
      // A bare number or word ends where the object around it does.
      if (depth === 0) return at;
      depth--;
    } else if (depth > 0 || c !== COMMA) continue;
    if (depth === 0) return c === COMMA ? at : at + 1;
  }
  return json.length;
}

const LONGEST_LABEL = 40;

/**
 * A score that is a label, such as a category: a word that says good or bad, or a number written as a label. Any other
 * label is refused by its name, for nobody but the user knows how good it is.
 */
export function labelScore(
  score: Omit<ScoreEntry, 'kind' | 'value'>,
  label: unknown,
): ScoreEntry | RefusedEntry {
  const value = readRating(label);
  if (typeof value === 'boolean' || numberOf(value) !== null) return { kind: 'score', ...score, value };
  const said = typeof label === 'string' && label.length <= LONGEST_LABEL ? `: ${JSON.stringify(label)}` : '';
  return { kind: 'refused', reason: `${LOG_REASONS.scoreLabel}${said}`, name: score.name };
}

const GOOD = [
  'positive',
  'good',
  'up',
  'thumbs_up',
  'like',
  'pass',
  'passed',
  'yes',
  'correct',
  'true',
  'helpful',
  'liked',
  'upvote',
  'accepted',
  '👍',
];
const BAD = [
  'negative',
  'bad',
  'down',
  'thumbs_down',
  'dislike',
  'fail',
  'failed',
  'no',
  'incorrect',
  'false',
  'unhelpful',
  'disliked',
  'downvote',
  'rejected',
  '👎',
];

/** A rating in words as true or false; numbers and whatever else as they are. */
export function readRating(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const word = value.trim().toLowerCase().replaceAll(/[ -]/g, '_');
  if (GOOD.includes(word)) return true;
  return BAD.includes(word) ? false : value;
}

/** Tokens of a call; null where they are not known. */
export interface LogUsage {
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
}

/** Names of counts, in the usage of a response, of what was read from a cache and written to it. */
const CACHE_READ = ['cache_read_input_tokens', 'cacheReadInputTokens', 'prompt_cache_read_tokens'];
const CACHE_WRITE = [
  'cache_creation_input_tokens',
  'cacheWriteInputTokens',
  'cacheCreationInputTokens',
  'prompt_cache_write_tokens',
];

/**
 * Reads the `usage` of a response. Input counts all that was read, cached or not: OpenAI and Gemini count cached tokens
 * among the others, Anthropic and Bedrock beside them, so those are added. Output counts what was reasoned as well,
 * which Gemini and xAI count beside the answer.
 */
export function readLogUsage(value: unknown): LogUsage {
  const usage = objectOf(value);
  const count = (names: readonly string[]): number | null => numberOf(firstGiven(usage, names));
  const cached = (count(CACHE_READ) ?? 0) + (count(CACHE_WRITE) ?? 0);
  const whole = count(['prompt_tokens', 'promptTokens', 'promptTokenCount', 'prompt_eval_count']);
  const apart = count(['input_tokens', 'inputTokens']);
  const inputTokens = whole === null ? (apart === null ? null : apart + cached) : withCached(whole, cached);
  const answered = count([
    'completion_tokens',
    'completionTokens',
    'output_tokens',
    'outputTokens',
    'candidatesTokenCount',
    'eval_count',
  ]);
  const reasoned =
    count(['thoughtsTokenCount']) ??
    numberOf(objectOf(usage?.completion_tokens_details)?.reasoning_tokens) ??
    0;
  const total = count(['total_tokens', 'totalTokenCount']);
  const isApart =
    total !== null && inputTokens !== null && total === inputTokens + (answered ?? 0) + reasoned;
  return { inputTokens, outputTokens: isApart && reasoned > 0 ? (answered ?? 0) + reasoned : answered };
}

/** Input tokens that may hold those of the cache or not: a part is not more than the whole, else it stands beside it. */
export function withCached(input: number, cached: number): number {
  return cached > input ? input + cached : input;
}

/** In hexadecimal. */
export function sha256(given: string | Uint8Array): string {
  return createHash('sha256').update(given).digest('hex');
}
