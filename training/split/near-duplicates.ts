import { hashWord, mixHash } from 'pointsman/internal';

export interface NearDuplicateOptions {
  /** Jaccard similarity of three-word shingles from which two texts are near-duplicates. @default 0.8 */
  readonly threshold?: number;
  /**
   * A group with a larger share of all texts is one template rather than copies; it is grouped again by a stricter
   * threshold, and at last by equal text alone, so that it cannot swallow the set. @default 0.25
   */
  readonly largestShare?: number;
}

export interface NearDuplicateGroups {
  /** The group of each text: the index of its first member. */
  readonly groups: Int32Array; // [texts]
  readonly report: {
    readonly texts: number;
    readonly groups: number;
    readonly largestGroup: number;
    /** Texts that share a group with another. */
    readonly grouped: number;
    /** Groups that were too large, and the threshold (1: equal text) that parted each. */
    readonly parted: readonly { readonly size: number; readonly threshold: number }[];
    /** Texts for which not every possible pair was compared. */
    readonly bounded: number;
  };
}

const STRICTER = [0.9, 0.97, 1] as const;

/** Below this many texts a large share is no sign of a template. */
const FEW_TEXTS = 50;

/**
 * Groups texts that are equal but for case and white space, or nearly so (similarity chains count: a–b and b–c put
 * a and c together). Numbers are words like any other. Texts in different groups are less similar than the
 * threshold, but for what the report says.
 */
export function groupNearDuplicates(
  texts: readonly string[],
  { threshold = 0.8, largestShare = 0.25 }: NearDuplicateOptions = {},
): NearDuplicateGroups {
  const firstWithText = new Map<string, number>();
  const copyOf = Int32Array.from(texts, (text, i) => {
    const normalised = normalisedText(text);
    const first = firstWithText.get(normalised) ?? i;
    if (first === i) firstWithText.set(normalised, i);
    return first;
  });
  const copies = new Int32Array(texts.length);
  for (const first of copyOf) copies[first]++;
  const distinct = [...firstWithText].map(([text, row]) => ({ row, set: shingles(text) }));
  firstWithText.clear();

  const parted: { size: number; threshold: number }[] = [];
  const groupOfDistinct = new Int32Array(texts.length);
  const limit = Math.max(FEW_TEXTS * largestShare, largestShare * texts.length);
  let bounded = 0;
  const group = (members: readonly (typeof distinct)[number][], level: number, at: number): void => {
    const joined = createDisjointSets(members.length);
    if (at < 1) {
      bounded += joinSimilarSets(
        members.map((member) => member.set),
        at,
        joined,
      );
    }
    const found = new Map<number, (typeof distinct)[number][]>();
    for (const [i, member] of members.entries()) {
      const root = joined.find(i);
      const peers = found.get(root);
      if (peers === undefined) found.set(root, [member]);
      else peers.push(member);
    }
    for (const peers of found.values()) {
      const size = peers.reduce((sum, peer) => sum + copies[peer.row], 0);
      const next = STRICTER.findIndex((stricter, i) => i >= level && stricter > at);
      if (size > limit && peers.length > 1 && next >= 0) {
        parted.push({ size, threshold: STRICTER[next] });
        group(peers, next + 1, STRICTER[next]);
      } else {
        const first = peers.reduce((least, peer) => Math.min(least, peer.row), peers[0].row);
        for (const peer of peers) groupOfDistinct[peer.row] = first;
      }
    }
  };
  group(distinct, 0, threshold);

  const groups = copyOf.map((first) => groupOfDistinct[first]);
  const sizes = new Int32Array(texts.length);
  for (const root of groups) sizes[root]++;
  const report = {
    texts: texts.length,
    groups: sizes.reduce((sum, size) => sum + (size > 0 ? 1 : 0), 0),
    largestGroup: sizes.reduce((most, size) => Math.max(most, size), 0),
    grouped: sizes.reduce((sum, size) => sum + (size > 1 ? size : 0), 0),
    parted,
    bounded,
  };
  return { groups, report };
}

/** The words, numbers and signs of a text, in lower case. Signs and numbers stay: "2+3" is not "2-3". */
const TOKEN =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}]|[\p{L}\p{M}]+|\p{N}+|[^\s\p{L}\p{M}\p{N}]/gu;
const WORDS = 3;

/** 2^32 over the golden ratio: spreads what was hashed before over all bits. */
const GOLDEN_RATIO = 0x9e3779b1;

/**
 * The distinct runs of three tokens of a text, as 32-bit hashes in no order. A text of fewer tokens is one shingle,
 * an empty one none. Scripts without spaces count each character as a token.
 */
export function shingles(text: string): Uint32Array {
  const tokens = Array.from(text.matchAll(TOKEN), ([token]) => hashWord(token));
  if (tokens.length === 0) return new Uint32Array();
  const found = new Set<number>();
  for (let i = 0; i === 0 || i + WORDS <= tokens.length; i++) {
    let run = 0;
    for (let k = i; k < Math.min(i + WORDS, tokens.length); k++)
      run = mixHash(Math.imul(run, GOLDEN_RATIO) ^ tokens[k]) >>> 0;
    found.add(run);
  }
  return Uint32Array.from(found);
}

/** The text that two exact copies share: Unicode form, case and white space set aside. */
export function normalisedText(text: string): string {
  return text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();
}

/** Union–find: n members, each alone at first. The root of a set is its smallest member. */
interface DisjointSets {
  find(member: number): number;
  /** Joins two sets. */
  join(left: number, right: number): void;
}

export function createDisjointSets(n: number): DisjointSets {
  const parents = Int32Array.from({ length: n }, (_, i) => i);
  const find = (member: number): number => {
    let at = member;
    while (parents[at] !== at) {
      parents[at] = parents[parents[at]];
      at = parents[at];
    }
    return at;
  };
  return {
    find,
    join(left, right) {
      const a = find(left);
      const b = find(right);
      if (a < b) parents[b] = a;
      else parents[a] = b;
    },
  };
}

/** A list of sets this long is split by group, so that sets already joined are passed over at once. */
const CROWDED = 32;

/** Comparisons spent on one set. Only traffic made of one template with slots comes near it. */
const MOST_COMPARISONS = 5000;

/**
 * Joins, in `joined`, every two sets whose Jaccard similarity is at least `threshold`. Exact, unlike MinHash, and as
 * fast: two similar sets must share one of their rarest elements (prefix filter of AllPairs, Bayardo et al. 2007,
 * with PPJoin's length and index bounds, Xiao et al. 2008).
 * @param sets distinct 32-bit elements each, in any order; empty sets join nothing.
 * @returns how many sets reached the bound on comparisons, so that a pair of theirs may have been missed.
 */
export function joinSimilarSets(
  sets: readonly Uint32Array[],
  threshold: number,
  joined: DisjointSets,
): number {
  const elements = sets.reduce((sum, set) => sum + set.length, 0);
  const shift = Math.max(8, 30 - Math.ceil(Math.log2(elements + 1)));
  const counts = new Uint32Array(2 ** (32 - shift));
  for (const set of sets) for (const element of set) counts[element >>> shift]++;
  // Rarest first; any order does, so long as it is the same for every set.
  const sorted = sets.map((set) =>
    Float64Array.from(set, (element) => {
      const count = Math.min(counts[element >>> shift], 2 ** 20);
      return count * 2 ** 32 + element;
    }).sort(),
  );
  const order = Int32Array.from(sets.keys()).sort((a, b) => sets[a].length - sets[b].length || a - b);
  const index = new Map<number, PostingList>();
  const compared = new Int32Array(sets.length).fill(-1);
  let bounded = 0;
  for (const x of order) {
    const own = sorted[x];
    const probed = own.length - Math.ceil(threshold * own.length - 1e-9) + 1;
    let comparisons = 0;
    // True when x and y are joined, now or before.
    const compare = (y: number): boolean => {
      if (compared[y] === x || sorted[y].length < threshold * own.length - 1e-9) return false;
      compared[y] = x;
      if (joined.find(x) === joined.find(y)) return true;
      comparisons++;
      if (!areSimilar(own, sorted[y], threshold)) return false;
      joined.join(x, y);
      return true;
    };
    for (let i = 0; i < Math.min(probed, own.length); i++) {
      for (const crowd of index.get(own[i])?.crowds() ?? []) {
        if (joined.find(crowd[0]) === joined.find(x)) continue;
        for (let k = crowd.length - 1; k >= 0 && comparisons < MOST_COMPARISONS; k--) {
          // The members of a crowd are one group: joining one joins them all.
          if (compare(crowd[k]) && crowd.length > 1) break;
        }
      }
    }
    if (comparisons >= MOST_COMPARISONS) bounded++;
    const indexed = own.length - Math.ceil(((2 * threshold) / (1 + threshold)) * own.length - 1e-9) + 1;
    for (let i = 0; i < Math.min(indexed, own.length); i++) {
      // An element that no other set has cannot lead to one.
      if (own[i] < 2 ** 33) continue;
      const list = index.get(own[i]) ?? new PostingList(joined);
      index.set(own[i], list);
      list.add(x);
    }
  }
  return bounded;
}

/** Sets that hold one element, in crowds whose members are known to be joined with each other. */
class PostingList {
  readonly #joined: DisjointSets;
  #few: number[][] = [];
  #byRoot: Map<number, number[]> | null = null;

  constructor(joined: DisjointSets) {
    this.#joined = joined;
  }

  crowds(): Iterable<readonly number[]> {
    return this.#byRoot?.values() ?? this.#few;
  }

  add(member: number): void {
    if (this.#byRoot === null && this.#few.length < CROWDED) {
      this.#few.push([member]);
      return;
    }
    if (this.#byRoot === null) {
      this.#byRoot = new Map();
      for (const [held] of this.#few) this.#put(held);
      this.#few = [];
    }
    this.#put(member);
  }

  #put(member: number): void {
    const root = this.#joined.find(member);
    const crowd = this.#byRoot?.get(root);
    if (crowd === undefined) this.#byRoot?.set(root, [member]);
    else crowd.push(member);
  }
}

/** Whether two ascending sets overlap enough; stops as soon as they cannot. */
function areSimilar(left: Float64Array, right: Float64Array, threshold: number): boolean {
  const needed = (threshold / (1 + threshold)) * (left.length + right.length) - 1e-9;
  let shared = 0;
  let i = 0;
  let j = 0;
  while (i < left.length && j < right.length) {
    if (shared + Math.min(left.length - i, right.length - j) < needed) return false;
    if (left[i] === right[j]) {
      shared++;
      i++;
      j++;
    } else if (left[i] < right[j]) i++;
    else j++;
  }
  return shared >= needed;
}

/**
 * Texts of similarity 0.8 share one of 12 bands of 5 minima with probability 0.99, of 0.5 with 0.32 (Broder 1997).
 */
export const BANDS = 12;
const BAND_ROWS = 5;
const MINIMA = BANDS * BAND_ROWS;
const KEY_AT = 4;
const MINIMA_AT = 10;
const RECORD_BYTES = MINIMA_AT + MINIMA;
const SEEDS = Uint32Array.from({ length: MINIMA }, (_, i) => mixHash(Math.imul(i + 1, GOLDEN_RATIO)));

/**
 * Some texts as MinHash sees them, a file for each part of each band: texts that may be near-duplicates come together in one of them,
 * wherever they were.
 *
 * @param keys of the texts: whole numbers below 2^48 @param parts of a band
 * @returns `[BANDS * parts]`
 */
export function bandRecords(keys: Float64Array, texts: readonly string[], parts: number): Buffer[] {
  const files: Buffer[][] = Array.from({ length: BANDS * parts }, () => []);
  const seen = new Set<number>();
  const minima = new Uint32Array(MINIMA);
  for (const [i, text] of texts.entries()) {
    if (seen.has(keys[i])) continue;
    seen.add(keys[i]);
    const set = shingles(normalisedText(text));
    if (set.length === 0) continue;
    minima.fill(0xffffffff);
    for (const element of set)
      for (let k = 0; k < MINIMA; k++) {
        const hash = mixHash(element ^ SEEDS[k]) >>> 0;
        if (hash < minima[k]) minima[k] = hash;
      }
    for (let band = 0; band < BANDS; band++) {
      const record = Buffer.allocUnsafe(RECORD_BYTES);
      let hash = 0;
      for (let k = 0; k < BAND_ROWS; k++)
        hash = mixHash(Math.imul(hash, GOLDEN_RATIO) ^ minima[band * BAND_ROWS + k]) >>> 0;
      record.writeUInt32LE(hash, 0);
      record.writeUIntLE(keys[i], KEY_AT, 6);
      for (let k = 0; k < MINIMA; k++) record[MINIMA_AT + k] = minima[k];
      files[band * parts + (hash % parts)].push(record);
    }
  }
  return files.map((records) => Buffer.concat(records));
}

/** A text is compared with so many of those that share a band with it. */
const MOST_IN_BAND = 100;

/**
 * Near-duplicates among texts that share a band: each with the most similar one before it.
 *
 * @param records one part of one band, of all texts
 * @returns two keys and their similarity, as far as minima tell, to 0.05: `[pairs, 3]`
 */
export function pairsInBand(records: Buffer, threshold = 0.8): Float64Array {
  const count = records.length / RECORD_BYTES;
  const starts = Array.from({ length: count }, (_, i) => i * RECORD_BYTES);
  const hashes = Uint32Array.from(starts, (at) => records.readUInt32LE(at));
  const keys = Float64Array.from(starts, (at) => records.readUIntLE(at + KEY_AT, 6));
  const order = Uint32Array.from(hashes.keys()).sort((a, b) => hashes[a] - hashes[b] || keys[a] - keys[b]);
  const pairs: number[] = [];
  let first = 0;
  for (let at = 1; at < count; at++) {
    const own = order[at];
    if (hashes[own] !== hashes[order[first]]) first = at;
    if (keys[own] === keys[order[at - 1]]) continue; // The same text, of another shard.
    let [nearest, most] = [-1, 0];
    for (let other = Math.max(first, at - MOST_IN_BAND); other < at; other++) {
      const similarity = sharedMinima(records, own, order[other]);
      if (similarity > most && keys[order[other]] !== keys[own]) [nearest, most] = [order[other], similarity];
    }
    if (most >= threshold) pairs.push(keys[nearest], keys[own], most);
  }
  return Float64Array.from(pairs);
}

/** Share of equal minima; of bytes one in 256 is so by chance. */
function sharedMinima(records: Buffer, left: number, right: number): number {
  const [a, b] = [left * RECORD_BYTES + MINIMA_AT, right * RECORD_BYTES + MINIMA_AT];
  let equal = 0;
  for (let k = 0; k < MINIMA; k++) if (records[a + k] === records[b + k]) equal++;
  return (256 * (equal / MINIMA) - 1) / 255;
}

/**
 * The groups of near-duplicates that pairs make, parted by stricter thresholds where one would have a large share of all texts.
 *
 * @param pairs of `pairsInBand`, of all bands @param texts how many there are
 * @returns the group of each key that is not its own: the smallest key of the group; ascending
 */
export function groupsOfPairs(pairs: Float64Array, texts: number, largestShare = 0.25): [number, number][] {
  const keys = Float64Array.from(new Set(pairs.filter((_, i) => i % 3 < 2))).sort();
  const numberOf = new Map(Array.from(keys, (key, i) => [key, i]));
  const numbers = pairs.map((value, i) => (i % 3 < 2 ? numberOf.get(value)! : value));
  const limit = Math.max(FEW_TEXTS * largestShare, largestShare * texts);
  const groups = new Int32Array(keys.length);
  const part = (isOurs: (i: number) => boolean, threshold: number, level: number): void => {
    const joined = createDisjointSets(keys.length);
    for (let i = 0; i < numbers.length; i += 3)
      if (numbers[i + 2] >= threshold && isOurs(numbers[i])) joined.join(numbers[i], numbers[i + 1]);
    const sizes = new Int32Array(keys.length);
    for (const i of keys.keys()) if (isOurs(i)) groups[i] = joined.find(i);
    for (const [i, group] of groups.entries()) if (isOurs(i)) sizes[group]++;
    for (const [root, size] of sizes.entries()) {
      if (size <= limit || level === STRICTER.length) continue;
      const ours = Uint8Array.from(groups, (group, i) => Number(isOurs(i) && group === root));
      // Equal texts are one key: nothing is left to join them by.
      const next = STRICTER[level] === 1 ? Number.POSITIVE_INFINITY : STRICTER[level];
      part((i) => ours[i] === 1, next, level + 1);
    }
  };
  part(() => true, 0, 0);
  return Array.from(keys, (key, i): [number, number] => [key, keys[groups[i]]]).filter(
    ([key, group]) => key !== group,
  );
}
