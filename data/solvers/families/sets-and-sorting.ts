import type { Random } from 'pointsman/internal';
import { words } from '../wording/names.ts';
import { between, pick, sample, spin } from '../wording/spin.ts';
import { integerAnswer, nearMisses, textAnswer, truthAnswer } from './answers.ts';
import type { Family, Puzzle } from './family.ts';

/** Orders, unions, differences, duplicates and counts over lists of numbers or words. */
export const setsAndSorting: Family = {
  name: 'sets-and-sorting',
  make(random, difficulty) {
    const kinds =
      difficulty < 0.4
        ? [sortNumbers, sortWords, extreme]
        : difficulty < 0.7
          ? [sortNumbers, sortWords, combine, unique, countThose]
          : [combine, nth, byLength, subset, countThose, unique];
    return pick(random, kinds)(random, difficulty);
  },
};

function numbers(random: Random, difficulty: number): number[] {
  return Array.from({ length: between(random, 4, 5 + Math.round(6 * difficulty)) }, () =>
    between(random, difficulty < 0.6 ? 1 : -60, difficulty < 0.4 ? 60 : 900),
  );
}

function listed(values: readonly (number | string)[], ordered = true) {
  return { kind: 'list', items: values.map(String), ordered } as const;
}

function sortNumbers(random: Random, difficulty: number): Puzzle {
  const list = numbers(random, difficulty);
  const down = random.next() < 0.4;
  const sorted = [...list].sort((a, b) => (down ? b - a : a - b));
  const way = down
    ? '{from {largest|highest} to {smallest|lowest}|in descending order|in decreasing order}'
    : '{from {smallest|lowest} to {largest|highest}|in ascending order|in increasing order}';
  return {
    text: spin(
      random,
      `{Sort|Order|Arrange|Put} {these numbers|the following|the numbers} ${way}: $list{.|}`,
      { list: list.join(', ') },
    ),
    expected: listed(sorted),
  };
}

function sortWords(random: Random, difficulty: number): Puzzle {
  const list = sample(random, words, between(random, 3, 4 + Math.round(5 * difficulty)));
  return {
    text: spin(
      random,
      '{Sort|Order|Arrange|Put} {these words|the words|the following} {alphabetically|in alphabetical order|from A to Z}: $list{.|}',
      { list: list.join(', ') },
    ),
    expected: listed([...list].sort()),
  };
}

function extreme(random: Random, difficulty: number): Puzzle {
  const list = numbers(random, difficulty);
  const most = random.next() < 0.5;
  const value = most ? Math.max(...list) : Math.min(...list);
  const word = most ? '{largest|biggest|greatest|maximum}' : '{smallest|lowest|minimum|least}';
  return {
    text: spin(random, `{Which|What} {number |}is the ${word} {of|among|in} $list?`, {
      list: list.join(', '),
    }),
    expected: integerAnswer(value),
    wrong: list
      .filter((n) => n !== value)
      .slice(0, 3)
      .map(String),
  };
}

function combine(random: Random): Puzzle {
  const pool = sample(
    random,
    Array.from({ length: 30 }, (_, i) => i + 1),
    12,
  );
  const [a, b] = [pool.slice(0, between(random, 4, 7)), pool.slice(3, between(random, 7, 11))];
  const [template, value] = pick(random, [
    [
      '{{What is|Find|Give} the union of A = $a and B = $b{?|.}|Which numbers are in $a or in $b (or both)?}',
      [...new Set([...a, ...b])],
    ],
    [
      '{{What is|Find|Give} the intersection of A = $a and B = $b{?|.}|Which numbers {appear|are} in both $a and $b?}',
      a.filter((n) => b.includes(n)),
    ],
    [
      '{{What is|Find} the set difference A minus B for A = $a and B = $b?|Which numbers of $a are not in $b?}',
      a.filter((n) => !b.includes(n)),
    ],
  ] as const);
  return {
    text: spin(random, template, { a: `{${a.join(', ')}}`, b: `{${b.join(', ')}}` }),
    expected: listed(value, false),
  };
}

function unique(random: Random): Puzzle {
  const base = sample(random, words, 5);
  const list = random.shuffle([...base, ...sample(random, base, between(random, 1, 3))]);
  return {
    text: spin(
      random,
      '{Remove {the duplicates|repeated words} from|List the distinct words of|Which different words are in} this list{, {keeping|in} the order of first appearance|}: $list{.|}',
      { list: list.join(', ') },
    ),
    expected: listed([...new Set(list)]),
  };
}

function countThose(random: Random, difficulty: number): Puzzle {
  const list = numbers(random, difficulty);
  const limit = between(random, 10, 200);
  const [what, value] = pick(random, [
    ['even', list.filter((n) => n % 2 === 0).length],
    ['odd', list.filter((n) => n % 2 !== 0).length],
    ['greater than $limit', list.filter((n) => n > limit).length],
    ['smaller than $limit', list.filter((n) => n < limit).length],
  ] as const);
  return {
    text: spin(random, `How many of {the numbers |these numbers |}$list are ${what}?`, {
      list: list.join(', '),
      limit,
    }),
    expected: integerAnswer(value),
    wrong: nearMisses(value),
  };
}

function nth(random: Random, difficulty: number): Puzzle {
  const list = [...new Set(numbers(random, difficulty))];
  const k = between(random, 2, 3);
  const down = random.next() < 0.5;
  const value = [...list].sort((a, b) => (down ? b - a : a - b))[k - 1]!;
  const values = {
    list: list.join(', '),
    k: k === 2 ? 'second' : 'third',
    way: down ? 'largest' : 'smallest',
  };
  return {
    text: spin(random, '{What|Which number} is the $k $way {of|in|among} $list?', values),
    expected: integerAnswer(value),
    wrong: list
      .filter((n) => n !== value)
      .slice(0, 3)
      .map(String),
  };
}

function byLength(random: Random): Puzzle {
  const lengths = new Map(sample(random, words, 20).map((word) => [word.length, word]));
  const list = random.shuffle([...lengths.values()]);
  const longest = list.reduce((a, b) => (b.length > a.length ? b : a));
  return random.next() < 0.5
    ? {
        text: spin(random, '{Sort|Order} {these words|the words} by length, shortest first: $list.', {
          list: list.join(', '),
        }),
        expected: listed([...list].sort((a, b) => a.length - b.length)),
      }
    : {
        text: spin(random, 'Which {word|one} is the longest: $list?', { list: list.join(', ') }),
        expected: textAnswer(longest),
      };
}

function subset(random: Random): Puzzle {
  const b = sample(
    random,
    Array.from({ length: 20 }, (_, i) => i + 1),
    7,
  );
  const a = [...sample(random, b, 3), ...(random.next() < 0.5 ? [between(random, 21, 30)] : [])];
  return {
    text: spin(random, 'Is {the set |}$a a subset of $b?{| Yes or no.}', {
      a: `{${a.join(', ')}}`,
      b: `{${b.join(', ')}}`,
    }),
    expected: truthAnswer(a.every((n) => b.includes(n))),
  };
}
