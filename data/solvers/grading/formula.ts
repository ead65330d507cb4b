import { largest } from 'pointsman/internal';

/**
 * Whether two formulas in x agree at five points within 1e-6 of their size, or differ by one constant when
 * `upToConstant`. A text that is no formula agrees with nothing.
 */
export function sameFormula(expected: string, given: string, upToConstant = false): boolean {
  const a = parseFormula(expected);
  const b = parseFormula(given.replace(/^.*=/, ''));
  if (a === null || b === null) return false;
  const points = [-2.3, -0.7, 0.9, 1.6, 3.1];
  const gaps = points.map((x) => b(x) - a(x));
  const size = Math.max(1, largest(points.map((x) => Math.abs(a(x)))));
  const start = upToConstant ? gaps[0]! : 0;
  return gaps.every((gap) => Math.abs(gap - start) <= 1e-6 * size);
}

type Formula = (x: number) => number;

/** Reads sums, products, quotients, whole powers and brackets in x; a number may stand before x or a bracket. */
export function parseFormula(text: string): Formula | null {
  const tokens =
    text
      .replaceAll(/\s+|C$/g, '')
      .replaceAll('**', '^')
      .replaceAll('·', '*')
      .match(/\d+(?:\.\d+)?|./g) ?? [];
  let at = 0;
  const eat = (token: string): boolean => tokens[at] === token && ++at > 0;
  const sum = (): Formula | null => {
    let left = product();
    while (left !== null && (tokens[at] === '+' || tokens[at] === '-')) {
      const [sign, a, b] = [tokens[at++] === '+' ? 1 : -1, left, product()];
      left = b && ((x) => a(x) + sign * b(x));
    }
    return left;
  };
  const product = (): Formula | null => {
    let left = signed();
    while (left !== null && at < tokens.length && !'+-)'.includes(tokens[at]!)) {
      const over = eat('/');
      if (!over) eat('*');
      const [a, b] = [left, signed()];
      left = b && (over ? (x) => a(x) / b(x) : (x) => a(x) * b(x));
    }
    return left;
  };
  const signed = (): Formula | null => {
    if (!eat('-')) return power();
    const a = signed();
    return a && ((x) => -a(x));
  };
  const power = (): Formula | null => {
    const base = atom();
    if (base === null || !eat('^')) return base;
    const exponent = signed();
    return exponent && ((x) => base(x) ** exponent(x));
  };
  const atom = (): Formula | null => {
    if (eat('(')) {
      const inner = sum();
      return eat(')') ? inner : null;
    }
    if (eat('x')) return (x) => x;
    const value = Number(tokens[at] ?? Number.NaN);
    if (Number.isNaN(value)) return null;
    at++;
    return () => value;
  };
  const formula = sum();
  return at === tokens.length ? formula : null;
}
