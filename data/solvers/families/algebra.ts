import type { Random } from 'pointsman/internal';
import { numberWords } from '../wording/number-words.ts';
import { between, pick, spin } from '../wording/spin.ts';
import { nearMisses, numberAnswer } from './answers.ts';
import type { Family, Puzzle } from './family.ts';

/** Equations (linear, quadratic, systems, spelt out) and rewriting of polynomials. */
export const algebra: Family = {
  name: 'algebra',
  make(random, difficulty) {
    const kinds =
      difficulty < 0.35
        ? [linear, substitute]
        : difficulty < 0.65
          ? [linear, bothSides, substitute, expand, spelt]
          : [bothSides, quadratic, system, expand, factor, spelt];
    return pick(random, kinds)(random, difficulty);
  },
};

/** A whole number from -9 to 9 that is not 0. */
function coefficient(random: Random, most = 9): number {
  return between(random, 1, most) * (random.next() < 0.4 ? -1 : 1);
}

/** Writes a polynomial from the highest power down; coefficients[i] belongs to power i. */
export function polynomialText(coefficients: readonly number[], name = 'x'): string {
  let text = '';
  for (let power = coefficients.length - 1; power >= 0; power--) {
    const c = coefficients[power]!;
    if (c === 0) continue;
    const size = Math.abs(c) === 1 && power > 0 ? '' : String(Math.abs(c));
    const tail = power === 0 ? '' : power === 1 ? name : `${name}^${power}`;
    text += (text === '' ? (c < 0 ? '-' : '') : c < 0 ? ' - ' : ' + ') + size + tail;
  }
  return text === '' ? '0' : text;
}

function linear(random: Random, difficulty: number): Puzzle {
  const [a, root, b] = [
    coefficient(random),
    coefficient(random, difficulty < 0.5 ? 12 : 60),
    coefficient(random, 30),
  ];
  const name = pick(random, ['x', 'x', 'y', 'n']);
  const values = { equation: `${polynomialText([b, a], name)} = ${a * root + b}`, name };
  return {
    text: spin(
      random,
      '{Solve {for $name: |}$equation{.|}|If $equation, what is $name?|Find $name {such|so} that $equation.|$equation. {What is $name?|$name = ?}}',
      values,
    ),
    expected: numberAnswer(root),
    wrong: nearMisses(root),
  };
}

function bothSides(random: Random): Puzzle {
  const [a, root, b] = [between(random, 4, 12), coefficient(random, 20), coefficient(random, 30)];
  const c = between(random, 1, 3);
  const d = a * root + b - c * root;
  const values = { equation: `${polynomialText([b, a])} = ${polynomialText([d, c])}` };
  return {
    text: spin(random, '{Solve|Solve the equation|Find the solution of} $equation{.|  for x.}', values),
    expected: numberAnswer(root),
    wrong: nearMisses(root),
  };
}

function quadratic(random: Random): Puzzle {
  const [p, q] = [coefficient(random, 12), coefficient(random, 15)];
  if (p === q) return quadratic(random);
  const values = { equation: `${polynomialText([p * q, -(p + q), 1])} = 0` };
  const text = spin(
    random,
    '{Solve|Find {all|both} {roots|solutions} of|What are the {roots|solutions} of} $equation{?|.}{| List both.}',
    values,
  );
  return { text, expected: { kind: 'list', items: [p, q].map(String), ordered: false } };
}

function system(random: Random): Puzzle {
  const [x, y, a, b, c, d] = [
    coefficient(random, 12),
    coefficient(random, 12),
    coefficient(random),
    between(random, 1, 6),
    coefficient(random),
    between(random, 1, 6),
  ];
  if (a * d === b * c) return system(random);
  const line = (m: number, n: number): string =>
    `${polynomialText([0, m])} + ${n === 1 ? '' : n}y = ${m * x + n * y}`;
  const asked = pick(random, ['x', 'y'] as const);
  const text = spin(
    random,
    '{Solve the system|Given|Suppose that} $one and $two{. What is $asked?|; find $asked.}',
    { one: line(a, b), two: line(c, d), asked },
  );
  const value = asked === 'x' ? x : y;
  return { text, expected: numberAnswer(value), wrong: nearMisses(value) };
}

function substitute(random: Random): Puzzle {
  const [a, b, c, x] = [
    coefficient(random),
    coefficient(random),
    coefficient(random, 20),
    coefficient(random, 11),
  ];
  const value = a * x * x + b * x + c;
  return {
    text: spin(
      random,
      '{Evaluate $f {at|for|when} x = $x.|If x = $x, what is $f?|Let f(x) = $f. {Find|What is} f($x)?}',
      { f: polynomialText([c, b, a]), x },
    ),
    expected: numberAnswer(value),
    wrong: nearMisses(value),
  };
}

function expand(random: Random): Puzzle {
  const [a, b, c, d] = [
    between(random, 1, 6),
    coefficient(random),
    between(random, 1, 6),
    coefficient(random),
  ];
  const formula = polynomialText([b * d, a * d + b * c, a * c]);
  const values = { product: `(${polynomialText([b, a])})(${polynomialText([d, c])})` };
  return {
    text: spin(
      random,
      '{Expand|Multiply out|Expand and simplify|Write without brackets:} $product{.|}',
      values,
    ),
    expected: { kind: 'formula', formula },
  };
}

function factor(random: Random): Puzzle {
  const [p, q] = [coefficient(random, 12), coefficient(random, 12)];
  const formula = polynomialText([p * q, p + q, 1]);
  const text = spin(random, '{Factor|Factorise|Write as a product:} $formula{.|}', { formula });
  return { text, expected: { kind: 'text', accepted: factored(p, q), exact: false } };
}

function factored(p: number, q: number): string[] {
  const sides = [polynomialText([p, 1]), polynomialText([q, 1])] as const;
  const power = p === q ? [`(${sides[0]})^2`] : [];
  return [`(${sides[0]})(${sides[1]})`, `(${sides[1]})(${sides[0]})`, ...power];
}

function spelt(random: Random, difficulty: number): Puzzle {
  const [n, a, b] = [between(random, 2, 40), between(random, 2, 6), between(random, 3, 25)];
  const say = (value: number): string => (difficulty > 0.5 ? numberWords(value) : String(value));
  const times = ['', '', 'twice', 'three times', 'four times', 'five times', 'six times'][a]!;
  const [template, total] = pick(random, [
    [
      '{$b more than $times a number is $total. What is the number?|$times a number, plus $b, {is|equals|gives} $total. Find the number.}',
      a * n + b,
    ],
    [
      '{$b less than $times a number is $total. What is the number?|I think of a number, take $times it, subtract $b and get $total. {Which number|What number} is it?}',
      a * n - b,
    ],
  ] as const);
  return {
    text: spin(random, template, { times, b: say(b), total: total < 0 ? total : say(total) }),
    expected: numberAnswer(n),
    wrong: nearMisses(n),
  };
}
