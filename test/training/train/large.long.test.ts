import { beforeAll, describe, expect, it } from 'vitest';
import { LARGE_MEMORY_MB, type LargeMeasure, trainLarge } from '../../../bench/large.ts';

const PROMPTS = 300_000;

/** On the built `src`: the training runs in a process of its own, whose peak of memory is its own too. */
describe(`a training of ${PROMPTS} prompts of 9 candidates, each of which one answered`, () => {
  let measured: LargeMeasure;
  beforeAll(async () => {
    measured = await trainLarge(PROMPTS, true);
  }, 2_400_000);

  it('takes every row', () => {
    expect(measured).toMatchObject({ prompts: PROMPTS, rows: PROMPTS });
  });

  it('makes a router that is worth at least half of what the best choice gains on fresh prompts', () => {
    const { best, routed, single } = measured;
    expect(single).toBeLessThan(0.45);
    expect((routed - single) / (best - single)).toBeGreaterThan(0.5);
  });

  it(`takes at most ${LARGE_MEMORY_MB} MB`, () => {
    expect(measured.peakMb).toBeLessThan(LARGE_MEMORY_MB);
  });
});
