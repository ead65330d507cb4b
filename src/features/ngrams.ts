import { ArtifactError } from '../errors.ts';
import { readFloat32 } from '../math.ts';
import { FNV_OFFSET, hashUnit, mixHash, type TextScan, TokenKind } from '../text.ts';

/** The dense block of a prompt's n-grams. */
export interface NgramBlock {
  /** Writes `[dimensions]` numbers to `out` from `offset`. No known n-gram gives zeros. */
  writeInto(scan: TextScan, out: Float32Array, offset: number): void;
}

/**
 * TF-IDF with 1 + ln(count), scaled to unit length, times the projection (latent semantic analysis:
 * Deerwester et al. 1990). The projection is a table look-up a bucket, so the cost grows with the prompt alone.
 */
export function createNgramBlock(counter: NgramCounter, table: NgramTable): NgramBlock {
  const { dimensions, idf, projection, steps } = table;
  const sums = new Float64Array(dimensions);
  let rows = new Int32Array(1024);
  let weights = new Float64Array(1024);

  /** Four rows a pass, so that each sum is read and written a quarter as often. */
  function addRows(count: number): void {
    sums.fill(0);
    let i = 0;
    for (; i + 4 <= count; i += 4) {
      const [a, b, c, d] = [rows[i], rows[i + 1], rows[i + 2], rows[i + 3]];
      const [u, v, w, x] = [weights[i], weights[i + 1], weights[i + 2], weights[i + 3]];
      for (let k = 0; k < dimensions; k++) {
        sums[k] +=
          u * projection[a + k] + v * projection[b + k] + (w * projection[c + k] + x * projection[d + k]);
      }
    }
    for (; i < count; i++) {
      for (let k = 0; k < dimensions; k++) sums[k] += weights[i] * projection[rows[i] + k];
    }
  }

  return {
    writeInto(scan, out, offset) {
      const { size, buckets, counts } = counter.count(scan);
      if (size > rows.length) {
        rows = new Int32Array(2 * size);
        weights = new Float64Array(2 * size);
      }
      let known = 0;
      let squares = 0;
      for (let i = 0; i < size; i++) {
        const bucket = buckets[i];
        const rarity = idf[bucket];
        if (rarity === 0) continue;
        const weight = counts[i] === 1 ? rarity : (1 + Math.log(counts[i])) * rarity;
        squares += weight * weight;
        rows[known] = bucket * dimensions;
        weights[known++] = weight;
      }
      addRows(known);
      const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
      for (let d = 0; d < dimensions; d++) out[offset + d] = sums[d] * steps[d] * scale;
    },
  };
}

export interface NgramCounter {
  count(scan: TextScan): NgramCounts;
}

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

/** The fitted part of the n-gram block: how rare each bucket is, and where it points. */
export interface NgramTable {
  readonly buckets: number;
  readonly dimensions: number;
  /** Inverse document frequency; 0 for a bucket too rare to say anything: [buckets] */
  readonly idf: Float32Array;
  /** Step of each column's int8 values: [dimensions] */
  readonly steps: Float32Array;
  /** [buckets, dimensions] */
  readonly projection: Int8Array;
}

/** Little-endian: idf float32 [buckets], steps float32 [dimensions], projection int8 [buckets, dimensions]. */
export function encodeNgramTable(table: NgramTable): Uint8Array {
  const floats = table.buckets + table.dimensions;
  const bytes = new Uint8Array(floats * 4 + table.buckets * table.dimensions);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < table.buckets; i++) view.setFloat32(i * 4, table.idf[i], true);
  for (let i = 0; i < table.dimensions; i++) view.setFloat32((table.buckets + i) * 4, table.steps[i], true);
  bytes.set(
    new Uint8Array(table.projection.buffer, table.projection.byteOffset, table.projection.length),
    floats * 4,
  );
  return bytes;
}

/** Far beyond what any traffic gives, and small enough that no sum of them leaves the range of a float32. */
const MOST = 1e6;

const isOrdinary = (value: number) => Math.abs(value) <= MOST;

/** @throws ArtifactError when the size is not what `buckets` and `dimensions` ask for, or a number is not finite or huge. */
export function decodeNgramTable(bytes: Uint8Array, buckets: number, dimensions: number): NgramTable {
  const floats = buckets + dimensions;
  const expected = floats * 4 + buckets * dimensions;
  if (bytes.byteLength !== expected)
    throw new ArtifactError(
      `the n-gram table must have ${expected} bytes for ${buckets} buckets of ${dimensions} dimensions. Got ${bytes.byteLength}. Export the artifact again.`,
    );
  const idf = readFloat32(bytes, 0, buckets);
  const steps = readFloat32(bytes, 4 * buckets, dimensions);
  if (!idf.every(isOrdinary) || !steps.every(isOrdinary))
    throw new ArtifactError(
      `the n-gram table holds a number that is not between ±${MOST}. Export the artifact again.`,
    );
  return {
    buckets,
    dimensions,
    idf,
    steps,
    projection: new Int8Array(bytes.buffer, bytes.byteOffset + floats * 4, buckets * dimensions),
  };
}
