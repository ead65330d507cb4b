import type { Expected } from './expected.ts';
import { sameFormula } from './formula.ts';
import { listCredit, splitList } from './list-credit.ts';
import { readNumber } from './read-number.ts';

/**
 * How good an answer is, 0 to 1. Lists earn partial credit; anything else is right or wrong. No answer earns 0.
 * Numbers may be rounded and carry a unit or a currency sign, and fractions count as their value.
 */
export function grade(expected: Expected, answer: string | null): number {
  const said = answer?.trim() ?? '';
  if (said === '') return 0;
  switch (expected.kind) {
    case 'number': {
      const value = readNumber(said);
      return value !== null && Math.abs(value - expected.value) <= expected.tolerance ? 1 : 0;
    }
    case 'integer':
      return integerText(said) === expected.digits ? 1 : 0;
    case 'text':
      return expected.accepted.some((text) => plain(text, expected.exact) === plain(said, expected.exact))
        ? 1
        : 0;
    case 'date':
      return said.replace(/\.$/, '') === expected.iso ? 1 : 0;
    case 'list':
      return listCredit(expected.items, splitList(said), expected.ordered);
    case 'formula':
      return sameFormula(expected.formula, said, expected.upToConstant) ? 1 : 0;
    case 'choice':
      return said.replaceAll(/[().\s]/g, '').toUpperCase() === expected.letter
        ? 1
        : grade(expected.content, said);
  }
}

function integerText(said: string): string | null {
  const match = /^([-−]?)0*(\d[\d,_ ]*)(\.0+)?$/.exec(said.replace(/\.$/, ''));
  if (match === null) return null;
  const digits = match[2]!.replaceAll(/[,_ ]/g, '');
  return `${match[1] !== '' && digits !== '0' ? '-' : ''}${digits}`;
}

function plain(text: string, exact = false): string {
  if (exact) return text;
  return text
    .toLowerCase()
    .normalize('NFKD')
    .replaceAll(/[\u0300-\u036f"'`.]|\s+(?=[^a-z])|(?<=[^a-z])\s+/g, '')
    .trim();
}
