import { createRequire } from 'node:module';
import { formulaIn } from '../reading/formula-in.ts';
import { numbersIn } from '../reading/number-list.ts';
import { asOption, readOptions } from '../reading/options.ts';
import { defineSolver } from './define-solver.ts';
import type { Solver } from './solver.ts';

interface Expression {
  toString(): string;
  text(form: 'decimals'): string;
}
interface Nerdamer {
  (expression: string): Expression;
  solveEquations(equations: string[]): [string, unknown][];
}

/** Computer algebra by nerdamer-prime: exact numbers, equations, systems, rewriting, derivatives and integrals. */
export async function createCasSolver(): Promise<Solver> {
  // The package is CommonJS and its add-ons patch the core on load.
  const nerdamer = createRequire(import.meta.url)('nerdamer-prime/all') as Nerdamer;
  return defineSolver('cas', 1.5, 3, (text) => {
    const { question, options } = readOptions(text);
    const answer = answerAlgebra(nerdamer, question);
    return answer === null ? null : asOption(options, answer);
  });
}

function answerAlgebra(nerdamer: Nerdamer, text: string): string | null {
  const value = (expression: string): string => nerdamer(expression).text('decimals');
  const equations = equationsIn(text.replaceAll(/\b(?:f\(x\)|y) = (?=.*x)/g, ' '));
  if (equations.length === 2)
    return fromSystem(nerdamer, equations, /(?:what is|find) ([a-z])\b/i.exec(text)?.[1] ?? 'x');
  const at = /\b(?:x = |f\()(-?\d+)\b/.exec(text)?.[1];
  if (equations.length === 1 && at === undefined) {
    const name = /[a-z]/.exec(equations[0]!)![0];
    return value(`solve(${equations[0]!.replace('=', '-(')}), ${name})`)
      .replaceAll(/[[\]]/g, '')
      .replaceAll(',', ', ');
  }
  const body = text.replaceAll(/d\/dx|f'?\((?:x|-?\d+)\)( =)?|y = |\bx = -?\d+/g, ' ');
  const numbers = numbersIn(text);
  const formula = formulaIn(body, 'x');
  if (/\b(?:gcd|greatest common)/i.test(text)) return value(`gcd(${numbers.slice(0, 2)})`);
  if (/\b(?:lcm|least common)/i.test(text)) return value(`lcm(${numbers.slice(0, 2)})`);
  if (/prime factors/i.test(text)) return listFactors(nerdamer(`pfactor(${numbers[0]})`).toString());
  if (/factorial/i.test(text) && formula === null) return value(`factorial(${numbers[0]})`);
  if (formula === null) return null;
  if (/mod|remainder|last digit/i.test(text)) return remainder(value, text, formula, numbers);
  if (/\bfrom\b.*\bto\b|\bbetween\b/i.test(text) && /integra|area/i.test(text)) {
    const [low, high] = numbers.slice(-2);
    return value(`defint(${formulaIn(body.replace(/(?:from|between).*/i, ''), 'x')}, ${low}, ${high}, x)`);
  }
  if (/integra|antiderivative/i.test(text)) return nerdamer(`integrate(${formula}, x)`).toString();
  if (/differentiate|derivative|d\/dx|f'/i.test(text)) return nerdamer(`diff(${formula}, x)`).toString();
  if (/slope|gradient|steep/i.test(text))
    return value(`${nerdamer(`diff(${formula}, x)`)}`.replaceAll('x', `(${at})`));
  if (/\bfactor(?:ise)?\b|product/i.test(text)) return tidy(nerdamer(`factor(${formula})`).toString());
  if (/expand|multiply out|without brackets/i.test(text)) return nerdamer(`expand(${formula})`).toString();
  return at === undefined
    ? value(formula)
    : value(formula.replaceAll(/(\d?)x/g, (_, digit) => `${digit && `${digit}*`}(${at})`));
}

function equationsIn(text: string): string[] {
  const plain = text.replaceAll(/[A-Za-z]{2,}/g, '#');
  const found = plain.match(/[\dxyzn^+\-*/() ]+=[\dxyzn^+\-*/() ]+/g) ?? [];
  return found
    .map((equation) => equation.trim())
    .filter(
      (equation) => /[xyzn]/.test(equation) && /\d/.test(equation) && !/^[a-z] = -?\d+$/.test(equation),
    );
}

function fromSystem(nerdamer: Nerdamer, equations: string[], asked: string): string | null {
  const pairs: unknown[] = nerdamer.solveEquations(equations).flat();
  const at = pairs.indexOf(asked);
  return at < 0 ? null : String(pairs[at + 1]);
}

function remainder(
  value: (expression: string) => string,
  text: string,
  formula: string,
  numbers: number[],
): string {
  const modulus = /last digit/i.test(text) ? 10 : numbers.at(-1)!;
  const whole = BigInt(value(/\^/.test(formula) ? /\d+\s*\^\s*\d+/.exec(formula)![0] : formula));
  return String(whole % BigInt(modulus));
}

/** `(2^3)*(3)` as `2, 2, 2, 3`. */
function listFactors(product: string): string {
  return [...product.matchAll(/(\d+)(?:\^(\d+))?/g)]
    .flatMap((m) => new Array<string>(Number(m[2] ?? 1)).fill(m[1]!))
    .join(', ');
}

/** `(-3+x)*(2+x)` as `(x - 3)(x + 2)`. */
function tidy(product: string): string {
  return product
    .replaceAll(
      /\((-?\d+)\+x\)/g,
      (_, n: string) => `(x ${n.startsWith('-') ? '-' : '+'} ${n.replace('-', '')})`,
    )
    .replaceAll('*', '');
}
