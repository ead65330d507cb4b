import { defineSolver } from './define-solver.ts';
import type { Solver } from './solver.ts';

/** Finds digits joined by signs and works them out, products first, in doubles. Knows no brackets, powers or words. */
export function createRegexCalculator(): Solver {
  return defineSolver('regex-calculator', 0.02, 0.02, (text) => {
    const share = /(\d+(?:\.\d+)?) ?% of (\d+(?:\.\d+)?)/.exec(text);
    if (share !== null) return String((Number(share[1]) * Number(share[2])) / 100);
    const chain = /-?\d+(?:\.\d+)?(?:\s*[-+*/×÷]\s*-?\d+(?:\.\d+)?)+/.exec(text);
    return chain === null ? null : String(workOut(chain[0]));
  });
}

function workOut(chain: string): number {
  const parts = chain.match(/(?<=\d\s*)[-+*/×÷]|-?\d+(?:\.\d+)?/g)!;
  const terms = [Number(parts[0])];
  for (let i = 1; i + 1 < parts.length; i += 2) {
    const value = Number(parts[i + 1]);
    const last = terms.length - 1;
    if (parts[i] === '+') terms.push(value);
    else if (parts[i] === '-') terms.push(-value);
    else terms[last] = parts[i] === '/' || parts[i] === '÷' ? terms[last]! / value : terms[last]! * value;
  }
  return terms.reduce((sum, term) => sum + term, 0);
}
