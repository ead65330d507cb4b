import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Expected } from '../../../data/solvers/grading/expected.ts';
import { sameFormula } from '../../../data/solvers/grading/formula.ts';
import { grade } from '../../../data/solvers/grading/grade.ts';
import { listCredit } from '../../../data/solvers/grading/list-credit.ts';

const word = fc.stringMatching(/^[a-z]{1,8}$/).filter((text) => text !== 'and');
const expecteds: fc.Arbitrary<Expected> = fc.oneof(
  fc.record({
    kind: fc.constant('number' as const),
    value: fc.double({ noNaN: true, noDefaultInfinity: true }),
    tolerance: fc.constant(0.005),
  }),
  fc.record({ kind: fc.constant('integer' as const), digits: fc.bigInt().map(String) }),
  fc.record({ kind: fc.constant('text' as const), accepted: fc.array(word, { minLength: 1 }) }),
  fc.record({ kind: fc.constant('list' as const), items: fc.array(word), ordered: fc.boolean() }),
  fc.record({ kind: fc.constant('date' as const), iso: fc.constant('2024-02-29') }),
  fc.record({ kind: fc.constant('formula' as const), formula: fc.constant('2x^2 - 3x + 1') }),
);

describe('grade', () => {
  test('is 0 to 1 for any answer to anything, and never throws', () => {
    fc.assert(
      fc.property(
        expecteds,
        fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constant(null)),
        (expected, answer) => {
          const quality = grade(expected, answer);
          expect(quality).toBeGreaterThanOrEqual(0);
          expect(quality).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  test('is 0 for no answer', () => {
    fc.assert(
      fc.property(expecteds, (expected) => grade(expected, null) === 0 && grade(expected, '  ') === 0),
    );
  });

  test('is 1 for a whole number with or without separators, and 0 for its neighbour', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), (n) => {
        const expected: Expected = { kind: 'integer', digits: String(n) };
        expect(grade(expected, String(n))).toBe(1);
        expect(grade(expected, n.toLocaleString('en-US'))).toBe(1);
        expect(grade(expected, `${n}.0`)).toBe(1);
        expect(grade(expected, String(n + 1n))).toBe(0);
      }),
    );
  });

  test('takes a number within its tolerance, however it is written', () => {
    const expected: Expected = { kind: 'number', value: 3.10686, tolerance: 0.005 };
    for (const answer of ['3.11', '3.10686', '3.107 miles', '$3.11', '311/100'])
      expect(grade(expected, answer)).toBe(1);
    for (const answer of ['3.2', 'about 3 or 3.11', 'three', '-3.11'])
      expect(grade(expected, answer)).toBe(0);
  });

  test('compares texts without regard to case, accents and full stops, unless they must be exact', () => {
    expect(grade({ kind: 'text', accepted: ['Brasilia'] }, 'Brasília.')).toBe(1);
    expect(grade({ kind: 'text', accepted: ['yes', 'true'] }, 'TRUE')).toBe(1);
    expect(grade({ kind: 'text', accepted: ['ABC'], exact: true }, 'abc')).toBe(0);
  });

  test('takes the letter of an option or what it says', () => {
    const expected: Expected = { kind: 'choice', letter: 'B', content: { kind: 'integer', digits: '12' } };
    expect(['B', '(b)', 'B.', '12'].map((answer) => grade(expected, answer))).toEqual([1, 1, 1, 1]);
    expect(['A', '13', 'AB'].map((answer) => grade(expected, answer))).toEqual([0, 0, 0]);
  });
});

describe('listCredit', () => {
  test('is 1 exactly for the same list, in any order when order does not count', () => {
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), fc.array(word, { minLength: 1 }), (a, b) => {
        expect(listCredit(a, a, true)).toBe(1);
        expect(listCredit(a, [...a].reverse(), false)).toBe(1);
        expect(listCredit(a, b, true) === 1).toBe(a.join() === b.join());
        expect(listCredit(a, b, false) === 1).toBe([...a].sort().join() === [...b].sort().join());
      }),
    );
  });

  test('gives half of four for two right items in order', () => {
    expect(listCredit(['a', 'b', 'c', 'd'], ['a', 'x', 'y', 'd'], true)).toBe(0.5);
    expect(listCredit(['a', 'b'], ['b', 'c'], false)).toBe(0.5);
  });
});

describe('sameFormula', () => {
  test('knows the same polynomial in other words', () => {
    expect(sameFormula('20x^2 - 62x + 48', '48-62*x+20*x^2')).toBe(true);
    expect(sameFormula('6x + 2', '2 * (3 x + 1)')).toBe(true);
    expect(sameFormula('6x + 2', '6x + 3')).toBe(false);
    expect(sameFormula('x^2', 'x^2 + C')).toBe(false);
    expect(sameFormula('(1/2)*x^2', '(1/2)*x^2+7', true)).toBe(true);
  });

  test('refuses what is no formula', () => {
    for (const text of ['', 'x +', '(x', 'y', 'x; 1', '^2', 'constructor'])
      expect(sameFormula('x', text)).toBe(false);
  });
});
