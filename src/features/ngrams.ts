import { type TextScan, TokenKind } from './text-scan.ts';
import { FNV_OFFSET, hashUnit, mixHash } from './word-hash.ts';

/** Which n-grams are counted, and into how many buckets. */
export interface NgramSpec {
  /** A power of two. */
  readonly buckets: number;
  /** Longest run of tokens: 0 none, 1 words, 2 words and pairs. */
  readonly wordOrder: number;
  /** Shortest and longest run of characters inside a word with its edges marked; 0 for none. */
  readonly characterFrom: number;
  readonly characterTo: number;
}

/** Bucket counts of one prompt. The arrays are reused by the next count. */
export interface NgramCounts {
  /** How many different buckets were hit. */
  size: number;
  /** The buckets, in order of first appearance: [size] */
  buckets: Int32Array;
  /** How often each: [size] */
  counts: Float32Array;
}

export interface NgramCounter {
  count(scan: TextScan): NgramCounts;
}

const WORD_SALT = 0x51ed270b;
const PAIR_SALT = 0x2545f491;
const CHARACTER_SALT = 0x3c6ef372;
const EDGE = 32;

/** Longer words are ids, hashes and base64: their inner n-grams say nothing. */
const LONGEST_WORD = 40;

/** Hashed n-grams (Weinberger et al. 2009, without the sign: the projection after it is learned). */
export function createNgramCounter(spec: NgramSpec): NgramCounter {
  const mask = spec.buckets - 1;
  const slots = new Int32Array(spec.buckets);
  const result: NgramCounts = { size: 0, buckets: new Int32Array(4096), counts: new Float32Array(4096) };

  function add(hash: number): void {
    const bucket = mixHash(hash) & mask;
    const slot = slots[bucket];
    if (slot > 0) {
      result.counts[slot - 1]++;
      return;
    }
    if (result.size === result.buckets.length) grow(result);
    result.buckets[result.size] = bucket;
    result.counts[result.size] = 1;
    slots[bucket] = ++result.size;
  }

  function addCharacters(units: Uint16Array, start: number, end: number): void {
    const { characterFrom, characterTo } = spec;
    const last = end + 1;
    for (let from = start - 1; from < end; from++) {
      let hash = (FNV_OFFSET | 0) ^ CHARACTER_SALT;
      const stop = Math.min(last, from + characterTo);
      for (let at = from; at < stop; at++) {
        hash = hashUnit(hash, at < start || at >= end ? EDGE : lower(units[at]));
        if (at - from + 1 >= characterFrom) add(hash);
      }
    }
  }

  return {
    count(scan) {
      const { units } = scan.reader;
      for (let i = 0; i < result.size; i++) slots[result.buckets[i]] = 0;
      result.size = 0;
      let previous = 0;
      for (let t = 0; t < scan.tokens; t++) {
        const isNumber = scan.kinds[t] === TokenKind.number;
        const start = scan.starts[t];
        const end = scan.ends[t];
        // Numbers count by their length: 417 and 902 are the same thing to a router.
        const hash = isNumber ? Math.min(4, end - start) : scan.hashes[t];
        if (spec.wordOrder >= 1) add(hash ^ WORD_SALT);
        if (spec.wordOrder >= 2 && t > 0) add((Math.imul(previous, 31) + hash) ^ PAIR_SALT);
        if (spec.characterTo > 0 && scan.kinds[t] <= TokenKind.allCaps && end - start <= LONGEST_WORD)
          addCharacters(units, start, end);
        previous = hash;
      }
      return result;
    },
  };
}

function lower(unit: number): number {
  return unit >= 65 && unit <= 90 ? unit | 32 : unit;
}

function grow(counts: NgramCounts): void {
  const buckets = new Int32Array(counts.buckets.length * 2);
  buckets.set(counts.buckets);
  counts.buckets = buckets;
  const values = new Float32Array(counts.counts.length * 2);
  values.set(counts.counts);
  counts.counts = values;
}
