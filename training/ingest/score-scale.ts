import { InvalidInputError } from 'pointsman';
import {
  areAllBest,
  between,
  commonest,
  examplesOf,
  type FoundScale,
  findScale,
  isTold,
  knownWords,
  type NumberCounts,
  type RatingForm,
  readTextRating,
  refuseUnknownWords,
  type ScoreRange,
  type SeenScores,
  TRACE,
  UnclearScoresError,
} from './score-words.ts';

/** How scores become qualities of 0 to 1. */
export interface ScoreScale {
  /** The worst score and the best. */
  readonly range: ScoreRange;
  /** Who said so: nobody (0 to 1), the user, or the scores themselves. */
  readonly by: 'default' | 'given' | 'found';
  /** Forms of ratings that were read though they are no numbers. */
  readonly forms: readonly RatingForm[];
  /** Whether every score is 1, which is the best of 0 to 1 and the worst of 1 to 5. */
  readonly allOnes: boolean;
  /** Whether every score that was read says the best, in words or as `true`. */
  readonly allBest: boolean;
}

/** Fewer scores of one file or candidate do not tell its scale. */
const FEWEST_TOLD = 20;

/** A scale, and what of the scores does not fit it though it may not be by mistake: a sentence. */
export interface ScaleDecision {
  readonly scale: ScoreScale;
  readonly doubt: string | null;
}

/**
 * Says how the scores are to be read, having seen all of them.
 * @param given the worst score and the best; `auto`: what is plain from the scores; undefined: 0 and 1
 * @throws InvalidInputError where they are plainly on another scale, with the option to give; or on several.
 */
export function decideScale(seen: SeenScores, given: ScoreRange | 'auto' | undefined): ScaleDecision {
  const texts = countForms(seen.texts);
  const counts = countsOf(seen.numbers);
  for (const [value, count] of texts.numbers) counts.set(value, (counts.get(value) ?? 0) + count);
  const numbers = countOf(counts);
  const rated = numbers + texts.total - texts.ofNumbers;
  const unread = isTold(texts.unread, rated) ? unreadTexts(seen.texts) : null;
  refuseUnknownWords(seen, numbers);
  const allBest = areAllBest(seen, numbers);
  if (given !== undefined && given !== 'auto') {
    refuseScaledTwice(counts, given);
    if (given[0] !== 0 || given[1] !== 1) refuseWordsAmongNumbers(seen, counts, rated);
    return {
      scale: { range: given, by: 'given', forms: texts.forms, allOnes: false, allBest },
      doubt: unread,
    };
  }
  const found = findScale(counts);
  if (found.kind === 'range' || found.kind === 'unclear') refuseWordsAmongNumbers(seen, counts, rated);
  if (given === undefined && isTold(texts.total - texts.unread, rated))
    throw ratingsInText(seen.texts, texts, rated);
  if (isTold(texts.shares, rated) && isTold(numbers, rated))
    throw mixedScales(
      `${shown(numbers)} are plain numbers, others texts such as ${examples(seen.texts, 'percent', 'parts')}`,
    );
  refuseSeveralScales(seen, found);
  if (found.kind === 'unclear') throw unclearScale(found.ranges, counts);
  if (found.kind === 'range' && given === undefined) throw otherScale(found.range, counts);
  return {
    scale: {
      range: found.kind === 'range' ? found.range : [0, 1],
      by: given === 'auto' ? 'found' : 'default',
      forms: given === 'auto' ? texts.forms : [],
      allOnes: numbers > 1 && counts.get(1) === numbers && texts.total === 0,
      allBest,
    },
    doubt: found.kind === 'mixed' || found.kind === 'none' ? strayNumbers(counts) : unread,
  };
}

/** How the scores were read, in words; null where nothing was said of it and they are qualities. */
export function describeScale({ by, forms, range: [worst, best] }: ScoreScale): string | null {
  if (by === 'default') return null;
  const texts = forms.map((form) => FORM_NAMES[form]).join(', ');
  const read = texts === '' ? '' : `, ${texts} among them`;
  return `${worst} (worst) to ${best} (best)${read}, ${by === 'found' ? 'as was found' : 'as was given'}`;
}

/** The quality of a rating that is no number; null where it says none. */
export function qualityOfText(text: string, { range: [worst, best] }: ScoreScale): number | null {
  const read = readTextRating(text);
  if (read === null) return null;
  return isOfNumbers(read.form) ? (read.value - worst) / (best - worst) : read.value;
}

/** Stars and decimal commas are numbers in other clothes, and are on the scale of the numbers beside them. */
function isOfNumbers(form: RatingForm): boolean {
  return form === 'stars' || form === 'comma';
}

function countForms(texts: ReadonlyMap<string, number>) {
  const forms = new Set<RatingForm>();
  const numbers = new Map<number, number>();
  const counted = { total: 0, unread: 0, ofNumbers: 0, shares: 0 };
  for (const [text, count] of texts) {
    counted.total += count;
    const read = readTextRating(text);
    if (read === null) {
      counted.unread += count;
      continue;
    }
    forms.add(read.form);
    if (read.form === 'percent' || read.form === 'parts') counted.shares += count;
    if (!isOfNumbers(read.form)) continue;
    counted.ofNumbers += count;
    const key = countKey(read.value);
    numbers.set(key, (numbers.get(key) ?? 0) + count);
  }
  return { ...counted, forms: [...forms].sort(), numbers };
}

/** Under what a number is counted; the SQL that counts scores says the same. */
function countKey(value: number): number {
  if (value < -1) return Number.NEGATIVE_INFINITY;
  if (value > 100) return Number.POSITIVE_INFINITY;
  return Number.isInteger(value) ? value : Math.floor(value) + 0.5;
}

function countsOf(numbers: SeenScores['numbers']): Map<number, number> {
  const counts = new Map<number, number>();
  for (const { value, count } of numbers) counts.set(value, (counts.get(value) ?? 0) + count);
  return counts;
}

function countOf(counts: NumberCounts): number {
  return between(counts, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
}

/** A word says good or bad, and which of five stars is good, or which of three, it does not say. */
function refuseWordsAmongNumbers(seen: SeenScores, counts: NumberCounts, rated: number): void {
  const words = knownWords(seen);
  const told = [...words.values()].reduce((sum, count) => sum + count, 0);
  const all = rated + Object.values(seen.booleans ?? {}).reduce((sum, count) => sum + count, 0);
  if (isTold(told, all) && isTold(countOf(counts), all))
    throw mixedScales(`some are numbers (${tally(counts)}), others words such as ${examplesOf(words)}`);
}

/** Whether the files, or the candidates, were rated alike: what is a 1 of one must be a 1 of the others. */
function refuseSeveralScales({ numbers }: SeenScores, whole: FoundScale): void {
  for (const kind of ['file', 'candidate'] as const) {
    const groups = new Map<string, SeenScores['numbers'][number][]>();
    for (const each of numbers) {
      const name = each[kind];
      if (name === null) continue;
      const held = groups.get(name);
      if (held === undefined) groups.set(name, [each]);
      else held.push(each);
    }
    const told = [...groups].flatMap(([name, own]) => {
      const counts = countsOf(own);
      return countOf(counts) < FEWEST_TOLD ? [] : [{ name, counts, found: findScale(counts) }];
    });
    const other = told.find(({ counts, found }) => isOther(whole, found, counts));
    if (other === undefined || told.length < 2) continue;
    const named = told.slice(0, 6).map(({ name, counts }) => `${name} (${spanOf(counts)})`);
    throw mixedScales(`the ${kind === 'file' ? 'files' : 'candidates'} differ: ${named.join(', ')}`);
  }
}

function isOther(whole: FoundScale, part: FoundScale, counts: NumberCounts): boolean {
  if (part.kind === 'range')
    return whole.kind !== 'range' || part.range.some((end, i) => end !== whole.range[i]);
  if (part.kind === 'unclear') return whole.kind === 'unit';
  // Whoever does badly on 0 to 5 has zeros and ones; fractions between them, or both ends alone, are another scale.
  const isUnit = counts.has(0.5) || (counts.has(0) && counts.has(1));
  return part.kind === 'unit' && isUnit && (whole.kind === 'range' || whole.kind === 'unclear');
}

/** A table that was brought to 0 to 1 before must not be brought there again. */
function refuseScaledTwice(counts: NumberCounts, [worst, best]: ScoreRange): void {
  const numbers = countOf(counts);
  if (Math.abs(best - worst) < 2 || (counts.get(0.5) ?? 0) <= TRACE * numbers) return;
  if (between(counts, 0, 1) < numbers) return;
  throw new InvalidInputError(
    `The scores were said to go from ${worst} to ${best}, and all ${shown(numbers)} of them lie between 0 and 1, as qualities do. ` +
      'Leave out --score-range (`scoreRange`): they are on 0 to 1 already.',
  );
}

const NOTHING_READ = 'Nothing was read.';
const IN_CONFIG = '`scoreRange` in code, and under `logs` in a config';
const OTHER_COLUMN =
  'If they say something else than how good an answer was, name the right column: --map quality=your_score.';

function otherScale([worst, best]: ScoreRange, counts: NumberCounts): InvalidInputError {
  const isUpsideDown = worst === 1 ? 'Read as they are, the worst answers would count as perfect. ' : '';
  return new InvalidInputError(
    `The scores are on a scale of ${worst} to ${best}, and qualities are 0 to 1: ${tally(counts)}. ${isUpsideDown}${NOTHING_READ} ` +
      `If ${worst} is the worst and ${best} the best, say so: --score-range ${worst}..${best} (or \`auto\`; ${IN_CONFIG}). ${OTHER_COLUMN}`,
  );
}

function unclearScale(ranges: readonly ScoreRange[], counts: NumberCounts): UnclearScoresError {
  const flags = ranges.map(([worst, best]) => `--score-range ${worst}..${best}`).join(' or ');
  return new UnclearScoresError(
    `The scores are on another scale than 0 to 1, and which one cannot be told: ${tally(counts)}. ${NOTHING_READ} ` +
      `Say the worst score and the best, in this order: ${flags} (${IN_CONFIG}). ${OTHER_COLUMN}`,
    { ranges },
  );
}

function strayNumbers(counts: NumberCounts): string {
  return (
    `The scores are ${tally(counts)}, which is no scale that is known. If all of them are on one, say the worst score and the ` +
    'best, in this order: --score-range <worst..best>'
  );
}

function mixedScales(how: string): UnclearScoresError {
  return new UnclearScoresError(
    `The scores are on several scales: ${how}. ${NOTHING_READ} Bring them to 0 to 1 beforehand; or, where each file has one ` +
      'scale, ingest one file after another into one table: npx pointsman ingest <file> --score-range <worst..best> --append --out <table>.',
  );
}

const FORM_NAMES: Readonly<Record<RatingForm, string>> = {
  word: 'words',
  percent: 'percentages',
  parts: 'parts of a whole',
  stars: 'stars',
  comma: 'numbers with a decimal comma',
};

function ratingsInText(
  texts: ReadonlyMap<string, number>,
  { forms, total, unread }: ReturnType<typeof countForms>,
  rated: number,
): InvalidInputError {
  const who = total - unread < rated ? 'Some scores' : 'The scores';
  const what = forms.map((form) => FORM_NAMES[form]).join(' and ');
  const read = [...commonest(texts)].flatMap(([text]) => {
    const rating = readTextRating(text);
    if (rating === null || isOfNumbers(rating.form)) return [];
    return [`${JSON.stringify(text)} as ${Number(rating.value.toPrecision(3))}`];
  });
  const as = read.length === 0 ? 'by the scale that they are on' : read.slice(0, 4).join(', ');
  const rest = unread === 0 ? '' : ` Rejected would be what it cannot read: ${examples(unknownOf(texts))}.`;
  return new InvalidInputError(
    `${who} are ${what}, and qualities are numbers of 0 to 1: ${examples(texts)} (of ${shown(rated)}). ${NOTHING_READ} ` +
      `To have them read (${as}): --score-range auto (${IN_CONFIG}).${rest} ${OTHER_COLUMN}`,
  );
}

function unknownOf(texts: ReadonlyMap<string, number>): Map<string, number> {
  return new Map([...texts].filter(([text]) => readTextRating(text) === null));
}

function unreadTexts(texts: ReadonlyMap<string, number>): string {
  return `Some scores are texts that say no quality: ${examples(unknownOf(texts))}. Put numbers of 0 (worst) to 1 (best) in their place`;
}

/** The commonest ratings, of some forms or of any, each with how often it was seen. */
function examples(texts: ReadonlyMap<string, number>, ...forms: readonly RatingForm[]): string {
  const some = [...texts].filter(([text]) => {
    const form = readTextRating(text)?.form;
    return forms.length === 0 || (form !== undefined && forms.includes(form));
  });
  return examplesOf(new Map(some));
}

/** The numbers seen, the commonest ten in their order. */
function tally(counts: NumberCounts): string {
  const most = [...counts].sort(([a, m], [b, n]) => n - m || a - b).slice(0, 10);
  const told = most.sort(([a], [b]) => a - b).map(([value, count]) => `${nameOf(value)} × ${shown(count)}`);
  return told.join(', ') + (counts.size > told.length ? ', ...' : '');
}

function nameOf(value: number): string {
  if (value === Number.NEGATIVE_INFINITY) return 'under -1';
  if (value === Number.POSITIVE_INFINITY) return 'over 100';
  return Number.isInteger(value) ? String(value) : `between ${value - 0.5} and ${value + 0.5}`;
}

function spanOf(counts: NumberCounts): string {
  const values = [...counts.keys()].sort((a, b) => a - b);
  const end = (value: number, way: -1 | 1): string =>
    Number.isFinite(value) && !Number.isInteger(value) ? String(value + way * 0.5) : nameOf(value);
  return `${end(values[0], -1)} to ${end(values[values.length - 1], 1)}`;
}

function shown(count: number): string {
  return count.toLocaleString('en-US');
}
