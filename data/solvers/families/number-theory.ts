import type { Expected } from '../grading/expected.ts';
import { between, pick, spin } from '../wording/spin.ts';
import { integerAnswer, nearMisses, textAnswer, truthAnswer } from './answers.ts';
import type { Family } from './family.ts';

/** Divisors, primes, remainders, bases, factorials and choices. */
export const numberTheory: Family = {
  name: 'number-theory',
  make(random, difficulty) {
    const top = difficulty < 0.4 ? 60 : difficulty < 0.7 ? 600 : 20_000;
    const g = between(random, 2, 12);
    const [a, b] = [g * between(random, 2, top / 6), g * between(random, 2, top / 8)];
    const n = between(random, 12, top);
    const [base, power, modulus] = [
      between(random, 2, 19),
      between(random, 5, 12 + Math.round(60 * difficulty)),
      between(random, 7, 99),
    ];
    const [f, many] = [
      between(random, 5, difficulty < 0.6 ? 12 : 30),
      between(random, 6, difficulty < 0.7 ? 20 : 60),
    ];
    const k = between(random, 2, 5);
    const small = between(random, 4, difficulty < 0.6 ? 255 : 5000);
    const roman = between(random, 4, 3000);
    const values = {
      a,
      b,
      n,
      base,
      power,
      modulus,
      f,
      many,
      k,
      small,
      roman: toRoman(roman),
      year: roman,
      binary: small.toString(2),
    };
    const easy: [string, Expected, number?][] = [
      [
        '{What is|Find|Compute} the {greatest common divisor|GCD|gcd|greatest common factor} of $a and $b{?|.}',
        integerAnswer(gcd(a, b)),
        gcd(a, b),
      ],
      [
        '{What is|Find|Compute} the {least common multiple|LCM|lcm} of $a and $b{?|.}',
        integerAnswer((a / gcd(a, b)) * b),
        (a / gcd(a, b)) * b,
      ],
      ['Is $n {a prime number|prime}?{| Yes or no.}', truthAnswer(factors(n).length === 1)],
      ['What is the remainder when $n is divided by $k?', integerAnswer(n % k), n % k],
    ];
    const medium: [string, Expected, number?][] = [
      ['{Convert|Write} {the number |}$small {to|in} binary{.|}', textAnswer(small.toString(2))],
      ['{Convert|What is} the binary number $binary {to|in} decimal{?|}', integerAnswer(small), small],
      ['{What is|Compute} {$f factorial|$f!|the factorial of $f}{?|}', integerAnswer(factorial(f))],
      [
        '{List|Give|Find} the prime factors of $n{, with repetition|, repeated as often as they divide}.',
        { kind: 'list', items: factors(n).map(String), ordered: false },
      ],
      ['{What is|Find} the sum of the digits of $n{?|}', integerAnswer(digitSum(n)), digitSum(n)],
      [
        '{What is|Find} the smallest prime {greater|larger} than $n{?|}',
        integerAnswer(nextPrime(n)),
        nextPrime(n),
      ],
    ];
    const hard: [string, Expected, number?][] = [
      [
        '{What is|Compute|Find} {$base^$power mod $modulus|$base^$power modulo $modulus|the remainder of $base^$power divided by $modulus}{?|.}',
        integerAnswer(BigInt(base) ** BigInt(power) % BigInt(modulus)),
      ],
      ['How many {positive |}divisors does $n have?', integerAnswer(divisorCount(n)), divisorCount(n)],
      [
        '{In how many ways can|How many ways are there to} {you |}choose $k {people|items|books} {from|out of} $many?',
        integerAnswer(choose(many, k)),
      ],
      ['{Write|Convert} $year {as a|to a|in} Roman numeral{s|}{.|}', textAnswer(toRoman(roman))],
      ['What {number|value} is the Roman numeral $roman?', integerAnswer(roman), roman],
      ['{What is|Write} $small {in|as} hexadecimal{?|}', textAnswer(small.toString(16))],
      ['What is the last digit of $base^$power?', integerAnswer(BigInt(base) ** BigInt(power) % 10n)],
    ];
    const [say, expected, near] = pick(
      random,
      difficulty < 0.35
        ? easy
        : difficulty < 0.65
          ? [...easy, ...medium, ...medium]
          : [...easy, ...medium, ...hard, ...hard],
    );
    return {
      text: spin(random, say, values),
      expected,
      ...(near === undefined ? {} : { wrong: nearMisses(near) }),
    };
  },
};

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** Prime factors of n ≥ 2 with repetition, smallest first. */
export function factors(n: number): number[] {
  for (let p = 2; p * p <= n; p++) if (n % p === 0) return [p, ...factors(n / p)];
  return n < 2 ? [] : [n];
}

function nextPrime(n: number): number {
  let p = n + 1;
  while (factors(p).length !== 1) p++;
  return p;
}

function digitSum(n: number): number {
  return [...String(n)].reduce((sum, digit) => sum + Number(digit), 0);
}

function divisorCount(n: number): number {
  let count = 0;
  for (let d = 1; d <= n; d++) if (n % d === 0) count++;
  return count;
}

function factorial(n: number): bigint {
  return n < 2 ? 1n : BigInt(n) * factorial(n - 1);
}

function choose(n: number, k: number): bigint {
  return factorial(n) / (factorial(k) * factorial(n - k));
}

function toRoman(n: number): string {
  const marks = [
    [1000, 'M'],
    [900, 'CM'],
    [500, 'D'],
    [400, 'CD'],
    [100, 'C'],
    [90, 'XC'],
    [50, 'L'],
    [40, 'XL'],
    [10, 'X'],
    [9, 'IX'],
    [5, 'V'],
    [4, 'IV'],
    [1, 'I'],
  ] as const;
  let [rest, text] = [n, ''];
  for (const [size, mark] of marks) {
    text += mark.repeat(Math.floor(rest / size));
    rest %= size;
  }
  return text;
}
