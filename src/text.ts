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
  private bytes = new Uint8Array(2048);
  private readonly encoder = new TextEncoder();

  /** Fills {@link units}. @returns how many there are. */
  read(text: string): number {
    const length = text.length;
    if (length > this.units.length) {
      this.units = new Uint16Array(2 * length);
      this.bytes = new Uint8Array(2 * length);
    }
    const { units, bytes } = this;
    const { read, written } = this.encoder.encodeInto(text, bytes);
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
