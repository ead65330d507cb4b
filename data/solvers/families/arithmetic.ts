import type { Random } from 'pointsman/internal';
import { numberWords } from '../wording/number-words.ts';
import { between, pick, spin } from '../wording/spin.ts';
import { integerAnswer, nearMisses } from './answers.ts';
import type { Family, Puzzle } from './family.ts';

/** Sums, products and powers of whole numbers: in symbols, in words, or as products too long for a double. */
export const arithmetic: Family = {
  name: 'arithmetic',
  make(random, difficulty) {
    const form = random.next();
    if (form < 0.2) return inWords(random, difficulty);
    if (form < 0.2 + 0.25 * difficulty) return manyDigits(random);
    return inSymbols(random, difficulty);
  },
};

const asks = [
  '{Compute|Calculate|Evaluate|Work out|What is|Find|Solve} $expression{.|?|}',
  '{How much is|What do you get for|What does} $expression{| equal| come to}?',
  'I need the {value|result} of $expression{.|, please.}',
  '$expression = ?',
  '{Quick check|Sanity check|Quick one}: $expression{?|}',
  'My {notes|homework|spreadsheet} {says|asks for} $expression. What is {the answer|it|the value}?',
];

function inSymbols(random: Random, difficulty: number): Puzzle {
  const depth = difficulty < 0.3 ? 1 : difficulty < 0.7 ? 2 : 3;
  const tree = grow(random, depth, difficulty);
  const signs = pick(random, [
    { times: '*', over: '/' },
    { times: '×', over: '÷' },
    { times: '*', over: '/' },
  ]);
  const expression = write(tree, 0, signs.times);
  const value = evaluate(tree);
  return {
    text: spin(random, pick(random, asks), { expression }),
    expected: integerAnswer(value),
    wrong: nearMisses(Number(value)),
  };
}

function manyDigits(random: Random): Puzzle {
  const a = BigInt(between(random, 10 ** 8, 10 ** 9)) * 1000n + BigInt(between(random, 1, 999));
  const b = BigInt(between(random, 10 ** 7, 10 ** 9));
  const c = BigInt(between(random, 10 ** 7, 10 ** 9));
  const [value, sign] = pick(random, [
    [a * b, '*'],
    [a + c * 1000n * b, `+ ${c} * 1000 *`],
    [a * b, '×'],
  ] as const);
  return {
    text: spin(random, pick(random, asks), { expression: `${a} ${sign} ${b}` }),
    expected: integerAnswer(value),
  };
}

function inWords(random: Random, difficulty: number): Puzzle {
  const high = difficulty < 0.5 ? 60 : 900;
  const a = between(random, 3, high);
  const b = between(random, 2, difficulty < 0.5 ? 30 : 300);
  const spelt = difficulty > 0.35;
  const values = { a: spelt ? numberWords(a) : a, b: spelt ? numberWords(b) : b };
  const [value, template] = pick(random, [
    [
      a + b,
      '{What is|Compute|Tell me} {$a plus $b|the sum of $a and $b|$a added to $b|the total of $a and $b}{.|?}',
    ],
    [a * b, '{What is|Compute|I want} {$a times $b|the product of $a and $b|$a multiplied by $b}{.|?}'],
    [
      a - b,
      '{What is|Find|Give} {$a minus $b|the result of subtracting $b from $a|$a less $b|$b taken away from $a}{.|?}',
    ],
    [a * a, '{What is|Find|Say} {$a squared|the square of $a|$a to the power of two}{.|?}'],
  ] as const);
  return { text: spin(random, template, values), expected: integerAnswer(value), wrong: nearMisses(value) };
}

type Tree = bigint | { readonly sign: '+' | '-' | '*' | '^'; readonly left: Tree; readonly right: Tree };

function grow(random: Random, depth: number, difficulty: number): Tree {
  if (depth === 0) return BigInt(between(random, 2, difficulty < 0.5 ? 40 : 400));
  const sign = pick(random, [
    '+',
    '-',
    '*',
    '+',
    '-',
    '*',
    ...(difficulty > 0.5 ? (['^'] as const) : []),
  ] as const);
  if (sign === '^')
    return { sign, left: BigInt(between(random, 2, 15)), right: BigInt(between(random, 2, 4)) };
  const shallow = random.next() < 0.5 ? 0 : depth - 1;
  return { sign, left: grow(random, depth - 1, difficulty), right: grow(random, shallow, difficulty) };
}

function evaluate(tree: Tree): bigint {
  if (typeof tree === 'bigint') return tree;
  const [a, b] = [evaluate(tree.left), evaluate(tree.right)];
  return tree.sign === '+' ? a + b : tree.sign === '-' ? a - b : tree.sign === '*' ? a * b : a ** b;
}

const ranks = { '+': 1, '-': 1, '*': 2, '^': 3 };

function write(tree: Tree, outer: number, times: string): string {
  if (typeof tree === 'bigint') return tree.toString();
  const rank = ranks[tree.sign];
  const sign = tree.sign === '*' ? times : tree.sign;
  // The right side of a minus needs brackets at its own rank.
  const right = write(tree.right, tree.sign === '-' ? rank + 1 : rank, times);
  const text = `${write(tree.left, rank, times)} ${sign} ${right}`;
  return rank < outer ? `(${text})` : text;
}
