import type { Expected } from '../grading/expected.ts';

/** A number that is right when it is right to `decimals` decimal places (rounded or not). */
export function numberAnswer(value: number, decimals = 2): Expected {
  return { kind: 'number', value, tolerance: 0.5001 * 10 ** -decimals };
}

/** A whole number, every digit of it. */
export function integerAnswer(value: number | bigint): Expected {
  return { kind: 'integer', digits: BigInt(value).toString() };
}

/** One of several ways to say the same. */
export function textAnswer(...accepted: readonly string[]): Expected {
  return { kind: 'text', accepted };
}

/** Yes or no, in either pair of words. */
export function truthAnswer(value: boolean): Expected {
  return value ? textAnswer('true', 'yes') : textAnswer('false', 'no');
}

/** Wrong numbers near a right one, as the options of a multiple choice. */
export function nearMisses(value: number, decimals = 0): string[] {
  const step = Math.max(10 ** -decimals, Math.abs(value) * 0.1);
  const right = value.toFixed(decimals);
  const misses = [value + step, value - step, value * 2, -value, value + 3 * step, value + 7 * step]
    .map((miss) => miss.toFixed(decimals))
    .filter((miss) => miss !== right);
  return [...new Set(misses)].slice(0, 3);
}
