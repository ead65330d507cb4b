import { createRouter, memoryFiles, readArtifact } from 'pointsman';
import { describe, expect, it } from 'vitest';
import type { OutcomeMatrix } from '../../../training/outcomes/matrix.ts';
import { predictTest } from '../../../training/train/evaluate-router.ts';
import { routingParts } from '../../../training/tune/answer-scores.ts';
import { predictSuccess, tunePolicy } from '../../../training/tune/tune-policy.ts';
import { answerArtifact } from '../../fixtures/answer-artifact.ts';
import { ANSWERED, answeredTraffic } from '../../fixtures/answered-traffic.ts';
import { fakeEmbedder } from '../../fixtures/fake-embedder.ts';

const CHAIN = ['clerk', 'student', 'master'];
const artifact = await readArtifact(memoryFiles((await answerArtifact(ANSWERED)).files));
const router = createRouter(artifact, { embedder: fakeEmbedder });
const { given: _, ...traffic } = answeredTraffic({ prompts: 900, seed: 5 });
const rows = Int32Array.from(traffic.prompts.keys());
const [tuneRows, testRows] = [rows.slice(0, 600), rows.slice(600)];

const partsOf = async (matrix: OutcomeMatrix) =>
  routingParts(
    artifact,
    matrix,
    {
      tune: await predictSuccess(router, matrix, tuneRows),
      test: await predictSuccess(router, matrix, testRows),
    },
    CHAIN,
  );

describe('cascade routing, tuned for a loss', () => {
  it('keeps to the loss where it was tuned and elsewhere, costs less than the last, and is what the policy does', async () => {
    const { leftOut, ...parts } = await partsOf(traffic);
    expect(leftOut).toBe(0);
    const goal = { kind: 'max-quality-loss', loss: 0.03 } as const;
    const { policy, test, tuned } = tunePolicy({
      matrix: traffic,
      ...{ ...parts, candidates: CHAIN, kind: 'cascade', groups: rows, goal },
    });
    expect(policy).toMatchObject({ kind: 'cascade', weights: { quality: 1, latency: 0 } });
    expect(tuned.loss).toBeLessThan(0.03);
    expect(test!.loss).toBeLessThan(0.03);
    // Answers show which of them are right, and the dear one is asked for half of the prompts or fewer.
    expect(tuned.costSaved).toBeGreaterThan(0.4);
    const served = createRouter(artifact, { embedder: fakeEmbedder, policy });
    const { plans } = await predictTest(served, traffic, { role: 'test', rows: testRows }, null);
    const quality = testRows.map((row, i) => traffic.quality[3 * row + plans!.answers[i]]);
    expect(quality.reduce((sum, each) => sum + each, 0) / testRows.length).toBeCloseTo(test!.quality, 6);
    const master = testRows.filter((_, i) => plans!.answers[i] === 1).length;
    expect(master / testRows.length).toBeCloseTo(test!.strongShare, 9);
    const cost = testRows.reduce(
      (sum, row, i) =>
        sum + [0, 1, 2].reduce((all, c) => all + plans!.asked[3 * i + c] * traffic.costUsd[3 * row + c], 0),
      0,
    );
    const alone = testRows.reduce((sum, row) => sum + traffic.costUsd[3 * row + 1], 0);
    expect(1 - cost / alone).toBeCloseTo(test!.costSaved!, 5);
  });

  it('asks everybody at the safest setting, and costs more than the last alone there', async () => {
    const { routing, tune } = await partsOf(traffic);
    const at = (row: number) => 3 * row;
    const costs = Float32Array.from(tune.rows, () => 1);
    const all = new Float32Array(3 * costs.length).fill(1);
    expect(routing.tune.cost(routing.tune.dials[0], tune.success, all, at(7))).toBe(3);
    const dearest = routing.tune.dials[routing.tune.dials.length - 1];
    expect(routing.tune.cost(dearest, tune.success, all, at(7))).toBe(1);
  });

  it('is refused in words without answers, and leaves out prompts without one of them', async () => {
    const { answers: _answers, ...without } = traffic;
    await expect(partsOf(without)).rejects.toThrow(
      /^Cascade routing is tuned on the answers of clerk, student, master to the same prompts\. What the traffic and the router have lacks answers\./,
    );
    const { given: _given, ...silent } = answeredTraffic({ prompts: 900, seed: 5, silent: ['master'] });
    await expect(partsOf(silent)).rejects.toThrow(/Got 0, and 900 without\./);
  });
});
