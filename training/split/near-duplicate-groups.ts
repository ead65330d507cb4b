import { createDisjointSets } from './disjoint-sets.ts';
import { joinSimilarSets } from './near-duplicates.ts';
import { normalisedText, shingles } from './shingles.ts';

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
