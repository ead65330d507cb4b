import { between, pick, spin } from '../wording/spin.ts';
import { polynomialText } from './algebra.ts';
import { numberAnswer } from './answers.ts';
import type { Family } from './family.ts';

/** Derivatives, slopes, antiderivatives, definite integrals and limits of polynomials. */
export const calculus: Family = {
  name: 'calculus',
  make(random, difficulty) {
    const degree = difficulty < 0.4 ? 2 : difficulty < 0.7 ? 3 : 4;
    const f = Array.from({ length: degree + 1 }, (_, power) =>
      power === degree ? between(random, 1, 7) : between(random, -8, 8),
    );
    const slope = f.slice(1).map((c, i) => c * (i + 1));
    const at = between(random, -3, 5);
    const to = at + between(random, 1, 4);
    const area = (x: number): number =>
      f.reduce((sum, c, power) => sum + (c * x ** (power + 1)) / (power + 1), 0);
    const values = { f: polynomialText(f), at, to };
    const derive = {
      text: spin(
        random,
        "{Differentiate $f{| with respect to x}.|{Find|What is|Give} the derivative of $f{?|.}|d/dx ($f) = ?|f(x) = $f. {What is|Find} f'(x){?|.}}",
        values,
      ),
      expected: { kind: 'formula', formula: polynomialText(slope) } as const,
    };
    const steep = {
      text: spin(
        random,
        '{What is the slope of|How steep is|Find the gradient of} {y = |}$f {at|when} x = $at?',
        values,
      ),
      expected: numberAnswer(slope.reduce((sum, c, power) => sum + c * at ** power, 0)),
    };
    const antiderive = {
      text: spin(
        random,
        '{Integrate $f{| with respect to x}.|Find {an antiderivative|the indefinite integral} of $f.}',
        values,
      ),
      expected: {
        kind: 'formula',
        formula: f.map((c, p) => `(${c}/${p + 1})*x^${p + 1}`).join(' + '),
        upToConstant: true,
      } as const,
    };
    const integral = {
      text: spin(
        random,
        '{Integrate $f from {x = |}$at to {x = |}$to.|What is the {definite integral of|area under} $f {from|between} $at {to|and} $to?}',
        values,
      )
        .replace(/between (-?\d+) to/, 'between $1 and')
        .replace(/from (-?\d+) and/, 'from $1 to'),
      expected: numberAnswer(area(to) - area(at)),
    };
    return pick(
      random,
      difficulty < 0.4
        ? [derive]
        : difficulty < 0.7
          ? [derive, steep, antiderive]
          : [derive, steep, antiderive, integral, integral],
    );
  },
};
