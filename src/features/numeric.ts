import type { Prompt } from '../request.ts';
import { CharClass, hashWord, type TextScan, TokenKind } from '../text.ts';

const SHAPE_NAMES = [
  'logCharacters',
  'logStemCharacters',
  'logWords',
  'logLines',
  'logSentences',
  'averageWordLength',
  'longWordShare',
  'capitalisedShare',
  'logAllCapsWords',
  'digitShare',
  'logNumbers',
  'yearLike',
  'upperShare',
  'punctuationShare',
  'mathsShare',
  'codeCharacterShare',
  'cjkShare',
  'foreignShare',
  'logEquals',
  'logParentheses',
  'logQuotes',
  'commasPerWord',
  'logColons',
  'logSemicolons',
  'logQuestionMarks',
  'logBackslashes',
  'logDollars',
  'carets',
  'blank',
  'codeFence',
  'endsWithQuestionMark',
  'endsWithColon',
  'endsWithStop',
] as const;

const OPTION_NAMES = [
  'logOptions',
  'fourOptions',
  'logMeanOptionLength',
  'logMaxOptionLength',
  'logMinOptionLength',
  'optionLengthVariation',
  'logOptionsToStem',
  'optionDigitShare',
  'optionNumericShare',
  'optionCapitalShare',
  'optionStopShare',
  'optionCommaShare',
  'numericOptionsAndCalculation',
] as const;

const CONVERSATION_NAMES = [
  'logTurns',
  'logContextCharacters',
  'logTools',
  'images',
  'audios',
  'structuredOutput',
] as const;

/** Kinds of word that tell what is being asked; each is counted in a prompt. */
const LEXICON = {
  calculation:
    'calculate compute evaluate solve simplify find determine sum product area volume length distance average mean median total number remainder probability percent approximately estimate round equal equals many much',
  code: 'def return function import class print list string array python javascript java algorithm binary code loop variable method sql html regex int float null true false const let var',
  conditional: 'suppose assume consider let given if scenario imagine',
  firstPerson: 'i me my mine we our us',
  instruction:
    'write translate summarize summarise explain describe rewrite classify generate list compare convert draft create extract implement fix edit',
  negation: 'not except least never false incorrect cannot no none neither nor',
  person: 'he she his her him man woman boy girl patient mother father student person people',
  reasoning: 'because therefore why prove proof show derive implies conclude argument logic clue step reason',
  reference:
    'following passage excerpt according refers statement above below text article paragraph table figure',
  temporal:
    'today tomorrow yesterday day days week weeks month months year years date hour hours minute minutes',
  unit: 'kg km cm mm nm ml mg mol g m s j n v k c w hz atm ft in mile miles hour hours minute minutes second seconds feet inches dollars cents meters metres grams liters litres pounds degrees percent',
} as const;

const WORD_KINDS = Object.keys(LEXICON) as readonly (keyof typeof LEXICON)[];

/** Question words; each is a signal of its own, anywhere and as the first word. */
const QUESTION_WORDS = ['what', 'which', 'who', 'when', 'where', 'why', 'how'] as const;

/** Names of the numeric signals, in the order they are written. Logs are ln(1 + count); shares are of characters or words. */
export const NUMERIC_SIGNAL_NAMES: readonly string[] = [
  ...SHAPE_NAMES,
  ...WORD_KINDS.map((kind) => `log_${kind}_words`),
  ...QUESTION_WORDS.map((word) => `has_${word}`),
  ...QUESTION_WORDS.map((word) => `first_${word}`),
  ...OPTION_NAMES,
  ...CONVERSATION_NAMES,
];

/** Writes the numeric signals of a scanned prompt; see `NUMERIC_SIGNAL_NAMES`. */
export interface NumericSignals {
  /** @param scan the scan of `prompt.text`. @param out `[NUMERIC_SIGNAL_NAMES.length]` from `offset`. */
  writeInto(prompt: Prompt, scan: TextScan, out: Float32Array, offset: number): void;
}

export function createNumericSignals(): NumericSignals {
  const lexicon = buildLexiconIndex();
  const kindCounts = new Float64Array(WORD_KINDS.length);
  const symbols = new Float64Array(128);

  return {
    writeInto(prompt, scan, out, offset) {
      const { classes, length } = scan;
      const { units } = scan.reader;
      const options = readOptionLines(units, length);
      const words = countWords(units, scan, lexicon, kindCounts, symbols);
      const characters = Math.max(1, length);
      const wordCount = Math.max(1, words.count);
      const last = lastVisible(units, length);
      let at = offset;
      const put = (value: number) => {
        out[at++] = value;
      };

      put(Math.log1p(length));
      put(Math.log1p(options.stemEnd));
      put(Math.log1p(words.count));
      put(Math.log1p(classes[CharClass.newline]));
      put(Math.log1p(words.sentences));
      put(words.letters / wordCount);
      put(words.long / wordCount);
      put(words.capitalised / wordCount);
      put(Math.log1p(words.allCaps));
      put(classes[CharClass.digit] / characters);
      put(Math.log1p(words.numbers));
      put(words.year ? 1 : 0);
      put(classes[CharClass.upper] / characters);
      put(classes[CharClass.punctuation] / characters);
      put(classes[CharClass.maths] / characters);
      put(classes[CharClass.code] / characters);
      put(classes[CharClass.cjk] / characters);
      put(classes[CharClass.foreign] / characters);
      put(Math.log1p(symbols[61]));
      put(Math.log1p(symbols[40]));
      put(Math.log1p(symbols[34]));
      put(symbols[44] / wordCount);
      put(Math.log1p(symbols[58]));
      put(Math.log1p(symbols[59]));
      put(Math.log1p(symbols[63]));
      put(Math.log1p(symbols[92]));
      put(Math.log1p(symbols[36]));
      put(symbols[94] > 0 ? 1 : 0);
      put(symbols[95] >= 2 ? 1 : 0);
      put(symbols[96] >= 3 ? 1 : 0);
      put(last === 63 ? 1 : 0);
      put(last === 58 ? 1 : 0);
      put(last === 46 ? 1 : 0);

      for (let kind = 0; kind < WORD_KINDS.length; kind++) put(Math.log1p(kindCounts[kind]));
      for (let q = 0; q < QUESTION_WORDS.length; q++) put((words.questions >> q) & 1);
      for (let q = 0; q < QUESTION_WORDS.length; q++) put((words.firstQuestion >> q) & 1);

      put(Math.log1p(options.count));
      put(options.count === 4 ? 1 : 0);
      put(Math.log1p(options.meanLength));
      put(Math.log1p(options.maxLength));
      put(Math.log1p(options.minLength));
      put(options.lengthVariation);
      put(
        options.count === 0
          ? 0
          : Math.log1p(options.meanLength * options.count) - Math.log1p(options.stemEnd),
      );
      put(options.digitShare);
      put(options.numericShare);
      put(options.capitalShare);
      put(options.stopShare);
      put(options.commaShare);
      put(options.numericShare === 1 && kindCounts[WORD_KINDS.indexOf('calculation')] > 0 ? 1 : 0);

      put(Math.log1p(prompt.turns - 1));
      put(Math.log1p(prompt.contextCharacters));
      put(Math.log1p(prompt.tools));
      put(prompt.images);
      put(prompt.audios);
      put(prompt.structured ? 1 : 0);
    },
  };
}

/** Tokens counted by kind; the counts of ASCII symbols and of the lexicon's kinds go to the given arrays. */
function countWords(
  units: Uint16Array,
  scan: TextScan,
  lexicon: ReadonlyMap<number, number>,
  kindCounts: Float64Array,
  symbols: Float64Array,
) {
  const seen = {
    count: 0,
    letters: 0,
    long: 0,
    capitalised: 0,
    allCaps: 0,
    numbers: 0,
    sentences: 0,
    year: false,
    questions: 0,
    firstQuestion: 0,
  };
  kindCounts.fill(0);
  symbols.fill(0);
  for (let t = 0; t < scan.tokens; t++) {
    const kind = scan.kinds[t];
    const start = scan.starts[t];
    const size = scan.ends[t] - start;
    if (kind === TokenKind.symbol) {
      const unit = units[start];
      if (unit < 128) symbols[unit]++;
      if ((unit === 46 || unit === 63 || unit === 33) && isSpaceOrEnd(units, scan.ends[t], scan.length))
        seen.sentences++;
      continue;
    }
    if (kind === TokenKind.number) {
      seen.numbers++;
      const lead = units[start];
      if (size === 4 && (lead === 49 || lead === 50)) seen.year = true;
      continue;
    }
    if (kind === TokenKind.capitalised && seen.count > 0) seen.capitalised++;
    if (kind === TokenKind.allCaps) seen.allCaps++;
    seen.letters += size;
    if (size >= 9) seen.long++;
    const mask = lexicon.get(scan.hashes[t]);
    if (mask !== undefined) {
      for (let bit = 0; bit < WORD_KINDS.length; bit++) if (mask & (1 << bit)) kindCounts[bit]++;
      const questions = mask >> WORD_KINDS.length;
      seen.questions |= questions;
      if (seen.count === 0) seen.firstQuestion = questions;
    }
    seen.count++;
  }
  return seen;
}

function isSpaceOrEnd(units: Uint16Array, at: number, length: number): boolean {
  return at >= length || units[at] <= 32;
}

function lastVisible(units: Uint16Array, length: number): number {
  for (let i = length - 1; i >= 0; i--) {
    const unit = units[i];
    if (unit > 32) return unit;
  }
  return 0;
}

/** Word hash → bit mask: bit i for WORD_KINDS[i], then the question words. Words are few, so a Map is quick. */
function buildLexiconIndex(): ReadonlyMap<number, number> {
  const index = new Map<number, number>();
  const mark = (word: string, bit: number) => {
    const hash = hashWord(word);
    index.set(hash, (index.get(hash) ?? 0) | (1 << bit));
  };
  WORD_KINDS.forEach((kind, bit) => {
    for (const word of LEXICON[kind].split(' ')) mark(word, bit);
  });
  QUESTION_WORDS.forEach((word, i) => {
    mark(word, WORD_KINDS.length + i);
  });
  return index;
}

/** What the answer options of a multiple-choice prompt look like ("A. ...", "(B) ...", "c) ..."). */
interface OptionLines {
  count: number;
  /** Over the options, in characters. */
  meanLength: number;
  maxLength: number;
  minLength: number;
  /** Standard deviation of the lengths over their mean plus one. */
  lengthVariation: number;
  /** Shares of the options that hold a digit, hold little but digits, begin with a capital, end with a full stop, hold a comma. */
  digitShare: number;
  numericShare: number;
  capitalShare: number;
  stopShare: number;
  commaShare: number;
  /** Where the question ends and the options begin; the text's length where there are none. */
  stemEnd: number;
}

const [TAB, NEWLINE, SPACE, OPEN, CLOSE, STOP, COLON] = [9, 10, 32, 40, 41, 46, 58];

/** Finds option lines in the first `length` UTF-16 units of a text. Options are single lines. */
function readOptionLines(units: Uint16Array, length: number): OptionLines {
  const out: OptionLines = {
    count: 0,
    meanLength: 0,
    maxLength: 0,
    minLength: 0,
    lengthVariation: 0,
    digitShare: 0,
    numericShare: 0,
    capitalShare: 0,
    stopShare: 0,
    commaShare: 0,
    stemEnd: length,
  };
  let squares = 0;
  let total = 0;
  let lineStart = 0;
  while (lineStart < length) {
    let lineEnd = units.indexOf(NEWLINE, lineStart);
    if (lineEnd === -1 || lineEnd > length) lineEnd = length;
    const start = optionStart(units, lineStart, lineEnd);
    if (start !== -1) {
      if (out.count === 0) out.stemEnd = lineStart;
      const size = lineEnd - start;
      out.minLength = out.count === 0 ? size : Math.min(out.minLength, size);
      out.maxLength = Math.max(out.maxLength, size);
      out.count++;
      total += size;
      squares += size * size;
      countOption(units, start, lineEnd, out);
    }
    lineStart = lineEnd + 1;
  }
  if (out.count === 0) return out;
  out.meanLength = total / out.count;
  const variance = Math.max(0, squares / out.count - out.meanLength * out.meanLength);
  out.lengthVariation = Math.sqrt(variance) / (out.meanLength + 1);
  out.digitShare /= out.count;
  out.numericShare /= out.count;
  out.capitalShare /= out.count;
  out.stopShare /= out.count;
  out.commaShare /= out.count;
  return out;
}

/** Offset of the option's text after its label, or -1 when the line is not an option. */
function optionStart(units: Uint16Array, lineStart: number, lineEnd: number): number {
  let i = lineStart;
  while (i < lineEnd && (units[i] === SPACE || units[i] === TAB)) i++;
  if (units[i] === OPEN) i++;
  const label = units[i] | 32;
  if (!(label >= 97 && label <= 106)) return -1;
  const mark = units[i + 1];
  if (mark !== STOP && mark !== CLOSE && mark !== COLON) return -1;
  if (i + 2 >= lineEnd || units[i + 2] !== SPACE) return -1;
  return i + 3;
}

function countOption(units: Uint16Array, start: number, end: number, out: OptionLines): void {
  let digits = 0;
  let letters = 0;
  let commas = 0;
  for (let i = start; i < end; i++) {
    const unit = units[i];
    if (unit >= 48 && unit <= 57) digits++;
    else if ((unit | 32) >= 97 && (unit | 32) <= 122) letters++;
    else if (unit === 44) commas++;
  }
  if (digits > 0) out.digitShare++;
  if (digits > 0 && letters <= 6 && letters <= digits * 2) out.numericShare++;
  if (commas > 0) out.commaShare++;
  const first = units[start];
  if (first >= 65 && first <= 90) out.capitalShare++;
  if (units[end - 1] === STOP) out.stopShare++;
}
