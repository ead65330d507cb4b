import type { Random } from 'pointsman/internal';
import { between, pick, spin } from '../wording/spin.ts';
import { integerAnswer, nearMisses, textAnswer } from './answers.ts';
import type { Family, Puzzle } from './family.ts';

const asks =
  '{What {number|term} {comes next|is next|follows}: $list, ...?|{Continue|Complete} the {sequence|pattern|series}: $list, _|$list, ? {What is the missing term?|Next term?|What comes next?}|Find the next {number|term} in {the sequence |}$list.}';

/** What comes next: constant steps, ratios, second differences, sums of the last two, squares, alternations, letters. */
export const sequences: Family = {
  name: 'sequences',
  make(random, difficulty) {
    if (random.next() < 0.12) return letters(random);
    const make = pick(
      random,
      difficulty < 0.35
        ? [steady, ratio]
        : difficulty < 0.65
          ? [steady, ratio, squares, additive]
          : [additive, quadratic, alternating, squares, stretched],
    );
    const terms = make(random, between(random, 5, 7));
    const next = terms.pop()!;
    if (make === steady && random.next() < 0.3) return nthTerm(random, terms);
    return {
      text: spin(random, asks, { list: terms.join(', ') }),
      expected: integerAnswer(next),
      wrong: nearMisses(next),
    };
  },
};

function grow(length: number, term: (i: number) => number): number[] {
  return Array.from({ length }, (_, i) => term(i));
}

function steady(random: Random, length: number): number[] {
  const [start, step] = [between(random, -20, 60), between(random, 2, 25) * (random.next() < 0.3 ? -1 : 1)];
  return grow(length, (i) => start + step * i);
}

function ratio(random: Random, length: number): number[] {
  const [start, factor] = [between(random, 1, 9), between(random, 2, 5)];
  return grow(length, (i) => start * factor ** i);
}

function squares(random: Random, length: number): number[] {
  const [start, power, shift] = [between(random, 1, 6), between(random, 2, 3), between(random, -3, 6)];
  return grow(length, (i) => (start + i) ** power + shift);
}

function quadratic(random: Random, length: number): number[] {
  const [a, b, c] = [between(random, 1, 5), between(random, -6, 9), between(random, -10, 20)];
  return grow(length, (i) => a * i * i + b * i + c);
}

function additive(random: Random, length: number): number[] {
  const terms = [between(random, 1, 9), between(random, 1, 12)];
  while (terms.length < length) terms.push(terms.at(-1)! + terms.at(-2)!);
  return terms;
}

function alternating(random: Random, length: number): number[] {
  const [a, b, up, down] = [
    between(random, 1, 40),
    between(random, 50, 99),
    between(random, 2, 9),
    between(random, 2, 9),
  ];
  return grow(length + 1, (i) => (i % 2 === 0 ? a + up * (i / 2) : b - down * ((i - 1) / 2)));
}

/** Each term is the one before, times a factor, plus a constant. */
function stretched(random: Random, length: number): number[] {
  const [factor, shift] = [between(random, 2, 3), between(random, 1, 7)];
  const terms = [between(random, 1, 6)];
  while (terms.length < length) terms.push(terms.at(-1)! * factor + shift);
  return terms;
}

function nthTerm(random: Random, terms: readonly number[]): Puzzle {
  const n = between(random, 12, 80);
  const value = terms[0]! + (n - 1) * (terms[1]! - terms[0]!);
  return {
    text: spin(
      random,
      '{What is|Find} {the $nth term|term number $n} of the arithmetic sequence $list, ...?',
      {
        n,
        nth: `${n}${n % 10 === 1 && n !== 11 ? 'st' : n % 10 === 2 && n !== 12 ? 'nd' : n % 10 === 3 && n !== 13 ? 'rd' : 'th'}`,
        list: terms.join(', '),
      },
    ),
    expected: integerAnswer(value),
    wrong: nearMisses(value),
  };
}

function letters(random: Random): Puzzle {
  const [start, step] = [between(random, 0, 5), between(random, 1, 4)];
  const at = (i: number): string => String.fromCharCode(65 + start + step * i);
  return {
    text: spin(
      random,
      '{Which letter {comes next|follows}: $list, ...?|$list, ? {Which letter is next?|Continue with one letter.}}',
      {
        list: grow(5, (i) => i)
          .map(at)
          .join(', '),
      },
    ),
    expected: textAnswer(at(5)),
  };
}
