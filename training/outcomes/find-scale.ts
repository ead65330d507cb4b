import { FEW, TRACE } from '../ingest/score-words.ts';

/**
 * How often each number was seen: a whole number from -1 to 100 under itself, any other between two of them under
 * their middle (0.5 stands for all between 0 and 1), what lies beyond under minus or plus infinity.
 */
export type NumberCounts = ReadonlyMap<number, number>;

/** From the worst score to the best. */
export type ScoreRange = readonly [number, number];

/** What scale numbers are on, as far as they tell. */
export type FoundScale =
  /** 0 to 1, but for a few strays. */
  | { readonly kind: 'unit' }
  /** Another, and plainly so. */
  | { readonly kind: 'range'; readonly range: ScoreRange }
  /** Another, and which of these cannot be told. */
  | { readonly kind: 'unclear'; readonly ranges: readonly ScoreRange[] }
  /** Some on 0 to 1, and some on another. */
  | { readonly kind: 'mixed' }
  /** None that is known. */
  | { readonly kind: 'none' };

const UNIT: FoundScale = { kind: 'unit' };

/** Ends of the scales in use, from the narrowest. */
const TOPS = [5, 7, 10, 100];

/**
 * What scale all the numbers together are on. A scale is plain where its ends were seen and hardly anything lies
 * beyond them: then its numbers cannot be qualities of 0 to 1, where a 1 is perfect.
 */
export function findScale(counts: NumberCounts): FoundScale {
  const total = between(counts, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  const outside = total - between(counts, 0, 1);
  if (outside === 0) return UNIT;
  const negative = between(counts, Number.NEGATIVE_INFINITY, -0.5);
  const zeros = counts.get(0) ?? 0;
  const isSeen = isEvidence(counts, total, outside);
  if (negative > TRACE * total && between(counts, -1, 1) >= (1 - TRACE) * total) {
    const isSpread = (counts.get(-0.5) ?? 0) > TRACE * total;
    const isPlain = isSeen && (isSpread || zeros === 0 || negative > FEW * total);
    return isPlain ? { kind: 'range', range: [-1, 1] } : UNIT;
  }
  const fractions = counts.get(0.5) ?? 0;
  const isMixed = fractions > TRACE * total && fractionsAbove(counts) === 0 && outside > FEW * total;
  if (isMixed && isSeen) return { kind: 'mixed' };
  if (!isSeen || fractions >= outside || outside <= (zeros > 0 ? FEW : TRACE) * total) return UNIT;
  return negative > TRACE * total ? { kind: 'none' } : rangeOf(counts, total);
}

/** How many lie within the ends. */
export function between(counts: NumberCounts, low: number, high: number): number {
  let sum = 0;
  for (const [value, count] of counts) if (value >= low && value <= high) sum += count;
  return sum;
}

function rangeOf(counts: NumberCounts, total: number): FoundScale {
  const low = between(counts, 0, 0.5) > TRACE * total ? 0 : 1;
  const top = TOPS.find((end) => between(counts, low, end) >= (1 - 3 * TRACE) * total);
  if (top === undefined) return { kind: 'none' };
  const seen = [...counts.keys()].filter((value) => value <= top);
  const most = Math.ceil(seen.reduce((a, b) => Math.max(a, b)));
  const bottom = top === 100 ? 0 : low;
  // Marks of 1 to 6 may have either end for the best, and 20 may be the best of 20.
  const isTop = top === 100 ? most > 50 : most === top;
  const isWhole = seen.every(Number.isInteger);
  if (isTop && (top !== 7 || (low === 1 && isWhole))) return { kind: 'range', range: [bottom, top] };
  const ranges: ScoreRange[] = [[bottom, top === 100 ? (most > 20 ? 50 : 20) : most]];
  if (most === 6 && low === 1) ranges.push([6, 1]);
  if (most !== top) ranges.push([bottom, top]);
  return { kind: 'unclear', ranges };
}

/** A stray or two tell nothing. */
function isEvidence(counts: NumberCounts, total: number, outside: number): boolean {
  const distinct = [...counts.keys()].filter((value) => value < 0 || value > 1).length;
  return outside >= 10 || (outside >= 3 && (distinct >= 2 || outside >= total / 4));
}

function fractionsAbove(counts: NumberCounts): number {
  let sum = 0;
  for (const [value, count] of counts) if (value > 1 && !Number.isInteger(value)) sum += count;
  return sum;
}
