import type { FeatureBlock, Manifest, NoveltySpec } from '../artifact/manifest.ts';
import { ArtifactError } from '../errors.ts';
import { allFinite, readFloat32 } from '../math.ts';
import type { Prompt } from '../request.ts';
import {
  createTextScan,
  FNV_OFFSET,
  hashUnit,
  mixHash,
  prepareText,
  scanText,
  type TextScan,
  TokenKind,
} from '../text.ts';
import { createNumericSignals, NUMERIC_SIGNAL_NAMES } from './numeric.ts';

/** A prompt and its embedding to the feature vector. Training and serving both go through here. */
export interface FeatureExtractor {
  /** Length of the feature vector. */
  readonly length: number;
  /**
   * @param embedding the embedder's vector for `prompt.text`, `[dimensions]`.
   * @param out `[length]`, from `offset`.
   */
  extractInto(prompt: Prompt, embedding: Float32Array, out: Float32Array, offset?: number): void;
}

/**
 * The feature extractor that an artifact describes.
 *
 * @param file the bytes of one of the artifact's files.
 * @throws ArtifactError when a table does not fit the manifest, or it asks for signals this version does not have.
 */
export function readFeatures(
  features: Manifest['features'],
  file: (path: string) => Uint8Array,
): FeatureExtractor {
  const blocks = features.blocks.map((block) => readBlock(block, file));
  return createFeatureExtractor(
    blocks,
    decodeStandardisation(file(features.standardisation), features.length),
  );
}

function readBlock(block: FeatureBlock, file: (path: string) => Uint8Array): ExtractorBlock {
  return block.kind === 'embedding'
    ? { kind: 'embedding', dimensions: block.dimensions }
    : readTextBlock(block, file);
}

/** A block that is read off a text. @throws ArtifactError as {@link readFeatures} does. */
export function readTextBlock(
  block: Exclude<FeatureBlock, { kind: 'embedding' }>,
  file: (path: string) => Uint8Array,
): TextExtractorBlock {
  if (block.kind === 'numeric') {
    checkNames('numeric signals', block.names, NUMERIC_SIGNAL_NAMES);
    return { kind: 'numeric' };
  }
  const table = decodeNgramTable(file(block.file), block.buckets, block.dimensions);
  const ngrams = createNgramBlock(createNgramCounter(block), table);
  return { kind: 'ngrams', dimensions: block.dimensions, block: ngrams };
}

/** @throws ArtifactError when what is counted has other names than those of this version. */
export function checkNames(what: string, names: readonly string[], known: readonly string[]): void {
  const unknown = names.findIndex((name, i) => name !== known[i]);
  if (unknown !== -1 || names.length !== known.length)
    throw new ArtifactError(
      `the ${what} of the artifact must be the ${known.length} of this version. Got ${names.length}, first different: "${names[unknown] ?? 'none'}". Use the version that trained it, or train again.`,
    );
}

/** Not safe to call from two threads at once: it reuses its buffers. */
export function createFeatureExtractor(
  blocks: readonly ExtractorBlock[],
  standardisation: Standardisation | null,
): FeatureExtractor {
  const length = blocks.reduce((sum, block) => sum + blockLength(block), 0);
  const readsText = blocks.some((block) => block.kind !== 'embedding');
  const numeric = createNumericSignals();
  const scan = createTextScan();

  return {
    length,
    extractInto(prompt, embedding, out, offset = 0) {
      let at = offset;
      if (readsText) scanText(prepareText(prompt.text), scan);
      for (const block of blocks) {
        if (block.kind === 'embedding') out.set(embedding, at);
        else if (block.kind === 'ngrams') block.block.writeInto(scan, out, at);
        else numeric.writeInto(prompt, scan, out, at);
        at += blockLength(block);
      }
      if (standardisation !== null) standardisation.apply(out, offset);
    },
  };
}

/** One stretch of the feature vector, ready to be computed. */
export type ExtractorBlock = { readonly kind: 'embedding'; readonly dimensions: number } | TextExtractorBlock;

type TextExtractorBlock =
  | { readonly kind: 'ngrams'; readonly dimensions: number; readonly block: NgramBlock }
  | { readonly kind: 'numeric' };

function blockLength(block: ExtractorBlock): number {
  return block.kind === 'numeric' ? NUMERIC_SIGNAL_NAMES.length : block.dimensions;
}

/** Features are (x - mean) * scale, held within ±`LIMIT` so that one odd prompt cannot run away with a linear head. */
export interface Standardisation {
  readonly mean: Float32Array; // [length]
  readonly scale: Float32Array; // [length]
  /** Standardises `[length]` numbers of `features` from `offset`, in place. */
  apply(features: Float32Array, offset: number): void;
}

/** In units of the scale's inverse; for a z-scored feature, standard deviations. */
const LIMIT = 5;

/**
 * Features as far out as standardisation lets them be: what is finite for all of them has no weight that is huge. All
 * alike and in turn, so that weights of either sign add up somewhere.
 */
export function extremeFeatures(length: number): Float32Array[] {
  const signs: readonly ((i: number) => number)[] = [
    () => 0,
    () => 1,
    () => -1,
    (i) => (i % 2 === 0 ? 1 : -1),
  ];
  return signs.map((sign) => Float32Array.from({ length }, (_, i) => LIMIT * sign(i)));
}

export function createStandardisation(mean: Float32Array, scale: Float32Array): Standardisation {
  return {
    mean,
    scale,
    apply(features, offset) {
      for (let i = 0; i < mean.length; i++) {
        const value = (features[offset + i] - mean[i]) * scale[i];
        features[offset + i] = Math.max(-LIMIT, Math.min(LIMIT, value));
      }
    },
  };
}

/** The means, then the scales. @throws ArtifactError as {@link readNumbers} does */
export function decodeStandardisation(bytes: Uint8Array, length: number): Standardisation {
  const numbers = readNumbers('the standardisation', bytes, 2 * length);
  return createStandardisation(numbers.subarray(0, length), numbers.subarray(length));
}

/** All of a file, little-endian float32. @throws ArtifactError when it has not so many numbers, or one is not finite */
function readNumbers(what: string, bytes: Uint8Array, count: number): Float32Array {
  if (bytes.length !== 4 * count)
    throw new ArtifactError(
      `${what} must hold ${count} numbers of 4 bytes. Got ${bytes.length} bytes. Export the artifact again.`,
    );
  const numbers = readFloat32(bytes, 0, count);
  if (allFinite(numbers)) return numbers;
  throw new ArtifactError(`${what} holds a number that is not finite. Export the artifact again.`);
}

/** Features to distance over threshold: over 1 is out of distribution. */
type NoveltyScore = (features: Float32Array) => number;

/**
 * Mahalanobis distance under a covariance of a few directions and one variance for all others (probabilistic PCA,
 * Tipping and Bishop 1999), per feature. Features have mean 0 over the fit split.
 *
 * @throws ArtifactError when the file does not fit.
 */
export function readNovelty(spec: NoveltySpec, length: number, bytes: Uint8Array): NoveltyScore {
  const { components, residualPrecision, threshold } = spec;
  const numbers = readNumbers(`"${spec.file}"`, bytes, components * (1 + length));
  const precisions = numbers.subarray(0, components);
  const scale = 1 / (length * threshold);
  return (features) => {
    let rest = 0;
    for (let i = 0; i < length; i++) rest += features[i] * features[i];
    let distance = 0;
    for (let k = 0, at = components; k < components; k++) {
      let along = 0;
      for (let i = 0; i < length; i++) along += features[i] * numbers[at++];
      distance += precisions[k] * along * along;
      rest -= along * along;
    }
    return (distance + residualPrecision * Math.max(0, rest)) * scale;
  };
}

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
interface NgramCounts {
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
  const { buckets, counts: values } = counts;
  counts.buckets = new Int32Array(buckets.length * 2);
  counts.buckets.set(buckets);
  counts.counts = new Float32Array(values.length * 2);
  counts.counts.set(values);
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

/** Far beyond what any traffic gives, and small enough that no sum of them leaves the range of a float32. */
const MOST = 1e6;

const isOrdinary = (value: number) => Math.abs(value) <= MOST;

/**
 * Reads a table, little-endian: idf float32 [buckets], steps float32 [dimensions], projection int8 [buckets, dimensions].
 * @throws ArtifactError when the size is not what `buckets` and `dimensions` ask for, or a number is not finite or huge
 */
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
