import { between, pick, spin } from '../wording/spin.ts';
import { nearMisses, numberAnswer } from './answers.ts';
import type { Family } from './family.ts';

/** Averages, spreads and chances. */
export const statistics: Family = {
  name: 'statistics',
  make(random, difficulty) {
    const count = between(random, 4, 5 + Math.round(8 * difficulty));
    const list = Array.from({ length: count }, () => between(random, 1, difficulty < 0.5 ? 40 : 500));
    list.push(list[0]!);
    const sorted = [...list].sort((a, b) => a - b);
    const sum = list.reduce((a, b) => a + b, 0);
    const mean = sum / list.length;
    const squares = list.reduce((total, x) => total + (x - mean) ** 2, 0);
    const middle = (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
    const [dice, coins] = [between(random, 3, 11), between(random, 2, 6)];
    const [red, blue] = [between(random, 2, 12), between(random, 2, 12)];
    const [w, heads] = [between(random, 2, 6), between(random, 1, coins)];
    const what = pick(random, [
      'temperatures',
      'scores',
      'prices',
      'heights',
      'measurements',
      'numbers',
      'values',
      'weights',
    ]);
    const values = {
      list: list.join(', '),
      what,
      dice,
      coins,
      heads,
      red,
      blue,
      w,
      a: list[0]!,
      b: list[1]!,
      words: pick(random, ['', '', 'these ', 'the ']),
    };
    const easy: [number, string][] = [
      [
        mean,
        '{{What is|Find|Compute|Calculate} the {mean|average|arithmetic mean} of {$words$what|} $list{?|.}|On average, how large are {these|the} $what: $list?}',
      ],
      [middle, '{What is|Find|Compute|Give} the median of {$words$what|} $list{?|.}'],
      [
        sorted.at(-1)! - sorted[0]!,
        '{What is|Find|Compute} the range of {the data |}$list (largest minus smallest)?',
      ],
      [sum, '{What is|Find} the {sum|total} of {$words$what|} $list{?|.}'],
    ];
    const hard: [number, string][] = [
      [
        Math.sqrt(squares / (list.length - 1)),
        '{What is|Find|Compute} the sample standard deviation of $list{?|.} {Two decimals.|Round to two decimals.}',
      ],
      [
        squares / list.length,
        '{What is|Find|Compute} the population variance of $list{?|.} {Two decimals.|Round to two decimals.}',
      ],
      [
        (list[0]! * w + list[1]!) / (w + 1),
        'An exam {mark|score} of $a counts $w times and a {test|quiz} {mark|score} of $b counts once. What is the weighted {mean|average}?',
      ],
      [
        chanceOfSum(dice),
        'Two fair dice are {rolled|thrown}. What is the probability that {the sum is|they add up to} $dice? {Give|As} a decimal with four places.',
      ],
      [
        choose(coins, heads) / 2 ** coins,
        '{A fair coin is tossed|You toss a fair coin} $coins times. What is the probability of exactly $heads heads? {Give|As} a decimal with four places.',
      ],
      [
        red / (red + blue),
        '{A bag|An urn} holds $red red and $blue blue balls. One is {drawn|taken} at random. What is the probability that it is red? Give a decimal with four places.',
      ],
    ];
    const pool =
      difficulty < 0.4 ? easy : difficulty < 0.7 ? [...easy, ...hard] : [...easy, ...hard, ...hard];
    const [value, say] = pick(random, pool);
    const decimals = say.includes('four places') ? 4 : 2;
    return {
      text: spin(random, say, values),
      expected: numberAnswer(value, decimals),
      wrong: nearMisses(value, decimals),
    };
  },
};

function chanceOfSum(sum: number): number {
  return (6 - Math.abs(sum - 7)) / 36;
}

function choose(n: number, k: number): number {
  return k === 0 ? 1 : (n / k) * choose(n - 1, k - 1);
}
