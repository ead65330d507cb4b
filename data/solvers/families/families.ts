import { algebra } from './algebra.ts';
import { arithmetic } from './arithmetic.ts';
import { calculus } from './calculus.ts';
import { codeOutput } from './code-output.ts';
import { dates } from './dates.ts';
import type { Family } from './family.ts';
import { logic } from './logic.ts';
import { lookups } from './lookups.ts';
import { numberTheory } from './number-theory.ts';
import { percentages } from './percentages.ts';
import { sequences } from './sequences.ts';
import { setsAndSorting } from './sets-and-sorting.ts';
import { statistics } from './statistics.ts';
import { strings } from './strings.ts';
import { units } from './units.ts';
import { wordProblems } from './word-problems.ts';

/** Every kind of task of the sample traffic, by name. */
export const families: readonly Family[] = [
  algebra,
  arithmetic,
  calculus,
  codeOutput,
  dates,
  logic,
  lookups,
  numberTheory,
  percentages,
  sequences,
  setsAndSorting,
  statistics,
  strings,
  units,
  wordProblems,
];
