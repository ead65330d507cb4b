import {
  isAmong,
  isSame,
  MINUS,
  OVER,
  PLUS,
  type SeenNumber,
  type SeenSum,
  type SeenSums,
  TIMES,
} from './calculation.ts';
import type { Question } from './question.ts';

/** Whether the sums of an answer hold. */
export const SUM_CHECKS = [
  'sums',
  'noSums',
  'wrongSums',
  'wrongShare',
  'roundedSums',
  'lastSumWrong',
  'unfinishedSums',
  'unsolvedSums',
  'operators',
  'mostOperators',
  'plus',
  'minus',
  'times',
  'over',
  'negative',
  'fractional',
  'longDecimals',
] as const;

/** Where the numbers of an answer come from, and what becomes of those of the question. */
export const NUMBER_CHECKS = [
  'numbers',
  'promptNumbers',
  'promptSpelt',
  'unsaid',
  'unused',
  'unusedShare',
  'anyUnused',
  'speltUnused',
  'fromNowhere',
  'fromNowhereShare',
  'chainedShare',
  'dangling',
  'anyDangling',
  'reused',
  'reusedShare',
  'operatorsToNumbers',
  'operatorsOffNumbers',
  'sumsToNumbers',
] as const;

type Checks<Names extends readonly string[]> = Readonly<Record<Names[number], number>>;

/** Numbers that calculations have of their own: days, hours, months, minutes, per cent. */
const CONSTANTS: ReadonlySet<number> = new Set([1, 2, 7, 10, 12, 24, 30, 52, 60, 100, 365, 1000]);

export function checkSums({ numbers, sums, unfinished, unsolved }: SeenSums): Checks<typeof SUM_CHECKS> {
  let [wrong, operators, most] = [0, 0, 0];
  for (const sum of sums) {
    if (!sum.holds) wrong++;
    operators += sum.operators.length;
    most = Math.max(most, sum.operators.length);
  }
  const has = (test: (sum: SeenSum) => boolean) => Number(sums.some(test));
  return {
    sums: Math.log1p(sums.length),
    noSums: Number(sums.length === 0),
    wrongSums: Math.min(3, wrong),
    wrongShare: wrong / Math.max(1, sums.length),
    roundedSums: Math.min(2, sums.filter(({ isRounded }) => isRounded).length),
    lastSumWrong: Number(sums.length > 0 && !sums[sums.length - 1].holds),
    unfinishedSums: Math.min(3, unfinished),
    unsolvedSums: Math.min(5, unsolved),
    operators: Math.log1p(operators),
    mostOperators: Math.min(8, most),
    plus: countOperator(sums, PLUS),
    minus: countOperator(sums, MINUS),
    times: countOperator(sums, TIMES),
    over: countOperator(sums, OVER),
    negative: has(({ left, right }) => left < 0 || right < 0),
    fractional: has(({ left }) => !isSame(left, Math.round(left))),
    longDecimals: Number(numbers.some(({ decimals }) => decimals > 2)),
  };
}

function countOperator(sums: readonly SeenSum[], operator: number): number {
  let count = 0;
  for (const sum of sums) for (const each of sum.operators) if (each === operator) count++;
  return Math.min(6, count);
}

export function checkNumbers({ numbers, sums }: SeenSums, question: Question): Checks<typeof NUMBER_CHECKS> {
  const known = [...question.numbers, ...question.spelt];
  const { chained, dangling, nowhere, operands, results, reused } = followNumbers(numbers, known);
  const said = numbers.map(({ value }) => value);
  const inSums = numbers.filter(({ role }) => role !== 'loose').map(({ value }) => value);
  const distinct = [...new Set(question.numbers)];
  const unused = distinct.filter((value) => !isUsedAmong(inSums, value)).length;
  const operators = sums.reduce((sum, each) => sum + each.operators.length, 0);
  const toNumbers = Math.log1p(operators) - Math.log1p(known.length);
  return {
    numbers: Math.log1p(numbers.length),
    promptNumbers: Math.min(12, question.numbers.length),
    promptSpelt: Math.min(6, question.spelt.length),
    unsaid: Math.min(4, distinct.filter((value) => !isUsedAmong(said, value)).length),
    unused: Math.min(5, unused),
    unusedShare: unused / Math.max(1, distinct.length),
    anyUnused: Number(unused > 0),
    speltUnused: Math.min(
      3,
      question.spelt.filter((value) => !isAmong(said, value) && !isAmong(said, 1 / value)).length,
    ),
    fromNowhere: Math.min(4, nowhere),
    fromNowhereShare: nowhere / Math.max(1, operands),
    chainedShare: chained / Math.max(1, operands),
    dangling: Math.min(3, dangling),
    anyDangling: Number(dangling > 0),
    reused: Math.min(5, reused),
    reusedShare: reused / Math.max(1, results),
    operatorsToNumbers: toNumbers,
    operatorsOffNumbers: Math.abs(toNumbers),
    sumsToNumbers: Math.log1p(sums.length) - Math.log1p(question.numbers.length),
  };
}

/** Operands that come from earlier results or from nowhere, and results that are used again or never said again. */
function followNumbers(numbers: readonly SeenNumber[], known: readonly number[]) {
  const results: number[] = [];
  const seen = { chained: 0, dangling: 0, nowhere: 0, operands: 0, reused: 0 };
  for (let i = 0; i < numbers.length; i++) {
    const { role, value } = numbers[i];
    if (role === 'result') {
      results.push(value);
      const fate = fateOf(numbers, i);
      if (fate === 'operand') seen.reused++;
      else if (fate === 'gone') seen.dangling++;
    } else if (role === 'operand') {
      seen.operands++;
      if (isAmong(results, value) || isAmong(results, 100 * value)) seen.chained++;
      else if (!CONSTANTS.has(value) && !isGiven(known, value)) seen.nowhere++;
    }
  }
  return { ...seen, results: results.length };
}

function fateOf(numbers: readonly SeenNumber[], result: number): 'operand' | 'said' | 'gone' {
  let fate: 'said' | 'gone' = 'gone';
  for (let k = result + 1; k < numbers.length; k++) {
    if (!isSame(numbers[k].value, numbers[result].value)) continue;
    if (numbers[k].role === 'operand') return 'operand';
    fate = 'said';
  }
  return fate;
}

function isGiven(known: readonly number[], value: number): boolean {
  return isAmong(known, value) || isAmong(known, 100 * value) || isAmong(known, value / 100);
}

/** As it is; as a share; and more or less than 100 % by it. */
function isUsedAmong(values: readonly number[], value: number): boolean {
  const share = value / 100;
  for (const other of values) {
    if (isSame(other, value) || isSame(other, share) || isSame(other, 100 - value)) return true;
    if (isSame(other, 1 - share) || isSame(other, 1 + share)) return true;
  }
  return false;
}
