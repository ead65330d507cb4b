import { readTextRating } from '../outcomes/rating-text.ts';
import { UnclearScoresError } from '../outcomes/unclear-scores-error.ts';

/** So large a share of what was rated may be strays. */
export const TRACE = 0.01;

/** Of words that nobody knows, so large a share beside others that are known. */
export const FEW = 0.05;

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
