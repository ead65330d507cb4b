import { describe, expect, test } from 'vitest';
import {
  type FoundScale,
  findScale,
  type NumberCounts,
  readTextRating,
} from '../../../training/ingest/score-words.ts';

/** Counts as the SQL makes them: 0.5 stands for all between 0 and 1. */
const counts = (held: Readonly<Record<string, number>>): NumberCounts =>
  new Map(Object.entries(held).map(([value, count]) => [Number(value), count]));
const range = (worst: number, best: number): FoundScale => ({ kind: 'range', range: [worst, best] });
const unclear = (...ranges: [number, number][]): FoundScale => ({ kind: 'unclear', ranges });
const unit: FoundScale = { kind: 'unit' };

describe('numbers are on', () => {
  test.each<[string, Readonly<Record<string, number>>, FoundScale]>([
    ['0 to 1 where none are elsewhere', { 0: 40, 0.5: 50, 1: 10 }, unit],
    ['0 to 1 where all are 1, or all are 0', { 1: 100 }, unit],
    ['0 to 1 where there are none', {}, unit],
    ['0 to 1 with a stray among fractions', { 0: 40, 0.5: 900, 1: 50, 7: 10 }, unit],
    ['0 to 1 with strays among zeros and ones', { 0: 600, 1: 370, 7: 10, '-1': 20 }, unit],
    ['0 to 1 where -1 stands for no answer', { '-1': 30, 0: 500, 1: 470 }, unit],
    ['0 to 1 where only a few numbers are there, and one is odd', { 1: 1, 7: 1 }, unit],
    ['1 to 5 stars', { 1: 10, 2: 20, 3: 30, 4: 80, 5: 60 }, range(1, 5)],
    ['1 to 5 stars of which six are known', { 1: 1, 2: 1, 3: 1, 4: 1, 5: 2 }, range(1, 5)],
    ['1 to 5 where the middle was never given', { 1: 50, 5: 50 }, range(1, 5)],
    ['1 to 5 where most are the worst', { 1: 950, 5: 50 }, range(1, 5)],
    ['1 to 5 with halves', { 1: 10, 1.5: 20, 4.5: 30, 5: 5 }, range(1, 5)],
    ['1 to 5 with a typing error', { 1: 30, 2: 40, 3: 60, 4: 60, 5: 80, 55: 1 }, range(1, 5)],
    ['1 to 5 where the worst was never given', { 3: 20, 4: 40, 5: 40 }, range(1, 5)],
    ['0 to 5', { 0: 10, 1: 10, 3: 40, 5: 30 }, range(0, 5)],
    ['1 to 7', { 1: 5, 3: 10, 5: 20, 7: 10 }, range(1, 7)],
    ['1 to 10', { 1: 5, 6: 30, 9: 30, 10: 10 }, range(1, 10)],
    ['0 to 10', { 0: 5, 6: 30, 9: 30, 10: 10 }, range(0, 10)],
    ['0 to 10 in fractions', { 0.5: 10, 3.5: 30, 7.5: 40, 9.5: 20 }, range(0, 10)],
    ['0 to 100', { 0: 3, 20: 10, 55: 30, 80: 50, 97.5: 4 }, range(0, 100)],
    ['0 to 100 where none are low', { 60: 10, 70: 20, 85: 30, 99: 10 }, range(0, 100)],
    ['-1 and 1', { '-1': 30, 1: 70 }, range(-1, 1)],
    ['-1 and 1 where few are bad', { '-1': 20, 1: 980 }, range(-1, 1)],
    ['-1, 0 and 1', { '-1': 30, 0: 40, 1: 60 }, range(-1, 1)],
    ['-1 to 1 in fractions', { '-0.5': 200, 0.5: 700 }, range(-1, 1)],
    ['1 to 3, or more', { 1: 30, 2: 30, 3: 30 }, unclear([1, 3], [1, 5])],
    ['0 to 2, or more', { 0: 30, 1: 30, 2: 30 }, unclear([0, 2], [0, 5])],
    ['1 to 4, or 5', { 1: 30, 2: 30, 4: 30 }, unclear([1, 4], [1, 5])],
    ['marks, of which 1 or 6 is the best', { 1: 30, 2: 30, 6: 3 }, unclear([1, 6], [6, 1], [1, 7])],
    ['0 to 20, or a hundred', { 3: 30, 12: 30, 18: 30 }, unclear([0, 20], [0, 100])],
    ['two scales at once', { 0.5: 50, 0: 10, 1: 10, 3: 20, 4: 30, 5: 20 }, { kind: 'mixed' }],
    ['none', { '-Infinity': 30, 1: 5, Infinity: 30 }, { kind: 'none' }],
    ['none that is negative and more', { '-1': 30, 0: 10, 3: 30, 5: 30 }, { kind: 'none' }],
  ])('%s', (_, held, expected) => {
    expect(findScale(counts(held))).toEqual(expected);
  });
});

describe('a text', () => {
  test.each([
    ['thumbs up', 'word', 1],
    ['Thumbs-Down', 'word', 0],
    [' YES ', 'word', 1],
    ['bad', 'word', 0],
    ['neutral', 'word', 0.5],
    ['👍🏽', 'word', 1],
    ['👎', 'word', 0],
    ['❌️', 'word', 0],
    ['85%', 'percent', 0.85],
    ['8,5 %', 'percent', 0.085],
    ['100 percent', 'percent', 1],
    ['4/5', 'parts', 0.8],
    ['7 out of 10', 'parts', 0.7],
    ['★★★☆☆', 'stars', 3],
    ['⭐️⭐️⭐️⭐️', 'stars', 4],
    ['☆☆☆☆☆', 'stars', 0],
    ['4 stars', 'stars', 4],
    ['1 star', 'stars', 1],
    ['4,5', 'comma', 4.5],
    ['0,875', 'comma', 0.875],
  ])('%s is read as a %s of %d', (text, form, value) => {
    expect(readTextRating(text)).toEqual({ form, value: expect.closeTo(value, 12) });
  });

  test.each(['so-so', 'A', 'B+', '', '{"a":1}', '4/0', '%', 'NaN', '1.2.3'])('%j is no rating', (text) => {
    expect(readTextRating(text)).toBeNull();
  });
});
