import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readSums } from '../../../src/answer/sums.ts';
import { createTextScan, scanText } from '../../../src/text.ts';

const scan = createTextScan();

function read(text: string) {
  scanText(text, scan);
  return readSums(scan);
}

/** Sums as "left=right", with "!" before those that do not hold. */
function sums(text: string): string[] {
  return read(text).sums.map(({ holds, left, right }) => `${holds ? '' : '!'}${left}=${right}`);
}

test.each([
  ['16 - 3 - 4 = 9', ['9=9']],
  ['9 eggs * $2/egg = $18', ['18=18']],
  ['35 hours/week * $20/hour * 50 weeks/year = $35,000', ['35000=35000']],
  ['Cost of 8 full-price glasses = 8 × $5 = $40', ['40=40']],
  ['8 × ($5 × 0.6) = 8 × $3 = $24', ['24=24', '24=24']],
  ['so 35 x $20 is $700 a week', ['700=700']],
  ['60% of $5, which is $3', ['3=3']],
  ['3/4 of 20 = 15', ['15=15']],
  ['5 times 3 equals 15', ['15=15']],
  ['12 divided by 4 is 3', ['3=3']],
  ['\\frac{1}{2} \\times 3 = 1.5', ['1.5=1.5']],
  ['\\$5 \\cdot 4 = \\$20', ['20=20']],
  ['2**3 = 8 and 2^3 = 8', ['8=8', '8=8']],
  ['2 + 3 * 4 = 14', ['14=14']],
  ['-48 + 21 + (-3) = -30 degrees', ['-30=-30']],
  ['7.5 pounds / 1/2 pound = 15 toys', ['15=15']],
  ['20 / 50 * 100 = 40%', ['40=0.4']],
  ['3 bags of 40 cents: 3 * 40 = $1.20', ['120=1.2']],
  ['10 / 3 = 3.33', [`${10 / 3}=3.33`]],
  ['9 eggs (3 for breakfast) * 2 = 18', ['18=18']],
])('reads and checks the sums of %j', (text, expected) => {
  expect(sums(text)).toEqual(expected);
});

test.each([
  ['20 - 15 - 12 = 3', ['!-7=3']],
  ['He pays 15 * 5 = $85 and leaves.', ['!75=85']],
  ['16 - 3 = 13 - 4 = 10', ['13=9', '!9=10']],
])('says of %j that it does not hold', (text, expected) => {
  expect(sums(text)).toEqual(expected);
});

test.each([
  '2x + 3 = 7',
  'M + 20 = 80 and A + 45 = 80',
  'price * 5 = 40',
  '1 hour + 30 minutes = 1.5 hours',
  '5:00 - 3 = 2:00',
  '6 feet + 2 inches = 6 feet 2 inches',
  '4 dozen + 2 eggs = 50 eggs',
  '1/4 = 5/x',
])('says nothing of %j, which it cannot check', (text) => {
  expect(sums(text)).toEqual([]);
});

test('knows what is an operand, what a result, and what was left open', () => {
  const { lastUnfinished, numbers, unfinished, unsolved } = read(
    'Day 7: 3 * 5 = 15. It costs 8 x $5. 2x + 3 = 7',
  );
  expect(numbers.slice(0, 4).map(({ role, value }) => [value, role])).toEqual([
    [7, 'loose'],
    [3, 'operand'],
    [5, 'operand'],
    [15, 'result'],
  ]);
  expect([unfinished, lastUnfinished, unsolved]).toEqual([1, 40, 1]);
});

test('reads numbers with thousands, decimals, money and percentages, and no list markers', () => {
  const { numbers } = read('1. $1,234.50 and 60%\n2) 1,23 and 5,5551');
  const seen = numbers.map(
    ({ isMoney, isPercent, value }) => `${isMoney ? '$' : ''}${value}${isPercent ? '%' : ''}`,
  );
  expect(seen).toEqual(['$1234.5', '60%', '1', '23', '5', '5551']);
});

test('rounding to a whole number is let pass, and noted', () => {
  expect(read('100 / 3 = 33').sums[0]).toMatchObject({ holds: true, isRounded: true });
  expect(read('100 / 3 = 35').sums[0]).toMatchObject({ holds: false, isRounded: false });
});

test('sums and differences of whole numbers are right as they are, and wrong when the result is', () => {
  const whole = fc.integer({ min: 0, max: 9999 });
  fc.assert(
    fc.property(whole, whole, fc.integer({ min: 1, max: 50 }), (a, b, off) => {
      expect(sums(`${a} + ${b} = ${a + b}`)).toEqual([`${a + b}=${a + b}`]);
      expect(sums(`${a} boxes * ${b} = ${a * b} in all`)).toEqual([`${a * b}=${a * b}`]);
      expect(sums(`${a} + ${b} = ${a + b + off}`)).toEqual([`!${a + b}=${a + b + off}`]);
    }),
  );
});

test('any text is read, brackets without end and walls of numbers too', () => {
  const parts = [
    '(',
    ')',
    '1',
    ' ',
    '=',
    '+',
    '-',
    '*',
    '/',
    '{',
    '}',
    '\\frac',
    '%',
    '$',
    ',',
    '.',
    'of',
    'x',
    '\n',
    '^',
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...parts), { maxLength: 400 }), (pieces) => {
      const { numbers, sums } = read(pieces.join(''));
      expect(numbers.every(({ value }) => Number.isFinite(value))).toBe(true);
      expect(sums.every(({ left, right }) => Number.isFinite(left) && Number.isFinite(right))).toBe(true);
    }),
  );
  for (const text of ['('.repeat(20_000), '1+'.repeat(10_000), '1 (1 '.repeat(4_000), '2^'.repeat(10_000)]) {
    const started = performance.now();
    read(text);
    expect(performance.now() - started).toBeLessThan(2_000);
  }
});
