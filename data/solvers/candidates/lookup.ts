import { countries, elements, planets, works } from '../facts/facts.ts';
import { asOption, readOptions } from '../reading/options.ts';
import { defineSolver } from './define-solver.ts';
import type { Solver } from './solver.ts';

const ranks = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth', 'seventh', 'eighth'];

/**
 * Reads one fact off its tables: it looks for a name it knows, spelt exactly, and for a word that says which column.
 * One step only: it neither joins two facts nor forgives a misspelling.
 */
export function createLookup(): Solver {
  return defineSolver('lookup', 0.05, 0.05, (text) => {
    const { question, options } = readOptions(text);
    const answer =
      countryFact(question) ?? elementFact(question) ?? planetFact(question) ?? workFact(question);
    return answer === null ? null : asOption(options, answer);
  });
}

function has(text: string, name: string): boolean {
  return new RegExp(`\\b${name}\\b`, 'i').test(text);
}

function countryFact(text: string): string | null {
  const column = /\bcurrency\b/i.test(text)
    ? 'currency'
    : /\bcontinent\b/i.test(text)
      ? 'continent'
      : 'capital';
  const named = countries.find((country) => has(text, country.name));
  if (named !== undefined && /capital|currency|continent|seat of government/i.test(text))
    return named[column];
  if (!/\bcountry\b/i.test(text)) return null;
  return countries.find((country) => has(text, country.capital))?.name ?? null;
}

function elementFact(text: string): string | null {
  if (!/\b(?:element|symbol|atomic)\b/i.test(text)) return null;
  const named = elements.find(({ name }) => has(text, name));
  if (named !== undefined) return /\bsymbol\b/i.test(text) ? named.symbol : String(named.number);
  const number = /atomic number (\d+)/i.exec(text)?.[1];
  const symbol = /symbol ([A-Z][a-z]?)\b/.exec(text)?.[1];
  return (
    elements.find((element) => element.symbol === symbol || String(element.number) === number)?.name ?? null
  );
}

function planetFact(text: string): string | null {
  if (!/\bfrom the sun\b/i.test(text)) return null;
  const rank = ranks.findIndex((name) => has(text, name));
  if (rank >= 0) return planets[rank]!;
  const at = planets.findIndex((name) => has(text, name));
  return at < 0 ? null : String(at + 1);
}

function workFact(text: string): string | null {
  const work = works.find(({ title }) => text.includes(title));
  if (work === undefined) return null;
  return /\bwho\b/i.test(text) ? work.maker : String(work.year);
}
