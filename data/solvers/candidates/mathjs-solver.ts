import { formulaIn } from '../reading/formula-in.ts';
import { numberList, numbersIn } from '../reading/number-list.ts';
import { asOption, readOptions } from '../reading/options.ts';
import { defineSolver } from './define-solver.ts';
import { unitQuestion } from './mathjs-units.ts';
import type { Solver } from './solver.ts';

/** What the solver uses of a mathjs instance. */
export interface MathLike {
  evaluate(expression: string, scope?: object): unknown;
  format(value: unknown, options: object): string;
  derivative(expression: string, variable: string): { toString(): string };
}

/** Puts what it finds (an expression, a list, a unit, a function's name) into a mathjs expression and evaluates that. */
export async function createMathjsSolver(): Promise<Solver> {
  const { all, create } = await import('mathjs');
  const exact = create(all!, { number: 'BigNumber', precision: 64 }) as unknown as MathLike;
  const quick = create(all!) as unknown as MathLike;
  return defineSolver('mathjs', 0.6, 1.2, (text) => {
    const { question, options } = readOptions(text);
    const answer = differentiate(quick, question) ?? evaluated(quick, exact, question);
    return answer === null ? null : asOption(options, answer);
  });
}

function evaluated(quick: MathLike, exact: MathLike, text: string): string | null {
  const conversion = unitQuestion(text);
  if (conversion !== null)
    return quick.format(quick.evaluate(conversion), { precision: 10, notation: 'fixed' }).split(' ')[0]!;
  const call = functionCall(text);
  if (call !== null) return shown(quick, quick.evaluate(call));
  const at = /\b(?:x = |f\()(-?\d+)/.exec(text);
  const scope = at === null ? {} : { x: Number(at[1]) };
  const formula = formulaIn(text.replace(/\bx = -?\d+|f\(-?\w+\)( =)?/g, ' '), at === null ? '' : 'x');
  if (formula === null || /=/.test(formula)) return null;
  const math = at === null ? exact : quick;
  return shown(math, math.evaluate(formula, scope));
}

function shown(math: MathLike, value: unknown): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return math
    .format(value, { notation: 'fixed', precision: 12 })
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '')
    .replaceAll(/\.0{12}|(?<=\.\d*?)0+(?=[,\]])/g, '')
    .replaceAll(/\.(?=[,\]])/g, '');
}

const overLists: readonly (readonly [RegExp, string])[] = [
  [/\bmedian\b/i, 'median'],
  [/\bstandard deviation\b/i, 'std'],
  [/\bvariance\b/i, 'variance'],
  [/\b(?:mean|average)\b/i, 'mean'],
  [/\b(?:sum|total)\b/i, 'sum'],
  [/\b(?:largest|biggest|greatest|maximum)\b/i, 'max'],
  [/\b(?:smallest|lowest|minimum|least)\b/i, 'min'],
];

function functionCall(text: string): string | null {
  const sets = [...text.matchAll(/\{([^{}]*)\}/g)].map((match) => `[${match[1]}]`);
  if (sets.length === 2) {
    if (/subset/i.test(text)) return `setIsSubset(${sets})`;
    const name = /union/i.test(text)
      ? 'setUnion'
      : /intersection|both/i.test(text)
        ? 'setIntersect'
        : /difference|minus/i.test(text)
          ? 'setDifference'
          : null;
    return name && `${name}(${sets})`;
  }
  const list = numberList(text);
  if (list.length > 2) {
    if (/\b(?:sort|order|arrange)\b/i.test(text))
      return `sort([${list}], "${/desc|decreas|to (?:smallest|lowest)/i.test(text) ? 'desc' : 'asc'}")`;
    const name = overLists.find(([pattern]) => pattern.test(text))?.[1];
    return name === undefined
      ? null
      : name === 'variance' && /population/.test(text)
        ? `variance([${list}], "uncorrected")`
        : `${name}([${list}])`;
  }
  const n = numbersIn(text);
  if (/\bgcd\b|greatest common/i.test(text)) return `gcd(${n.slice(0, 2)})`;
  if (/\blcm\b|least common/i.test(text)) return `lcm(${n.slice(0, 2)})`;
  if (/\bprime\b/i.test(text) && n.length === 1 && /\bis\b/i.test(text) && !/smallest/i.test(text))
    return `isPrime(${n[0]})`;
  if (/\bremainder\b.*\bdivided by\b/i.test(text) && n.length === 2) return `mod(${n})`;
  if (/\bchoose\b/i.test(text) && n.length === 2) return `combinations(${n[1]}, ${n[0]})`;
  const share = /([\d.]+) ?(?:%|per ?cent) of ([\d.]+)/.exec(text);
  if (share !== null) return `${share[1]} / 100 * ${share[2]}`;
  const change = /\b(increase|raise|decrease|reduce|lower) ([\d.]+) by ([\d.]+) ?(?:%|per ?cent)/i.exec(text);
  if (change !== null)
    return `${change[2]} * (1 ${/inc|rai/i.test(change[1]!) ? '+' : '-'} ${change[3]} / 100)`;
  return null;
}

function differentiate(math: MathLike, text: string): string | null {
  if (!/differentiate|\bderivative|d\/dx|f'|slope|gradient|steep/i.test(text)) return null;
  const at = /\bx = (-?\d+)/.exec(text)?.[1];
  const formula = formulaIn(text.replaceAll(/d\/dx|f\(x\) =|f'\(x\)|y = |\bx = -?\d+/g, ' '), 'x');
  if (formula === null) return null;
  const slope = math.derivative(formula, 'x').toString();
  return at === undefined ? slope : shown(math, math.evaluate(slope, { x: Number(at) }));
}
