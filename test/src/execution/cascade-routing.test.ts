import { createRouter, memoryFiles, type PlanStep, type PolicySpec, readArtifact } from 'pointsman';
import {
  createAnswerScorer,
  type ExecuteOptions,
  execute,
  executePlan,
  executeStream,
} from 'pointsman/execution';
import { type ClientMap, createPolicy, nextToAsk } from 'pointsman/internal';
import { beforeAll, describe, expect, it } from 'vitest';
import { answerArtifact } from '../../fixtures/answer-artifact.ts';
import { fakeEmbedder } from '../../fixtures/fake-embedder.ts';
import { manualClock } from './manual-clock.ts';
import { DONE, hangs, inTurn, says, streams } from './scripted-clients.ts';

const request = { text: 'What is 17 + 23, and 4 more?' };
const RIGHT = '17 + 23 = 40. 40 + 4 = 44. The answer is 44.';
const WRONG = '17 + 23 = 41. 41 + 4 = 46. The answer is 46.';
const NAMES = ['small', 'medium', 'large'];

const sealed = await answerArtifact(NAMES);
const artifact = await readArtifact(memoryFiles(sealed.files));
let answerScorer: Awaited<ReturnType<typeof createAnswerScorer>>;

beforeAll(async () => {
  answerScorer = await createAnswerScorer(artifact);
});

const predictions = NAMES.map((candidate) => ({
  ...{ candidate, expectedCostUsd: 0.001, successProbability: 0.5 },
}));

/** @param prices in probabilities of a good answer, in the order of the names */
const routing = (prices: readonly number[], accept: readonly object[] = []): PlanStep => ({
  kind: 'sequence',
  steps: NAMES.map((candidate, i) => ({
    step: { kind: 'call', candidate },
    accept: (accept[i] ?? null) as never,
  })),
  routing: { quality: 1, promises: prices.map((price) => ({ success: 0.5, utility: 0.5 - price })) },
});
const run = (plan: PlanStep, clients: ClientMap, options: ExecuteOptions = {}) =>
  executePlan({ plan, fallback: [], predictions }, request, clients, {
    ...{ clock: manualClock(), random: () => 0, answerScorer, retries: 0 },
    ...options,
  });

/** By the head of the fixture: a logit of 2, less 4 a wrong sum. */
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

describe('cascade routing', () => {
  it('stops at an answer that is better than what it is worth asking for, and says why', async () => {
    const [medium, large] = [inTurn(says(RIGHT)), inTurn(says(RIGHT))];
    const { candidate, outcome, trace } = await run(routing([0.01, 0.1, 0.2]), {
      small: says(RIGHT),
      medium,
      large,
    });
    expect([candidate, medium.calls.length, large.calls.length]).toEqual(['small', 0, 0]);
    expect(outcome.quality).toBeCloseTo(sigmoid(2), 6);
    expect(outcome.qualitySource).toBe('answer');
    expect(trace.attempts[0].state).toBe('answered');
    expect(trace.attempts[0].next).toBe(
      'The best answer so far, this one, is good with probability 0.881, not under 0.8, up to which it is worth asking medium: nobody else was asked.',
    );
  });

  it('goes on to whoever promises most for its price, and takes the likeliest answer', async () => {
    const medium = inTurn(says(WRONG));
    const { candidate, outcome, trace } = await run(routing([0.01, 0.3, 0.2]), {
      small: says(WRONG),
      medium,
      large: says(RIGHT),
    });
    // Who costs 0.3 is worth it under 0.4 only.
    expect([candidate, medium.calls.length]).toEqual(['large', 0]);
    expect(trace.attempts.map((attempt) => [attempt.candidate, attempt.state])).toEqual([
      ['small', 'rejected'],
      ['large', 'answered'],
    ]);
    expect(trace.attempts[0].next).toMatch(
      /is good with probability 0.00247, under 0.6, up to which it is worth asking large: it was asked next\.$/,
    );
    // Another answer counts against it: 2 less.
    expect(outcome.quality).toBeCloseTo(sigmoid(0), 6);
    expect(outcome.costUsd).toBeCloseTo(0.002, 9);
  });

  it('comes back to an earlier answer that is better than what was asked after it', async () => {
    const { candidate, answer, trace } = await run(routing([0.01, 0.02, 0.03]), {
      small: says(RIGHT),
      medium: says('I say 44.'),
      large: says(WRONG),
    });
    // Both say 44, so nothing else is worth asking: under 0.96 and 0.94.
    expect([candidate, answer.text]).toEqual(['small', RIGHT]);
    expect(trace.attempts).toHaveLength(2);
    expect(trace.attempts[0].scores?.map(({ value }) => value)).toEqual([
      expect.closeTo(sigmoid(2), 6),
      expect.closeTo(sigmoid(5), 6),
    ]);
  });

  it('asks everybody where nothing costs anything, and says that it did', async () => {
    const { trace } = await run(routing([0, 0, 0]), {
      small: says(RIGHT),
      medium: says(RIGHT),
      large: says(RIGHT),
    });
    expect(trace.attempts).toHaveLength(3);
    expect(trace.attempts[0].next).toMatch(/^Everybody was asked, and this is the best answer: .* 0.993\.$/);
  });

  it('asks one alone where nobody is worth its price, and says so', async () => {
    const { trace } = await run(routing([1, 1, 1]), {
      small: says(WRONG),
      medium: says(RIGHT),
      large: says(RIGHT),
    });
    expect(trace.attempts).toHaveLength(1);
    expect(trace.attempts[0].next).toBe(
      'Nobody else was asked: what medium costs is no less than what it can gain.',
    );
  });

  it('goes by what the answers say of those that were not asked', async () => {
    // Whoever follows a bad answer is bad too.
    const doubtful = await answerArtifact(NAMES, { unasked: { weights: [1, 0, 0, 0], bias: -4 } });
    const scorer = await createAnswerScorer(await readArtifact(memoryFiles(doubtful.files)));
    const clients = { small: says(WRONG), medium: says(RIGHT), large: says(RIGHT) };
    const plan = routing([0.01, 0.1, 0.1]);
    expect((await run(plan, clients)).candidate).toBe('medium');
    expect((await run(plan, clients, { answerScorer: scorer })).candidate).toBe('small');
  });

  it('passes over who fails, and one who fails is no answer', async () => {
    const { candidate, trace } = await run(routing([0.01, 0.02, 0.03]), {
      small: () => Promise.reject(new Error('down')),
      medium: says(WRONG),
      large: () => Promise.reject(new Error('down too')),
    });
    expect(candidate).toBe('medium');
    expect(trace.attempts.map(({ state }) => state)).toEqual(['failed', 'answered', 'failed']);
    await expect(
      run(routing([0.01, 0.02, 0.03]), {
        small: () => Promise.reject(new Error('down')),
        medium: () => Promise.reject(new Error('down')),
        large: () => Promise.reject(new Error('down')),
      }),
    ).rejects.toMatchObject({ code: 'EXECUTION_FAILED' });
  });

  it('counts an answer that fails its own test as bad, and uses it only where none passes', async () => {
    const json = { kind: 'json' };
    const clients = { small: says(RIGHT), medium: says('{"total": 46}'), large: says('{"total": 45}') };
    const passed = await run(routing([0.01, 0.02, 0.03], [json, json, json]), clients);
    expect(passed.answer.text).toBe('{"total": 46}');
    const none = await run(routing([0.01, 0.02, 0.03], [json, json, json]), {
      small: says(RIGHT),
      medium: says(WRONG),
      large: says(WRONG),
    });
    expect(none.answer.text).toBe(RIGHT);
    expect(none.trace.attempts).toHaveLength(3);
  });

  it('counts an answer without words as bad, and the trace says why', async () => {
    const { candidate, trace } = await run(
      routing([0.01, 0.02, 0.03]),
      { small: says(' '), medium: says(RIGHT), large: says(RIGHT) },
      { allowEmptyAnswers: true },
    );
    expect(candidate).toBe('medium');
    expect(trace.attempts[0].error?.code).toBe('ANSWER_NOT_READ');
  });

  it('asks for no more than the budget holds, and uses what is there', async () => {
    const { candidate, outcome, trace } = await run(
      routing([0.001, 0.002, 0.003]),
      { small: says(WRONG), medium: says(RIGHT), large: says(RIGHT) },
      { costBudgetUsd: 0.0015 },
    );
    expect(candidate).toBe('small');
    expect(outcome.costUsd).toBeCloseTo(0.001, 9);
    expect(trace.attempts.map(({ state }) => state)).toEqual(['answered', 'refused', 'refused']);
  });

  it('uses the best answer so far when time is up, and the caller who leaves gets none', async () => {
    const clock = manualClock();
    const late = run(
      routing([0.01, 0.02, 0.03]),
      { small: says(WRONG), medium: hangs, large: hangs },
      { clock, deadlineMs: 1000 },
    );
    await clock.advance(1001);
    const { candidate, trace } = await late;
    expect(candidate).toBe('small');
    expect(trace.attempts.map(({ state }) => state)).toEqual(['answered', 'failed']);
    const leaving = new AbortController();
    const left = run(
      routing([0.01, 0.02, 0.03]),
      { small: says(WRONG), medium: hangs, large: hangs },
      { signal: leaving.signal },
    );
    setTimeout(() => leaving.abort(new Error('bye')), 5);
    await expect(left).rejects.toThrow('bye');
  });
});

describe('who is next', () => {
  const all = {
    quality: 1,
    promises: [
      { success: 0.5, utility: 0.49 },
      { success: 0.9, utility: 0.6 },
    ],
  };

  it('is a cheap one that may do, before a dear one that surely does', () => {
    const { step, under } = nextToAsk(all, [0, 1], (success) => success);
    expect(step).toBe(0);
    expect(under).toBeCloseTo(1 - 0.01 / 0.5, 12);
    expect(nextToAsk(all, [1], (success) => success)).toEqual({
      step: 1,
      under: expect.closeTo(1 - 0.3 / 0.9, 12),
    });
  });

  it('is never worth it without a chance, or where quality is worth nothing', () => {
    expect(nextToAsk(all, [0, 1], () => 0)).toEqual({ step: 0, under: -Infinity });
    expect(nextToAsk({ ...all, quality: 0 }, [0, 1], (success) => success).under).toBe(-Infinity);
  });
});

describe('a cascade with weights', () => {
  const spec: PolicySpec = {
    kind: 'cascade',
    steps: [{ use: 'large' }, { use: 'small' }, { use: 'medium' }],
    weights: { quality: 1, cost: 0.2, latency: 0 },
  };
  const route = (policy: PolicySpec = spec) => createRouter(artifact, { embedder: fakeEmbedder, policy });

  it('is executed, as a whole and as a stream that is held back', async () => {
    const clients = { small: says(RIGHT), medium: says(RIGHT), large: says(RIGHT) };
    const { candidate, decision, trace } = await execute(route(), request, clients);
    expect(decision.plan).toMatchObject({ kind: 'sequence', routing: { quality: 1 } });
    expect(trace.attempts[0].candidate).toBe(decision.candidate);
    expect(trace.attempts.some(({ next }) => next !== undefined)).toBe(true);
    expect(NAMES).toContain(candidate);
    const clock = manualClock();
    const stream = await executeStream(
      route(),
      request,
      Object.fromEntries(NAMES.map((name) => [name, streams(clock, RIGHT, DONE)])),
      { clock },
    );
    let text = '';
    for await (const chunk of stream) text += chunk.text ?? '';
    expect(text).toBe(RIGHT);
  });

  it('survives JSON, so that its plan can be carried out elsewhere', async () => {
    const { plan } = await route().route(request);
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  it('needs an answer head, and is refused by name without one', () => {
    const candidates = NAMES.map((name) => ({ name, meanCostUsd: 0.001, meanLatencyMs: null }));
    expect(() => createPolicy(spec, candidates, { answer: null })).toThrow(
      /^`weights` of policy must ask an answer head that is there/,
    );
  });
});
