import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tallyVotes } from '../../../src/execution/accept.ts';

describe('a vote', () => {
  it.each([
    [['x', 'y', 'y'], [1, 1, 1], 1, 2, true],
    [['x', 'y', 'z'], [1, 1, 1], 0, 1, true],
    [['x', 'y', 'y'], [0.9, 0.4, 0.4], 0, 0.9, true],
    [['x', 'x', undefined], [1, 1, 1], 0, 2, true],
    [['x', undefined, undefined], [1, 1, 1], 0, 1, false],
    [['x', 'y', undefined], [1, 1, 1], 0, 1, false],
    [[null, 'y', null], [1, 1, 1], 1, 1, true],
    [[null, null], [1, 1], -1, 0, false],
    [[], [], -1, 0, false],
  ] as const)('of %j with weights %j is won by voter %i', (keys, weights, winner, weight, decided) => {
    expect(tallyVotes(keys, weights)).toEqual({ winner, weight, decided });
  });

  it('that is decided cannot be changed by those that have yet to vote', () => {
    const voter = fc.record({
      key: fc.constantFrom('x', 'y', 'z'),
      weight: fc.integer({ min: 0, max: 5 }),
      late: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(voter, { minLength: 1, maxLength: 7 }), (voters) => {
        const weights = voters.map(({ weight }) => weight);
        const early = tallyVotes(
          voters.map(({ key, late }) => (late ? undefined : key)),
          weights,
        );
        if (!early.decided) return;
        const all = voters.map(({ key }) => key);
        expect(all[tallyVotes(all, weights).winner]).toBe(all[early.winner]);
      }),
    );
  });

  it('of no weight at all is open until everybody has voted, since the first listed wins', () => {
    expect(tallyVotes([undefined, 'x'], [0, 0]).decided).toBe(false);
    expect(tallyVotes(['z', 'x'], [0, 0])).toMatchObject({ winner: 0, decided: true });
  });
});
