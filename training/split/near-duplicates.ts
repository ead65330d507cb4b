import type { DisjointSets } from './disjoint-sets.ts';

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
