import { describe, expect, it } from 'vitest';
import { toBanditLog } from '../../../bench/bandit-log.ts';
import { dialNotes, dialSubject } from '../../../training/evaluate/dial.ts';
import { trainMeans } from '../../../training/evaluate/evaluation-input.ts';
import {
  keepToLoss,
  type ValuedRows,
  valueRows,
  weighRows,
} from '../../../training/evaluate/setting-worth.ts';
import { loggingPropensities } from '../../../training/off-policy/propensities.ts';
import { chooseByWeights } from '../../../training/tune/settings.ts';
import { dialOf, setting, TRUTH } from './dial-world.ts';
import { syntheticWorld } from './synthetic-world.ts';

/** Of a world with enough prompts to show each of its losses; what several tests look at. */
const standard = dialOf(syntheticWorld({ rows: 12_000, truth: TRUTH }));

describe('the dial of a router', () => {
  it('keeps to the loss in truth in nine of ten worlds and more', () => {
    let [broken, shown] = [0, 0];
    const worlds = 60;
    const costs = [0.001, 0.004, 0.016];
    const candidates = costs.map((meanCostUsd, c) => ({ name: `${c}`, meanCostUsd, meanLatencyMs: null }));
    for (let seed = 0; seed < worlds; seed++) {
      const world = syntheticWorld({ rows: 2400, truth: TRUTH, seed });
      const { predictions, rows } = world.dial!.calibrate!;
      const splits = { ...world.splits, test: { role: 'test', rows } as const };
      const means = trainMeans(world.matrix, rows);
      const valued = valueRows({ ...world, splits, predictions }, means, {
        seed,
        resamples: 2,
      }) as ValuedRows;
      const weighed = weighRows(valued, predictions, candidates);
      const { weights } = keepToLoss(weighed, 2, 0.05, { seed });
      if (weights === null) continue;
      shown++;
      // Who is chosen depends on the task alone, and so does the true quality.
      const tasks = {
        success: Float32Array.from(TRUTH.flat()),
        expectedCostUsd: Float32Array.from(TRUTH.flatMap(() => costs)),
        expectedLatencyMs: new Float32Array(9).fill(Number.NaN),
      };
      const chosen = chooseByWeights(candidates, tasks, weights);
      const loss = TRUTH.reduce((sum, p, task) => sum + (p[2] - p[chosen[task]]) / 3, 0);
      if (loss > 0.05) broken++;
    }
    expect(shown).toBeGreaterThan(0.8 * worlds);
    expect(broken).toBeLessThanOrEqual(0.1 * worlds);
  });
});

describe('the dial of a log with one answer a prompt', () => {
  const full = syntheticWorld({ rows: 12_000, truth: TRUTH });

  it('is estimated, with intervals that hold what full information says', async () => {
    const matrix = toBanditLog(full.matrix, { seed: 4 });
    const dial = dialOf({ ...full, matrix, propensities: await loggingPropensities(matrix) });
    const known = standard;
    expect(dial.isEstimated).toBe(true);
    expect(dialSubject(dial)).toMatch(/^estimated on 6,000 test prompts, beside always using great/);
    for (const id of ['best', 'balanced', 'cheapest'] as const) {
      const { worth } = setting(dial, id);
      const truth = setting(known, id).worth!;
      for (const figure of ['quality', 'difference', 'saving'] as const) {
        const { low, high } = worth![figure];
        const width = high! - low!;
        expect(low! - 0.2 * width).toBeLessThanOrEqual(truth[figure].estimate!);
        expect(high! + 0.2 * width).toBeGreaterThanOrEqual(truth[figure].estimate!);
      }
    }
    const { guarantee, worth } = setting(dial, 'lose-5');
    expect(guarantee!.by).toBe('normal approximation');
    expect(worth!.savedShare!.estimate).toBeGreaterThan(0.2);
    expect(dialNotes(dial)[0]).toMatch(/estimated, by a normal approximation, on 3,000 prompts/);
  });
});
