import { mean } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { estimatedGain } from '../../../bench/simulations/fitted-propensities.ts';

test.each(['words', 'embedding'] as const)(
  'a log without propensities in which easy prompts, told apart by their %s alone, went to one candidate does not make it seem better',
  async (seen) => {
    const found: number[] = [];
    for (let seed = 0; seed < 4; seed++) found.push(await estimatedGain(seed, seen, 400));
    // By task and tier, which nobody gave, it is 0.19.
    expect(Math.abs(mean(found))).toBeLessThan(0.1);
  },
);
