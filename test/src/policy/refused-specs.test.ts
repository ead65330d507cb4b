import { InvalidInputError, type PolicySpec } from 'pointsman';
import { compileCel, createPolicy, type PolicyCandidate } from 'pointsman/internal';
import { describe, expect, it } from 'vitest';

const candidates: PolicyCandidate[] = ['a', 'b', 'c'].map((name) => ({
  name,
  meanCostUsd: 0.001,
  meanLatencyMs: 100,
}));
const create = (spec: object) => () => createPolicy(spec as PolicySpec, candidates);
const ensemble = (combine: object, members: unknown = 2) => ({ kind: 'ensemble', members, combine });

describe('an ensemble', () => {
  it.each([
    [{ kind: 'majority' }],
    [{ kind: 'weighted' }],
    [{ kind: 'best', scorer: 's' }],
    [{ kind: 'judge', judge: 'c' }],
  ])('may be combined by %j', (combine) => {
    expect(create(ensemble(combine))).not.toThrow();
    expect(create(ensemble(combine, ['a', 'c']))).not.toThrow();
  });

  it.each([
    [{ kind: 'best' }],
    [{ kind: 'judge' }],
    [{ kind: 'majority', scorer: 's' }],
    [{ kind: 'weighted', scorer: 's' }],
    [{ kind: 'best', scorer: 's', judge: 'c' }],
    [{ kind: 'judge', judge: 'c', scorer: 's' }],
    [{ kind: 'best', scorer: 1 }],
    [{ kind: 'loudest' }],
    [{}],
  ])('is refused where it is to be combined by %j', (combine) => {
    expect(create(ensemble(combine))).toThrow(InvalidInputError);
  });

  it.each([[1], [1001], [2.5], [['a']], [['a', 'x']], [undefined]])(
    'is refused where its members are %j',
    (members) => {
      expect(create({ kind: 'ensemble', members, combine: { kind: 'majority' } })).toThrow(InvalidInputError);
    },
  );
});

describe('a hierarchy', () => {
  const hierarchy = (more: object) => ({
    kind: 'hierarchical',
    domains: { sums: 'a' },
    otherwise: 'b',
    ...more,
  });

  it.each([['task'], ['language'], ['tier'], ['quality']])('may go by %s', (by) => {
    expect(create(hierarchy({ by, minConfidence: 0.5 }))).not.toThrow();
  });

  it.each([
    [{ by: 'weather' }],
    [{ minConfidence: 1.5 }],
    [{ minConfidence: -0.1 }],
    [{ otherwise: 'x' }],
    [{ domains: { sums: 'x' } }],
    [{ domains: undefined }],
    [{ more: 1 }],
  ])('is refused with %j', (more) => {
    expect(create(hierarchy(more))).toThrow(InvalidInputError);
  });
});

describe('a rule that cannot be read', () => {
  const refused = (rule: string): Error => {
    try {
      compileCel(rule, ['a', 'b']);
    } catch (error) {
      return error as Error;
    }
    throw new Error('it was not refused');
  };

  it('is quoted, the first 200 characters of it, with what is behind it', () => {
    const of = (length: number) =>
      `${'1 + '.repeat(length / 4 - 1)}1 +-`.padEnd(length, ')').slice(0, length);
    expect(refused(of(200)).message).toContain(`"${of(200)}"`);
    expect(refused(of(204)).message).toContain(`"${of(204).slice(0, 200)}..."`);
    expect(refused(of(200)).cause).toBeInstanceOf(Error);
  });
});
