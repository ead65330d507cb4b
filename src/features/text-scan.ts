import { FNV_OFFSET, hashUnit, TextUnits } from '../text.ts';

/** What a character is, one class each. */
export const CharClass = {
  letter: 0,
  upper: 1,
  digit: 2,
  space: 3,
  newline: 4,
  maths: 5,
  code: 6,
  punctuation: 7,
  cjk: 8,
  foreign: 9,
  other: 10,
} as const;
const CHAR_CLASSES = 11;

/**
 * One pass over a prompt: character classes counted, tokens found and hashed. A token is a run of letters, a run
 * of digits, or one other visible character. Scans are reused from prompt to prompt, so nothing is allocated.
 */
export interface TextScan {
  /** UTF-16 units scanned. */
  length: number;
  /** The units themselves; what stands behind `length` is left over from others. */
  readonly reader: TextUnits;
  /** [CHAR_CLASSES] */
  readonly classes: Float64Array;
  /** Number of tokens. */
  tokens: number;
  /** FNV-1a of each token, ASCII lower-cased: [tokens] */
  hashes: Int32Array;
  /** Start offset of each token, and the offset after its end: [tokens] */
  starts: Int32Array;
  ends: Int32Array;
  /** What each token is: TokenKind, [tokens] */
  kinds: Uint8Array;
}

export const TokenKind = { word: 0, capitalised: 1, allCaps: 2, number: 3, symbol: 4 } as const;

export function createTextScan(): TextScan {
  return {
    length: 0,
    reader: new TextUnits(),
    classes: new Float64Array(CHAR_CLASSES),
    tokens: 0,
    hashes: new Int32Array(1024),
    starts: new Int32Array(1024),
    ends: new Int32Array(1024),
    kinds: new Uint8Array(1024),
  };
}

/** Scans `text` into `scan`. Any Unicode, lone surrogates too. */
export function scanText(text: string, scan: TextScan): void {
  const length = scan.reader.read(text);
  const { units } = scan.reader;
  scan.length = length;
  scan.classes.fill(0);
  scan.tokens = 0;
  const classes = scan.classes;
  let i = 0;
  while (i < length) {
    const unit = units[i];
    const kind = classOf(unit);
    if (kind === CharClass.space || kind === CharClass.newline) {
      classes[kind]++;
      i++;
      continue;
    }
    if (scan.tokens === scan.hashes.length) grow(scan);
    const start = i;
    let hash = FNV_OFFSET | 0;
    let tokenKind: number = TokenKind.symbol;
    if (isLetter(kind)) {
      let uppers = 0;
      let current = unit;
      let currentKind = kind;
      do {
        classes[currentKind]++;
        if (currentKind === CharClass.upper) uppers++;
        hash = hashUnit(hash, currentKind === CharClass.upper && current < 128 ? current | 32 : current);
        i++;
        if (i >= length) break;
        current = units[i];
        currentKind = classOf(current);
      } while (isLetter(currentKind));
      const firstIsUpper = classOf(unit) === CharClass.upper;
      if (uppers > 1 && uppers === i - start) tokenKind = TokenKind.allCaps;
      else tokenKind = firstIsUpper ? TokenKind.capitalised : TokenKind.word;
    } else if (kind === CharClass.digit) {
      tokenKind = TokenKind.number;
      let current = unit;
      do {
        classes[CharClass.digit]++;
        hash = hashUnit(hash, current);
        i++;
        if (i >= length) break;
        current = units[i];
      } while (current >= 48 && current <= 57);
    } else {
      classes[kind]++;
      hash = hashUnit(hash, unit);
      i++;
    }
    const at = scan.tokens++;
    scan.hashes[at] = hash;
    scan.starts[at] = start;
    scan.ends[at] = i;
    scan.kinds[at] = tokenKind;
  }
}

function isLetter(kind: number): boolean {
  return kind <= CharClass.upper || kind === CharClass.foreign;
}

function grow(scan: TextScan): void {
  const size = scan.hashes.length * 2;
  const copy = <T extends Int32Array | Uint8Array>(from: T, to: T): T => {
    to.set(from);
    return to;
  };
  scan.hashes = copy(scan.hashes, new Int32Array(size));
  scan.starts = copy(scan.starts, new Int32Array(size));
  scan.ends = copy(scan.ends, new Int32Array(size));
  scan.kinds = copy(scan.kinds, new Uint8Array(size));
}

const ASCII = asciiClasses();

function asciiClasses(): Uint8Array {
  const table = new Uint8Array(128).fill(CharClass.other);
  const mark = (characters: string, kind: number) => {
    for (const character of characters) table[character.charCodeAt(0)] = kind;
  };
  mark('abcdefghijklmnopqrstuvwxyz', CharClass.letter);
  mark('ABCDEFGHIJKLMNOPQRSTUVWXYZ', CharClass.upper);
  mark('0123456789', CharClass.digit);
  mark(' \t\v\f', CharClass.space);
  mark('\n\r', CharClass.newline);
  mark('=+*/^<>\\$%', CharClass.maths);
  mark('{}[]_|`#@~&', CharClass.code);
  mark('.,;:!?\'"()-', CharClass.punctuation);
  return table;
}

function classOf(unit: number): number {
  if (unit < 128) return ASCII[unit];
  if (unit === 0xa0 || (unit >= 0x2000 && unit <= 0x200b) || unit === 0x3000) return CharClass.space;
  if ((unit >= 0x3040 && unit <= 0x30ff) || (unit >= 0x3400 && unit <= 0x9fff)) return CharClass.cjk;
  if (unit >= 0xac00 && unit <= 0xd7af) return CharClass.cjk;
  if ((unit >= 0x2190 && unit <= 0x22ff) || unit === 0xd7 || unit === 0xf7 || unit === 0xb0 || unit === 0xb1)
    return CharClass.maths;
  // Latin-1 letters up to the end of the alphabetic planes; punctuation and symbols beyond 0x2000 are 'other'.
  if (unit >= 0xc0 && unit < 0x2000) return CharClass.foreign;
  return CharClass.other;
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

export function createOptionLines(): OptionLines {
  return {
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
    stemEnd: 0,
  };
}

/** Finds option lines in the first `length` UTF-16 units of a text, writing to `out`. Options are single lines. */
export function readOptionLines(units: Uint16Array, length: number, out: OptionLines): void {
  Object.assign(out, createOptionLines());
  out.stemEnd = length;
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
  if (out.count === 0) return;
  out.meanLength = total / out.count;
  const variance = Math.max(0, squares / out.count - out.meanLength * out.meanLength);
  out.lengthVariation = Math.sqrt(variance) / (out.meanLength + 1);
  out.digitShare /= out.count;
  out.numericShare /= out.count;
  out.capitalShare /= out.count;
  out.stopShare /= out.count;
  out.commaShare /= out.count;
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
