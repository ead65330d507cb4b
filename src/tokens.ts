import type { Request, TokenPrices } from './request.ts';

/** Longer texts are estimated by this many UTF-16 units of them, so that the time is bounded. */
const MOST_UNITS = 32_768;
const STRETCH_UNITS = 1024;

/**
 * Tokens of a text without an encoding's tables: one pass, 2 to 3 ns a unit. The weights are fitted to o200k_base over
 * prompts, answers, code, JSON, Markdown and 60 languages (median error 4 %); other encodings differ by some tens of
 * per cent, more in alphabets that they hardly know.
 *
 * @returns not rounded, so that estimates of parts can be added; 0 for the empty text.
 */
export function estimateTokens(text: string): number {
  return overStretches(text, MOST_UNITS, STRETCH_UNITS, estimateStretch);
}

// What a unit is, as far as byte-pair encodings tell units apart.
const LOWER = 0;
const UPPER = 1;
const DIGIT = 2;
const SPACE = 3;

/** Tabs, too. */
const NEWLINE = 4;

/** Punctuation that is drawn out into lines, for which there are long tokens: `----`. */
const RULE = 5;
const PUNCTUATION = 6;

/** Latin letters beyond ASCII. */
const ACCENT = 7;

/** Letters of other alphabets. */
const LETTER = 8;

/** Han, kana, hangul. */
const SYLLABLE = 9;

/** A letter or syllable beyond ASCII, once more. */
const REPEATED = 10;
const OTHER = 11;

/** Of a row of the table: a power of two above the number of kinds. */
const ROW = 16;

/** What is remembered of the units before. */
interface State {
  /** Of the unit before. */
  readonly kind: number;
  /** Units since the word, number, white space or punctuation began. */
  readonly run: number;
}

const START: State = { kind: SPACE, run: 1 };

/** From here on it is no word: a key, or one letter held down. */
const LONGEST_WORD = 16;

/** What one more unit adds, and what is remembered of it. */
function step(before: State, kind: number): { readonly tokens: number; readonly state: State } {
  const next = (tokens: number, run: number) => ({ tokens, state: { kind, run } });
  switch (kind) {
    case LOWER:
    case UPPER: {
      const hump = before.kind === LOWER && kind === UPPER;
      const begins = hump || !isLetter(before.kind);
      const run = begins ? 1 : Math.min(before.run, LONGEST_WORD) + 1;
      if (begins) return next(hump ? 1.3 : 1, run);
      return next(run > LONGEST_WORD ? 0.55 : run > 6 ? 0.22 : 0, run);
    }
    case DIGIT: {
      const run = before.kind === DIGIT ? (before.run % 3) + 1 : 1;
      // A space goes with a word, never with a number.
      return next(before.kind === SPACE ? 1.9 : run === 1 ? 1 : 0, run);
    }
    case SPACE:
      // A single space goes with the word behind it.
      if (before.kind !== SPACE) return next(0, 1);
      return next(before.run === 1 ? 1.3 : 0.01, 2);
    case NEWLINE:
      // One behind punctuation goes with it.
      if (before.kind === NEWLINE) return next(0.07, 1);
      return next(isPunctuation(before.kind) ? 0 : 0.8, 1);
    case RULE:
      if (!isPunctuation(before.kind)) return next(0.65, 1);
      return next(before.kind === RULE && before.run === 2 ? 0.02 : 0.35, 2);
    case PUNCTUATION:
      return next(isPunctuation(before.kind) ? 0.5 : 0.65, 1);
    case LETTER:
      return next(0.45, 1);
    case SYLLABLE:
      return next(0.9, 1);
    default:
      return next(1, 1);
  }
}

function estimateStretch(text: string): number {
  const { tokens, next } = steps();
  let sum = 0;
  let row = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const at = row + (unit < 128 ? ASCII_KINDS[unit] : kindBeyondAscii(unit, text, i));
    sum += tokens[at];
    row = next[at];
  }
  return sum;
}

interface Steps {
  readonly tokens: Float64Array; // [states, ROW]
  /** Where the row of the state that follows begins. */
  readonly next: Uint16Array; // [states, ROW]
}

let made: Steps | undefined;

/** `step` as a table, of all states that can be reached; {@link START} is the first. */
function steps(): Steps {
  if (made !== undefined) return made;
  const states = [START];
  const places = new Map([[JSON.stringify(START), 0]]);
  const tokens: number[] = [];
  const next: number[] = [];
  for (let row = 0; row < states.length; row++) {
    for (let kind = 0; kind < ROW; kind++) {
      const one = step(states[row], kind);
      const key = JSON.stringify(one.state);
      if (!places.has(key)) places.set(key, states.push(one.state) - 1);
      tokens.push(one.tokens);
      next.push(places.get(key)! * ROW);
    }
  }
  made = { tokens: Float64Array.from(tokens), next: Uint16Array.from(next) };
  return made;
}

function isLetter(kind: number): boolean {
  return kind <= UPPER || kind === ACCENT;
}

function isPunctuation(kind: number): boolean {
  return kind === RULE || kind === PUNCTUATION;
}

function kindBeyondAscii(unit: number, text: string, i: number): number {
  if (unit >= 0x2000 && unit < 0x3000) return unit < 0x2070 ? PUNCTUATION : OTHER;
  if (unit < 0xc0 || (unit >= 0xd800 && unit < 0xf900)) return OTHER;
  if (i > 0 && text.charCodeAt(i - 1) === unit) return REPEATED;
  if (unit >= 0x3000 || (unit >= 0x1100 && unit < 0x1200)) return SYLLABLE;
  return unit < 0x370 || unit >= 0x1e00 ? ACCENT : LETTER;
}

const ASCII_KINDS = asciiKinds();

function asciiKinds(): Uint8Array {
  const kinds = new Uint8Array(128).fill(PUNCTUATION);
  const mark = (characters: string, kind: number) => {
    for (const character of characters) kinds[character.charCodeAt(0)] = kind;
  };
  const alphabet = 'abcdefghijklmnopqrstuvwxyz';
  mark(alphabet, LOWER);
  mark(alphabet.toUpperCase(), UPPER);
  mark('0123456789', DIGIT);
  mark(' ', SPACE);
  mark('\n\r\t', NEWLINE);
  mark('-=._#/*~+', RULE);
  return kinds;
}

/**
 * A count over a text, of a long one over stretches spread evenly and scaled, so that the time is bounded.
 *
 * @param most UTF-16 units that are counted at most.
 * @param length of a stretch, in the same.
 */
function overStretches(text: string, most: number, length: number, count: (text: string) => number): number {
  if (text.length <= most) return count(text);
  const stretches = Math.floor(most / length);
  const step = (text.length - length) / (stretches - 1);
  let sum = 0;
  for (let i = 0; i < stretches; i++) {
    const start = Math.floor(i * step);
    sum += count(text.slice(start, start + length));
  }
  return (sum * text.length) / (stretches * length);
}

/**
 * US dollars for so many tokens; NaN where the price of input or output is not known.
 *
 * @param inputTokens all of them, cached ones too.
 * @param outputTokens all of them, those of reasoning too.
 */
export function tokenCost(
  prices: TokenPrices,
  inputTokens: number,
  outputTokens: number,
  cachedInputTokens = 0,
  reasoningTokens = 0,
): number {
  const input = prices.inputPricePerMillionTokens ?? Number.NaN;
  const output = prices.outputPricePerMillionTokens ?? Number.NaN;
  const cached = Math.min(cachedInputTokens, inputTokens);
  const reasoning = Math.min(reasoningTokens, outputTokens);
  return (
    ((inputTokens - cached) * input +
      cached * (prices.cachedInputPricePerMillionTokens ?? input) +
      (outputTokens - reasoning) * output +
      reasoning * (prices.reasoningPricePerMillionTokens ?? output)) /
    1e6
  );
}

/** Length of a text in tokens. Must not throw. */
export type TokenCounter = (text: string) => number;

/** More than this many UTF-16 units are not given to a counter: it counts stretches of a longer request. */
const MOST_COUNTED_UNITS = 131_072;
const COUNTED_STRETCH_UNITS = 4096;

/**
 * Tokens of all that a model reads of a request: every message's text, calls of tools with their arguments, results of
 * tools, text documents, definitions of tools, the schema asked for. Encoded bytes, addresses and ids are left out, and so
 * are images, sounds and files, which every model counts in its own way. Linear in the length of the request.
 *
 * @param count of a text. @default estimateTokens
 * @returns a whole number; 0 where there is nothing to read.
 */
export function countRequestTokens(request: Request, count: TokenCounter = estimateTokens): number {
  const texts: string[] = [];
  if (Array.isArray(request.messages)) collect(request.messages, texts, 0);
  else if (typeof request.text === 'string') texts.push(request.text);
  if (Array.isArray(request.tools)) for (const tool of request.tools) collectJson(tool, texts);
  collectJson((request.responseFormat as { readonly json_schema?: unknown } | undefined)?.json_schema, texts);

  let units = 0;
  for (const text of texts) units += text.length;
  if (count !== estimateTokens && units > MOST_COUNTED_UNITS) {
    return Math.ceil(overStretches(texts.join('\n'), MOST_COUNTED_UNITS, COUNTED_STRETCH_UNITS, count));
  }
  let tokens = 0;
  for (const text of texts) tokens += count(text);
  return Math.ceil(tokens);
}

/** Fields of messages and their parts that a model reads, by the names of all the dialects of chat APIs. */
const READ_FIELDS =
  'content text tool_calls function_call function custom name toolName reasoning_content reasoning thinking summary refusal title context parts source functionCall functionResponse'.split(
    ' ',
  );

/** Fields that hold data: text as it is, anything else as JSON. */
const DATA_FIELDS = 'arguments args input output result response'.split(' ');

/** Nothing that a provider takes is nested deeper; and no nesting may end the process. */
const DEEPEST = 100;

function collect(value: unknown, texts: string[], depth: number): void {
  if (typeof value === 'string') texts.push(value);
  if (typeof value !== 'object' || value === null || depth > DEEPEST) return;
  if (Array.isArray(value)) {
    for (const item of value) collect(item, texts, depth + 1);
    return;
  }
  const part = value as Readonly<Record<string, unknown>>;
  for (const field of READ_FIELDS) collect(part[field], texts, depth + 1);
  for (const field of DATA_FIELDS) collectJson(part[field], texts);
  // A document in plain text; other data are encoded bytes.
  if (part.type === 'text' && typeof part.data === 'string') texts.push(part.data);
}

/** Text as it is. What has no JSON cannot be sent. */
function collectJson(value: unknown, texts: string[]): void {
  try {
    if (value !== undefined) texts.push(typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));
  } catch {}
}
