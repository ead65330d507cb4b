import type { Random } from 'pointsman/internal';
import {
  type Country,
  countries,
  type Element,
  elements,
  planets,
  type Work,
  works,
} from '../facts/facts.ts';
import { between, pick, sample, spin } from '../wording/spin.ts';
import { integerAnswer, nearMisses, textAnswer } from './answers.ts';
import type { Family, Puzzle } from './family.ts';

type Several<T> = [T, ...T[]];

/** Capitals, currencies, elements, planets and books; harder ones join two facts or misspell a name. */
export const lookups: Family = {
  name: 'lookups',
  make(random, difficulty) {
    const hop = difficulty > 0.55 && random.next() < 0.5;
    const puzzle = hop ? twoSteps(random) : pick(random, [country, country, element, planet, work])(random);
    return difficulty > 0.4 && random.next() < 0.25
      ? { ...puzzle, text: misspell(random, puzzle.text) }
      : puzzle;
  },
};

function country(random: Random): Puzzle {
  const [it, ...others] = sample(random, countries, 4) as Several<Country>;
  const [say, answer, wrong] = pick(random, [
    [
      '{What is|Name|Tell me} the capital {city |}of $country{?|.}|Which city is {the seat of government|the capital} of $country?',
      it.capital,
      others.map((o) => o.capital),
    ],
    [
      '$capital is the capital of which country?|{Which|What} country has $capital as its capital?',
      it.name,
      others.map((o) => o.name),
    ],
    [
      '{What currency {is used|do people pay with} in|Name the currency of} $country{?|.}',
      it.currency,
      undefined,
    ],
    ['{On which|Which} continent {is $country|does $country lie}?', it.continent, undefined],
  ] as const);
  const text = spin(random, `{${say}}`, { country: it.name, capital: it.capital });
  return {
    text,
    expected: textAnswer(answer),
    ...(wrong === undefined ? {} : { wrong: wrong.filter((w) => w !== answer) }),
  };
}

function element(random: Random): Puzzle {
  const [it, ...others] = sample(random, elements, 4) as Several<Element>;
  const [say, expected, wrong] = pick(random, [
    [
      '{What is|Give} the {chemical |}symbol {for|of} $name{?|.}',
      textAnswer(it.symbol),
      others.map((o) => o.symbol),
    ],
    [
      '{Which|What} {chemical |}element has the symbol $symbol?',
      textAnswer(it.name),
      others.map((o) => o.name),
    ],
    ['{What is|Tell me} the atomic number of $name{?|.}', integerAnswer(it.number), nearMisses(it.number)],
    ['Which element has atomic number $number?', textAnswer(it.name), others.map((o) => o.name)],
  ] as const);
  return {
    text: spin(random, say, { name: it.name.toLowerCase(), symbol: it.symbol, number: it.number }),
    expected,
    wrong,
  };
}

function planet(random: Random): Puzzle {
  const at = between(random, 1, 8);
  const name = planets[at - 1]!;
  const nth = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth'][at - 1]!;
  return random.next() < 0.5
    ? {
        text: spin(random, '{Which|What} is the $nth planet from the Sun?', { nth }),
        expected: textAnswer(name),
        wrong: planets.filter((p) => p !== name).slice(0, 3),
      }
    : {
        text: spin(
          random,
          'Counting {outwards |}from the Sun, {which number|what position} is {the planet |}$name?',
          { name },
        ),
        expected: { kind: 'text', accepted: [String(at), nth] },
      };
}

function work(random: Random): Puzzle {
  const [it, ...others] = sample(random, works, 4) as Several<Work>;
  const [say, expected, wrong] = pick(random, [
    [
      'Who {wrote|created|is the author of} {the work |}$title?',
      textAnswer(it.maker, it.maker.split(' ').at(-1)!),
      others.map((o) => o.maker).filter((m) => m !== it.maker),
    ],
    [
      '{In {what|which} year did|When did} $title {first appear|come out}?',
      integerAnswer(it.year),
      nearMisses(it.year),
    ],
  ] as const);
  return { text: spin(random, say, { title: it.title }), expected, wrong };
}

function twoSteps(random: Random): Puzzle {
  const [a, b] = sample(random, elements, 2) as [(typeof elements)[number], (typeof elements)[number]];
  const [older, other] = sample(random, works, 2) as [(typeof works)[number], (typeof works)[number]];
  const [home] = sample(random, countries, 1) as Several<Country>;
  const values = {
    a: a.name.toLowerCase(),
    b: b.name.toLowerCase(),
    t: older.title,
    u: other.title,
    capital: home.capital,
  };
  const [say, expected] = pick(random, [
    ['What is the sum of the atomic numbers of $a and $b?', integerAnswer(a.number + b.number)],
    [
      'Which has the {higher|larger} atomic number, $a or $b?',
      textAnswer((a.number > b.number ? a : b).name),
    ],
    [
      'How many years {lie |}between {the appearance of |}$t and $u?',
      integerAnswer(Math.abs(older.year - other.year)),
    ],
    [
      '{What currency is used in|Which currency do people in} the country whose capital is $capital{| use}?',
      textAnswer(home.currency),
    ],
    ['On which continent is the country whose capital is $capital?', textAnswer(home.continent)],
  ] as const);
  return { text: spin(random, say, values), expected };
}

/** Swaps two neighbouring letters inside one of the longer words. */
function misspell(random: Random, text: string): string {
  const long = [...text.matchAll(/[A-Za-z]{6,}/g)];
  if (long.length === 0) return text;
  const match = pick(random, long);
  const at = match.index + between(random, 1, match[0].length - 3);
  return text.slice(0, at) + text[at + 1] + text[at] + text.slice(at + 2);
}
