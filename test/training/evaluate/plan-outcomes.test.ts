import { createRouter, memoryFiles, type PlanStep, type PolicySpec, readArtifact } from 'pointsman';
import { createAnswerScorer, executePlan } from 'pointsman/execution';
import type { AcceptTest } from 'pointsman/internal';
import { beforeAll, describe, expect, it } from 'vitest';
import { outcomesOfPlans } from '../../../training/evaluate/plan-outcomes.ts';
import type { OutcomeMatrix } from '../../../training/outcomes/matrix.ts';
import { gateChallenger } from '../../../training/retrain/challenger.ts';
import { parseRetrainConfig } from '../../../training/retrain/config.ts';
import { evaluateRouter, predictTest } from '../../../training/train/evaluate-router.ts';
import { answerArtifact } from '../../fixtures/answer-artifact.ts';
import { ANSWERED, answeredTraffic } from '../../fixtures/answered-traffic.ts';
import { fakeEmbedder } from '../../fixtures/fake-embedder.ts';
import { manualClock } from '../../src/execution/manual-clock.ts';

const sealed = await answerArtifact(ANSWERED);
const artifact = await readArtifact(memoryFiles(sealed.files));
const { given, ...world } = answeredTraffic({ prompts: 400, seed: 3 });
const traffic = {
  ...world,
  latencyMs: world.latencyMs.map((ms, cell) => ms * (0.5 + ((7 * cell) % 11) / 10)),
};
const { candidates, costUsd, latencyMs, prompts, quality } = traffic;
const all = Int32Array.from(prompts.keys());
const groups = all;
const answer = (threshold: number): AcceptTest => ({ kind: 'answer', threshold });
const CASCADE: PolicySpec = {
  kind: 'cascade',
  steps: [
    { use: 'clerk', accept: { kind: 'answer', threshold: 0.7 } },
    { use: 'student', accept: { kind: 'answer', threshold: 0.7 } },
    { use: 'master' },
  ],
};
const routerOf = (policy: PolicySpec) => createRouter(artifact, { embedder: fakeEmbedder, policy });
const call = (candidate: string): PlanStep => ({ kind: 'call', candidate });
const mean = (values: ArrayLike<number>) =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

describe('what comes of a plan', () => {
  let answerScorer: Awaited<ReturnType<typeof createAnswerScorer>>;
  beforeAll(async () => {
    answerScorer = await createAnswerScorer(artifact);
    // What is loaded when a plan asks for it would come late on a clock that is turned by hand.
    await import('../../../src/execution/cascade-routing.ts');
  });

  const inTurn: PlanStep = {
    kind: 'sequence',
    steps: [
      { step: call('clerk'), accept: { kind: 'all', tests: [answer(0.3), answer(0.7)] } },
      { step: call('student'), accept: answer(0.8) },
      { step: call('master'), accept: null },
    ],
  };
  const hedge = (delayMs: number, accept: AcceptTest | null, fast = 'clerk'): PlanStep => ({
    ...{
      kind: 'hedge',
      fast: call(fast),
      slow: call(fast === 'clerk' ? 'student' : 'clerk'),
      delayMs,
      accept,
    },
  });
  const routed = (prices: readonly number[], accept: AcceptTest | null = null): PlanStep => ({
    kind: 'sequence',
    steps: ['clerk', 'student', 'master'].map((name, i) => ({
      step: call(name),
      accept: i === 0 ? accept : null,
    })),
    routing: { quality: 1, promises: prices.map((price) => ({ success: 0.6, utility: 0.6 - price })) },
  });
  const plans: Record<string, PlanStep> = {
    'of a cascade': inTurn,
    'of cascade routing': routed([0.02, 0.1, 0.3]),
    'of cascade routing where one answer has to pass a test': routed([0.02, 0.02, 0.3], answer(0.8)),
    'of a hedge by its answers': hedge(50, answer(0.7)),
    'of a hedge whose fast one may answer beforehand': hedge(400, answer(0.7)),
    'of a hedge whose fast one is the slower': hedge(0, answer(0.9), 'student'),
    'of a hedge by who is first': hedge(150, null, 'student'),
    'of the best of several': {
      kind: 'parallel',
      members: [call('master'), call('student'), call('clerk')],
      combine: { kind: 'best', scorer: 'answer' },
    },
    'of a hedge in a cascade': {
      kind: 'sequence',
      steps: [
        { step: hedge(50, answer(0.8)), accept: answer(0.8) },
        { step: call('master'), accept: null },
      ],
    },
  };
  const success = new Float32Array(30 * 3).map((_, i) => 0.2 + 0.05 * (i % 9));
  const rows = all.slice(0, 30);

  for (const [name, plan] of Object.entries(plans))
    it(`${name} is what comes of carrying it out`, async () => {
      const found = await outcomesOfPlans(artifact, traffic, {
        rows,
        plans: Array.from(rows, () => plan),
        success,
      });
      const answered = new Set<number>();
      for (const row of rows) {
        const clock = manualClock();
        const at = 3 * row;
        const clients = Object.fromEntries(
          candidates.map((each, c) => [
            each,
            async () => {
              await new Promise<void>((resolve) => clock.after(latencyMs[at + c], resolve));
              return { text: given[at + c]!, costUsd: costUsd[at + c] };
            },
          ]),
        );
        const predictions = candidates.map((candidate, c) => ({
          ...{ candidate, expectedCostUsd: 0, successProbability: success[at + c] },
        }));
        const running = executePlan({ plan, fallback: [], predictions }, prompts[row].request, clients, {
          ...{ answerScorer, clock },
        });
        for (let tick = 0; tick < 30; tick++) await clock.advance(50);
        const { candidate, outcome, trace } = await running;
        const c = candidates.indexOf(candidate);
        answered.add(c);
        expect([found!.answers[row], found!.latencyMs[row]]).toEqual([c, outcome.latencyMs]);
        // One that was told to stop may not say what it cost, and is counted as if it had.
        const asked = candidates.filter((_, each) => found!.asked[at + each] > 0);
        expect(asked.sort()).toEqual([...new Set(trace.attempts.map((each) => each.candidate))].sort());
      }
      expect(answered.size).toBeGreaterThan(1);
    });
});

/** Means of what the answers are worth, and of what everybody in the chain before them costs. */
function byHand(answers: Int32Array) {
  const chain = [0, 2, 1];
  const paid = Array.from(all, (row) =>
    chain.slice(0, chain.indexOf(answers[row]) + 1).reduce((sum, c) => sum + costUsd[3 * row + c], 0),
  );
  return { quality: mean(all.map((row) => quality[3 * row + answers[row]])), costUsd: mean(paid) };
}

describe('a policy that asks a cheap candidate first', () => {
  it('is worth the answers that it gives in the end and all that it asks, wherever it is valued', async () => {
    const router = routerOf(CASCADE);
    const predictions = await predictTest(router, traffic, { role: 'test', rows: all }, null);
    const { plans } = predictions;
    expect(new Set(plans!.answers)).toEqual(new Set([0, 1, 2]));
    const truth = byHand(plans!.answers);
    const evaluation = await evaluateRouter(router, traffic, { groups, resamples: 100 });
    const [own, ...others] = evaluation.strategies;
    expect(own.quality.estimate).toBeCloseTo(truth.quality, 6);
    expect(own.costUsd!.estimate).toBeCloseTo(truth.costUsd, 9);
    expect(own.latencyMs!.estimate).toBeCloseTo(mean(plans!.latencyMs), 6);
    expect(own.shares.map((share) => Math.round(share * 400))).toEqual(
      [0, 1, 2].map((c) => plans!.answers.filter((each) => each === c).length),
    );
    for (const { costUsd: cost, difference, quality: theirs, saving } of others) {
      expect(difference!.estimate).toBeCloseTo(truth.quality - theirs.estimate!, 6);
      expect(saving!.estimate).toBeCloseTo(cost!.estimate! - truth.costUsd, 9);
    }
    // The budget of the mix is what the cascade costs, and not what the clerk does: the student is within it.
    const mix = others.find(({ id }) => id === 'fixedMix')!;
    expect(mix.shares).toEqual([0, 0, 1]);
    expect(evaluation.routedLatencyMs!.p99).toBeGreaterThan(300);
    expect(evaluation.verdict.sentence).toMatch(/^This router is better than no router/);
    // By whom it asks first it would have been worth half.
    expect(mean(Array.from(all, (row) => quality[3 * row]))).toBeLessThan(truth.quality - 0.3);
  });

  it('passes the gate, where each answer in the table says what comes of it', async () => {
    const verdict = await judge(traffic, CASCADE, { kind: 'classifier' });
    expect(verdict.tests.find(({ kind }) => kind === 'plans')).toMatchObject({ passed: true });
    expect(verdict.sentence).toMatch(/^Passed: \+/);
    expect((await judge(traffic, { kind: 'classifier' }, CASCADE)).passed).toBe(false);
    expect((await judge(traffic, CASCADE, CASCADE)).agreement).toBe(1);
  });
});

describe('where the traffic does not say what comes of its plans', () => {
  const verify: PolicySpec = {
    kind: 'cascade',
    steps: [{ use: 'clerk', accept: { kind: 'verifier', verifier: 'grade', min: 0.5 } }, { use: 'master' }],
  };
  const silent = { ...traffic, answers: undefined } as unknown as OutcomeMatrix;
  const single = oneAnswerEach(traffic);

  it.each([
    ['answers', silent, CASCADE, 'It lacks answers.'],
    ['what a verifier says', traffic, verify, 'It lacks what the verifier grade says of answers.'],
  ])('evaluation says that it lacks %s, and still measures the heads', async (_, matrix, policy, lacking) => {
    const evaluation = await evaluateRouter(routerOf(policy), matrix, { groups, resamples: 100 });
    expect(evaluation.strategies).toEqual([]);
    expect(evaluation.verdict).toMatchObject({ outcome: 'unmeasured', againstBestSingle: null });
    expect(evaluation.verdict.sentence).toContain(lacking);
    expect(evaluation.strongWeak).not.toBeNull();
    expect(evaluation.dial?.settings.length).toBeGreaterThan(0);
  });

  it('evaluation off-policy says that one answer a prompt does not tell', async () => {
    const evaluation = await evaluateRouter(routerOf(CASCADE), single, { groups, resamples: 100 });
    expect(evaluation.strategies).toEqual([]);
    expect(evaluation.verdict.sentence).toMatch(
      /cannot be read off this log\. For 400 of 400 prompts its policy may ask several candidates, and a log of one answer a prompt/,
    );
  });

  it('the gate refuses, and says what is needed', async () => {
    for (const [matrix, policy, lacking] of [
      [silent, CASCADE, 'lack answers'],
      [traffic, verify, 'lack what the verifier grade says of answers'],
      [single, CASCADE, 'lack the outcome of a candidate'],
    ] as const) {
      const verdict = await judge(matrix, policy, { kind: 'classifier' });
      expect(verdict.sentence).toMatch(
        /^Refused: A policy that may ask several candidates .* of 300 prompts that judge none says it; most of the others /,
      );
      expect(verdict.sentence).toContain(lacking);
      // What can be judged is judged.
      expect(verdict.tests.map(({ kind }) => kind)).toEqual(['rows', 'plans', 'calibration']);
    }
  });

  it('prompts that all candidates answered are judged by, and the others are left out', async () => {
    const some = oneAnswerEach(traffic, 250);
    const verdict = await judge(some, CASCADE, { kind: 'classifier' });
    expect(verdict.tests.find(({ kind }) => kind === 'plans')!.sentence).toBe(
      'What comes of policies that may ask several candidates for a prompt is read off 150 prompts; 150 that do not say it are left out.',
    );
    expect([verdict.rows, verdict.values]).toEqual([150, 'full']);
  });
});

/** A log of the same traffic. @param whole the first prompts, which all candidates answered */
function oneAnswerEach(matrix: OutcomeMatrix, whole = 0): OutcomeMatrix {
  const keep = (cells: Float32Array) =>
    cells.map((value, cell) =>
      cell < 3 * whole || cell % 3 === Math.floor(cell / 3) % 3 ? value : Number.NaN,
    );
  const { answers } = matrix;
  return {
    ...{ ...matrix, quality: keep(matrix.quality), costUsd: keep(matrix.costUsd) },
    latencyMs: keep(matrix.latencyMs),
    propensity: keep(new Float32Array(matrix.quality.length).fill(1 / 3)),
    answers: { ...answers!, places: keep(answers!.places) },
  };
}

/** The first hundred prompts teach, the others judge. */
async function judge(matrix: OutcomeMatrix, challenger: PolicySpec, champion: PolicySpec) {
  const holdout = all.slice(100);
  const said = await predictTest(routerOf(champion), matrix, { role: 'test', rows: all }, null);
  return gateChallenger({
    ...{ matrix, groups, holdout, learn: all.slice(0, 100), spent: 0, drifted: false },
    champion: {
      matrix,
      ...{ success: Float64Array.from(said.success), costUsd: Float64Array.from(said.expectedCostUsd) },
      latencyMs: Float64Array.from(said.expectedLatencyMs),
      ...{ chosen: said.chosen, plans: said.plans ?? null },
    },
    challenger: routerOf(challenger),
    embeddings: { rows: 400, columns: 8, values: new Float32Array(400 * 8) },
    config: parseRetrainConfig({
      ...{ router: 'models/none', logs: { files: ['none.jsonl'] }, train: { policy: challenger } },
      gate: { fewestPrompts: 100, calibrationLimit: 1 },
    }),
  });
}
