import { asOption, readOptions } from '../reading/options.ts';
import { defineSolver } from './define-solver.ts';
import { reason } from './generalist-reasoning.ts';
import type { Solver } from './solver.ts';

/** A few facts known by heart; the lookup solver has the whole tables. */
const memory: Readonly<Record<string, string>> = {
  'capital france': 'Paris',
  'capital japan': 'Tokyo',
  'capital germany': 'Berlin',
  'capital italy': 'Rome',
  'capital spain': 'Madrid',
  'capital egypt': 'Cairo',
  'currency japan': 'yen',
  'currency france': 'euro',
  'currency germany': 'euro',
  'symbol oxygen': 'O',
  'symbol hydrogen': 'H',
  'symbol iron': 'Fe',
  'symbol carbon': 'C',
  'atomic hydrogen': '1',
  'atomic carbon': '6',
  'third sun': 'Earth',
  'fourth sun': 'Mars',
  'wrote frankenstein': 'Mary Shelley',
  'author dracula': 'Bram Stoker',
  'opposite hot': 'cold',
  'opposite early': 'late',
  'opposite heavy': 'light',
  'opposite full': 'empty',
  'opposite narrow': 'wide',
};

/**
 * Thinks for itself first, then asks every member of its panel and takes the answer most of them give
 * (of answers given equally often, the earliest member's). It pays for all of them, in money and in time.
 */
export function createGeneralist(panel: readonly Solver[]): Solver {
  return defineSolver('generalist', 5, 15, async (text, signal) => {
    const { question, options } = readOptions(text);
    const known = recall(question) ?? reason(question);
    const answers: string[] = [];
    for (const member of panel) {
      const answer = await member.solve(question, signal);
      if (answer !== null) answers.push(answer);
    }
    const answer = known ?? mostGiven(answers);
    return answer === null ? null : asOption(options, answer);
  });
}

function recall(text: string): string | null {
  const words = new Set(text.toLowerCase().match(/[a-z]+/g));
  const key = Object.keys(memory).find((each) => each.split(' ').every((word) => words.has(word)));
  return key === undefined ? null : memory[key]!;
}

function mostGiven(answers: readonly string[]): string | null {
  const votes = (answer: string): number => answers.filter((other) => same(other, answer)).length;
  return answers.reduce<string | null>(
    (best, answer) => (best === null || votes(answer) > votes(best) ? answer : best),
    null,
  );
}

function same(a: string, b: string): boolean {
  return a === b || Math.abs(Number(a) - Number(b)) < 1e-6;
}
