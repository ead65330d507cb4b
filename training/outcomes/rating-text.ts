import { readRating } from '../logs/read-rating.ts';

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
