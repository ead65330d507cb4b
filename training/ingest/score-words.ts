import { InvalidInputError } from 'pointsman';
import { readRating } from './record/values.ts';

/** So large a share of what was rated may be strays. */
export const TRACE = 0.01;

/** Of words that nobody knows, so large a share beside others that are known. */
const FEW = 0.05;

/** No scale has more words. */
const MOST_WORDS = 20;

/** Words of scales that have more than a good and a bad end. */
const GRADES = new Set(
  'excellent great perfect outstanding superb exceptional amazing fantastic ok okay fair average medium moderate mediocre acceptable adequate decent satisfactory unsatisfactory satisfied unsatisfied dissatisfied poor weak strong terrible awful horrible worst best better worse'.split(
    ' ',
  ),
);

/** What stands where nobody rated. */
const NO_SCORE = new Set(
  'n/a na n.a. nan none null nil - -- ? unknown unrated skip skipped missing undefined pending empty'
    .split(' ')
    .concat('not rated', 'no rating', 'no score', 'no answer', 'not applicable', 'not available'),
);

/** Whether so many of all that was rated are more than strays. */
export function isTold(count: number, rated: number): boolean {
  return count > TRACE * rated && (count >= 10 || count > rated / 4) && count > 1;
}

/** Words that say good, bad or between, and how often each was seen: `true` and `false` among them. */
export function knownWords({ booleans, texts }: SeenScores): Map<string, number> {
  const words = new Map([...texts].filter(([text]) => readTextRating(text)?.form === 'word'));
  for (const [name, count] of Object.entries(booleans ?? {}))
    if (count > 0) words.set(name, (words.get(name) ?? 0) + count);
  return words;
}

/**
 * Refuses words of which only some are known: where "excellent" stands beside it, "good" is not the best, and leaving out the
 * rows of the others would leave one quality for all.
 * @throws UnclearScoresError
 */
export function refuseUnknownWords(seen: SeenScores, numbers: number): void {
  const known = knownWords(seen);
  const unknown = new Map<string, number>();
  // Of labels that are no grades a log may have others beside its scores: a tone, a topic.
  const labels = [...(seen.labels ?? [])].filter(([label]) => isGrade(label));
  for (const [text, count] of [...seen.texts, ...labels])
    if (readTextRating(text) === null && !NO_SCORE.has(wordOf(text)))
      unknown.set(text, (unknown.get(text) ?? 0) + count);
  const shares = [...seen.texts].filter(([text]) => !unknown.has(text) && !known.has(text));
  const [ofKnown, ofUnknown] = [sumOf(known), sumOf(unknown)];
  const rated = numbers + sumOf(shares) + ofKnown + ofUnknown;
  const grades = sumOf([...unknown].filter(([text]) => isGrade(text)));
  const isGraded = grades > Math.max(1, TRACE * rated);
  // Words of a scale come again and again; remarks seldom do, and rows with them are rejected like any other.
  const areOfScale = unknown.size <= MOST_WORDS && ofUnknown >= Math.max(10, 3 * unknown.size);
  if (!isGraded && !(areOfScale && ofUnknown > FEW * rated)) return;
  if (!isTold(ofKnown, rated) && ofUnknown <= rated / 2) return;
  const [first] = commonest(known);
  const beside =
    first === undefined
      ? 'What they are worth'
      : `They stand beside ${examplesOf(known)}, and with words between the ends ${JSON.stringify(first[0])} need not be an end: what they are worth`;
  throw new UnclearScoresError(
    `Some scores are words of which it is not known how good they are: ${examplesOf(unknown)}. ${beside} is for you to say. Nothing was read. ` +
      'Put a number of 0 (worst) to 1 (best) in the place of every word, and leave empty what is no score. If they say something else than how ' +
      'good an answer was, name the right column: --map quality=your_score.',
  );
}

/** Whether every score that was read is a word for the best. @param numbers how many scores are numbers */
export function areAllBest(seen: SeenScores, numbers: number): boolean {
  const known = knownWords(seen);
  const read = [...seen.texts.keys()].filter((text) => readTextRating(text) !== null);
  const isBest = [...known.keys()].every((text) => text === 'true' || readTextRating(text)?.value === 1);
  return numbers === 0 && sumOf(known) > 1 && isBest && read.every((text) => known.has(text));
}

function isGrade(text: string): boolean {
  return wordOf(text)
    .split(' ')
    .some((word) => GRADES.has(word));
}

function wordOf(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replaceAll(/[_-]+(?=\w)/g, ' ');
}

function sumOf(counts: Iterable<readonly [string, number]>): number {
  let sum = 0;
  for (const [, count] of counts) sum += count;
  return sum;
}

export function commonest(texts: ReadonlyMap<string, number>): [string, number][] {
  return [...texts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
}

/** The commonest five, each with how often it was seen. */
export function examplesOf(texts: ReadonlyMap<string, number>): string {
  const told = commonest(texts)
    .slice(0, 5)
    .map(([text, count]) => `${JSON.stringify(text)} × ${count.toLocaleString('en-US')}`);
  return told.join(', ') + (texts.size > told.length ? ', ...' : '');
}

/** Every quality, score and rating of an ingest, before any is used. */
export interface SeenScores {
  /** Numbers, by the file and by the candidate that they are of. */
  readonly numbers: readonly {
    readonly file: string;
    readonly candidate: string | null;
    readonly value: number;
    readonly count: number;
  }[];
  /** How often each rating was seen that is no number, nor `true` or `false`. */
  readonly texts: ReadonlyMap<string, number>;
  /** How often answers were said to be good (`true`) or bad (`false`), failed calls aside. */
  readonly booleans?: Readonly<Record<'true' | 'false', number>>;
  /** Labels of categories that a log's reader has refused already, and how often. */
  readonly labels?: ReadonlyMap<string, number>;
}

/** How a rating that is no number says how good an answer was. */
export type RatingForm = 'word' | 'percent' | 'parts' | 'stars' | 'comma';

/** A rating that is no number, read. */
interface TextRating {
  readonly form: RatingForm;
  /**
   * A quality, 0 to 1, of a word ("thumbs up"), a percentage ("85%") or parts ("4/5", "4 out of 5"); a number on the
   * scale of the numbers beside it, of stars ("★★★★☆", "4 stars") or a decimal comma ("4,5").
   */
  readonly value: number;
}

/** Longer texts are remarks, no ratings. */
export const LONGEST_RATING = 40;

const NUMBER = '[+-]?(?:\\d+[.,]?\\d*|[.,]\\d+)';
const PERCENT = new RegExp(`^(${NUMBER})\\s*(?:%|percent|per cent|pct)$`, 'i');
const PARTS = new RegExp(`^(${NUMBER})\\s*(?:/|out of|of)\\s*(${NUMBER})$`, 'i');
const STAR_COUNT = new RegExp(`^(${NUMBER})\\s*(?:stars?|[★⭐])$`, 'i');
const STARS = /^[★⭐*][★⭐*\s]*[☆\s]*$|^☆+$/u;
const COMMA = /^[+-]?\d{1,3},\d+$/;
const SIGNS: Readonly<Record<string, number>> = {
  '👍': 1,
  '👎': 0,
  '✅': 1,
  '❌': 0,
  '✔': 1,
  '✘': 0,
  '✓': 1,
  '✗': 0,
};
const MIDDLE = ['neutral', 'tie', 'mixed', 'partial', 'partly'];

/** @returns null where the text is no rating that is known. Of letters, who knows whether A is a grade or an answer? */
export function readTextRating(text: string): TextRating | null {
  // Signs come with a tone of the skin or a mark of the way they are drawn.
  const given = text.trim().replace(/[\u{1F3FB}-\u{1F3FF}\uFE0F]/gu, '');
  const word = given in SIGNS ? SIGNS[given] : wordValue(given);
  if (word !== null) return { form: 'word', value: word };
  const percent = PERCENT.exec(given);
  if (percent !== null) return { form: 'percent', value: numberOf(percent[1]) / 100 };
  const parts = PARTS.exec(given);
  if (parts !== null && numberOf(parts[2]) > 0)
    return { form: 'parts', value: numberOf(parts[1]) / numberOf(parts[2]) };
  const counted = STAR_COUNT.exec(given);
  if (counted !== null) return { form: 'stars', value: numberOf(counted[1]) };
  if (STARS.test(given)) return { form: 'stars', value: [...given.matchAll(/[★⭐*]/gu)].length };
  return COMMA.test(given) ? { form: 'comma', value: numberOf(given) } : null;
}

function wordValue(text: string): number | null {
  if (MIDDLE.includes(text.toLowerCase())) return 0.5;
  const read = readRating(text.replaceAll('-', ' '));
  return typeof read === 'boolean' ? Number(read) : null;
}

function numberOf(text: string): number {
  return Number(text.replace(',', '.'));
}

/** What is known of scores that cannot be read until somebody says how. */
export interface UnclearScores {
  /** Names of scores, one of which is the quality, and how often each was seen: the commonest first. */
  readonly names?: readonly (readonly [name: string, count: number])[];
  /** Scales that they may be on, if any. */
  readonly ranges?: readonly ScoreRange[];
}

/** Scores on several scales, on one whose ends cannot be told, or of several names. */
export class UnclearScoresError extends InvalidInputError {
  override readonly name = 'UnclearScoresError';
  readonly unclear: UnclearScores;

  constructor(message: string, unclear: UnclearScores = {}) {
    super(message);
    this.unclear = unclear;
  }
}

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
