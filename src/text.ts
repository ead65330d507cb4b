/** Texts longer than this are read at both ends only: the head, where the task is, and the tail, where the question is. */
export const MAX_HEAD_CHARACTERS = 16_384;
export const MAX_TAIL_CHARACTERS = 4_096;

const PLAIN = /^[\t\n\f\r -~]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it takes out.
const CONTROL = /[\0-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]/g;
const SPACE = /[\x85\u1680\u200b\u200e\u200f\u2028\u2029\u2581\ufeff\ufffd]/g;

/**
 * The text as every reader of words sees it: SentencePiece's `nmt_nfkc` rules, which are NFKC, without control
 * characters, and with zero-width and exotic white space as a space. Plain ASCII comes back as it is.
 *
 * @param text any Unicode, of any length; of a long one only the first {@link MAX_HEAD_CHARACTERS} and the last
 *   {@link MAX_TAIL_CHARACTERS} UTF-16 units are kept, so that the time is bounded.
 */
export function prepareText(text: string): string {
  const bounded = text.length > MAX_HEAD_CHARACTERS + MAX_TAIL_CHARACTERS ? bothEnds(text) : text;
  if (PLAIN.test(bounded)) return bounded;
  return bounded.normalize('NFKC').replace(CONTROL, '').replace(SPACE, ' ');
}

function bothEnds(text: string): string {
  return `${text.slice(0, MAX_HEAD_CHARACTERS)} ${text.slice(-MAX_TAIL_CHARACTERS)}`;
}

/**
 * A text's UTF-16 units in an array. A string that was cut or joined is slow to read unit by unit (V8 looks through its
 * parts each time); ASCII, the common case, is copied by native code instead.
 */
export class TextUnits {
  /** The units of the last text read; what stands behind its length is left over from others. */
  units = new Uint16Array(2048);
  #bytes = new Uint8Array(2048);
  readonly #encoder = new TextEncoder();

  /** Fills {@link units}. @returns how many there are. */
  read(text: string): number {
    const length = text.length;
    if (length > this.units.length) {
      this.units = new Uint16Array(2 * length);
      this.#bytes = new Uint8Array(2 * length);
    }
    const units = this.units;
    const bytes = this.#bytes;
    const { read, written } = this.#encoder.encodeInto(text, bytes);
    if (read === length && written === length) {
      units.set(written === bytes.length ? bytes : bytes.subarray(0, written));
    } else {
      for (let i = 0; i < length; i++) units[i] = text.charCodeAt(i);
    }
    return length;
  }
}

/** FNV-1a offset basis and prime, 32 bits. Fowler, Noll and Vo; draft-eastlake-fnv. */
export const FNV_OFFSET = 0x811c9dc5;

const FNV_PRIME = 0x01000193;

/** One step of FNV-1a over a UTF-16 unit (a byte at a time would cost twice as much for the same use). */
export function hashUnit(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, FNV_PRIME);
}

/** FNV-1a of a word, a signed 32-bit integer. */
export function hashWord(word: string): number {
  let hash = FNV_OFFSET | 0;
  for (let i = 0; i < word.length; i++) hash = hashUnit(hash, word.charCodeAt(i));
  return hash;
}

/** Spreads a hash's entropy over its low bits, so that a mask makes a fair bucket. MurmurHash3's finaliser. */
export function mixHash(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

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
  for (const field of ['hashes', 'starts', 'ends'] as const) {
    const larger = new Int32Array(size);
    larger.set(scan[field]);
    scan[field] = larger;
  }
  const kinds = new Uint8Array(size);
  kinds.set(scan.kinds);
  scan.kinds = kinds;
}

const ASCII = asciiClasses();

function asciiClasses(): Uint8Array {
  const table = new Uint8Array(128).fill(CharClass.other);
  // Letters, capitals, digits, space, line ends, maths, code and punctuation: in the order of the classes.
  [
    'abcdefghijklmnopqrstuvwxyz',
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
    '0123456789',
    ' \t\v\f',
    '\n\r',
    '=+*/^<>\\$%',
    '{}[]_|`#@~&',
    '.,;:!?\'"()-',
  ].forEach((characters, kind) => {
    for (const character of characters) table[character.charCodeAt(0)] = kind;
  });
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
