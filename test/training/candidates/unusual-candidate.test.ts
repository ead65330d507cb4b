import { expect, test } from 'vitest';
import { coverage } from '../../../bench/simulations/unusual-candidate.ts';

test.each([0, 0.2, 0.4, -0.2])(
  'the 95 % interval of a candidate %d worse than all others holds the truth in 86 of 100 draws or more',
  (worse) => {
    // The simulation asks for 90 of 100 in 400 draws; a hundred may be off by four.
    expect(coverage(100, worse, 50)).toBeGreaterThanOrEqual(0.86);
  },
);
