import { createCasSolver } from './cas-solver.ts';
import { createDateSolver } from './date-solver.ts';
import { createGeneralist } from './generalist.ts';
import { createLanguageSolver } from './language-solver.ts';
import { createLookup } from './lookup.ts';
import { createMathjsSolver } from './mathjs-solver.ts';
import { createRegexCalculator } from './regex-calculator.ts';
import { createSandboxSolver } from './sandbox-solver.ts';
import type { Solver } from './solver.ts';

/** Every solver, cheapest first, packages loaded. The generalist's panel has neither the tables nor the sandbox. */
export async function loadSolvers(): Promise<readonly Solver[]> {
  const calculator = createRegexCalculator();
  const [dates, language, sandbox, mathjs, cas] = await Promise.all([
    createDateSolver(),
    createLanguageSolver(),
    createSandboxSolver(),
    createMathjsSolver(),
    createCasSolver(),
  ]);
  return [
    calculator,
    createLookup(),
    dates,
    language,
    sandbox,
    mathjs,
    cas,
    createGeneralist([cas, mathjs, language, dates, calculator]),
  ];
}
