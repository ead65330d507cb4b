import { createRouter, memoryFiles, type PlanStep, type PolicySpec, readArtifact } from 'pointsman';
import {
  type Client,
  createAnswerScorer,
  type ExecuteOptions,
  execute,
  executePlan,
  executeStream,
  withExecution,
} from 'pointsman/execution';
import type { AcceptTest, ClientMap, PlannedExecution } from 'pointsman/internal';
import { createDecisionLog } from 'pointsman/log';
import { beforeAll, describe, expect, it } from 'vitest';
import { answerArtifact } from '../../fixtures/answer-artifact.ts';
import { fakeEmbedder } from '../../fixtures/fake-embedder.ts';
import { readTinyArtifact } from '../../fixtures/tiny-artifact.ts';
import { manualClock } from './manual-clock.ts';
import { DONE, hangs, inTurn, says, saysAfter, streams } from './scripted-clients.ts';

const request = { text: 'What is 17 + 23, and 4 more?' };
const RIGHT = '17 + 23 = 40. 40 + 4 = 44. The answer is 44.';
const WRONG = '17 + 23 = 41. 41 + 4 = 46. The answer is 46.';
const PICTURE = { hasMedia: true } as const;

const call = (candidate: string): PlanStep => ({ kind: 'call', candidate });
const accept = (threshold: number | 'tuned'): AcceptTest => ({ kind: 'answer', threshold });
const cascade = (test: AcceptTest): PlanStep => ({
  kind: 'sequence',
  steps: [
    { step: call('small'), accept: test },
    { step: call('large'), accept: null },
  ],
});
const CASCADE: PolicySpec = {
  kind: 'cascade',
  steps: [{ use: 'small', accept: { kind: 'answer', threshold: 0.6 } }, { use: 'large' }],
};

const sealed = await answerArtifact();
const artifact = await readArtifact(memoryFiles(sealed.files));
let answerScorer: Awaited<ReturnType<typeof createAnswerScorer>>;

beforeAll(async () => {
  answerScorer = await createAnswerScorer(artifact);
});

const predictions = ['small', 'large'].map((candidate) => ({
  ...{ candidate, expectedCostUsd: 0.001, successProbability: 0.5 },
}));
const run = (
  plan: PlanStep,
  clients: ClientMap,
  options: ExecuteOptions = {},
  more: Partial<PlannedExecution> = {},
) =>
  executePlan({ plan, fallback: [], predictions, ...more }, request, clients, {
    ...{ clock: manualClock(), random: () => 0, answerScorer },
    ...options,
  });
const route = (policy: PolicySpec = CASCADE, log?: ReturnType<typeof createDecisionLog>) =>
  createRouter(artifact, { embedder: fakeEmbedder, policy, ...(log === undefined ? {} : { log }) });

describe('an answer before the answer head', () => {
  it('is accepted when it is likely enough to be good, and its score is the quality, by the source `answer`', async () => {
    const large = inTurn(says('no'));
    const { candidate, outcome, trace } = await run(cascade(accept(0.7)), { small: says(RIGHT), large });
    expect([candidate, large.calls.length]).toEqual(['small', 0]);
    // Its logit is 2 where the prompt's is 0.
    const probability = 1 / (1 + Math.exp(-2));
    expect(outcome.quality).toBeCloseTo(probability, 6);
    expect(outcome.qualitySource).toBe('answer');
    expect(trace.attempts[0].scores).toEqual([{ source: 'answer', value: outcome.quality }]);
  });

  it('is followed by the next when it is not, and the trace has both scores that were asked', async () => {
    const { candidate, outcome, trace } = await run(cascade(accept(0.7)), {
      small: says(WRONG),
      large: says(RIGHT),
    });
    expect(candidate).toBe('large');
    expect(outcome).toMatchObject({ quality: null });
    expect(trace.attempts.map(({ state }) => state)).toEqual(['rejected', 'answered']);
    expect(trace.attempts[0].scores?.[0].value).toBeLessThan(0.1);
    expect(trace.attempts[1].scores).toBeUndefined();
  });

  it('of a sequence is held against those before it', async () => {
    const plan: PlanStep = {
      kind: 'sequence',
      steps: [
        { step: call('small'), accept: accept(1) },
        { step: call('large'), accept: accept(0.9) },
        { step: call('small'), accept: null },
      ],
    };
    const agreed = await run(plan, { small: says('I say 44.'), large: says(RIGHT) });
    expect(agreed.candidate).toBe('large');
    // 2 of its own, and 3 since it is said again.
    expect(agreed.outcome.quality).toBeCloseTo(1 / (1 + Math.exp(-5)), 6);
    const against = await run(plan, { small: inTurn(says('I say 45.'), says('last')), large: says(RIGHT) });
    expect(against.answer.text).toBe('last');
    expect(against.trace.attempts[1].scores?.[0].value).toBeCloseTo(0.5, 6);
  });

  it.each([
    [0, WRONG, 'small'],
    [1, RIGHT, 'large'],
    [Number.NaN, RIGHT, 'large'],
    ['tuned', RIGHT, 'large'],
  ] as const)(
    'passes everything at 0, and nothing at 1 or at what is no number: %s',
    async (threshold, said, who) => {
      const { candidate } = await run(cascade(accept(threshold)), { small: says(said), large: says('x') });
      expect(candidate).toBe(who);
    },
  );

  it.each([
    ['empty', says('', { finishReason: 'content-filter' }), 'must not be empty'],
    ['blank', says(' \n'), 'must not be empty'],
    ['a picture', says('', PICTURE), 'must not be empty'],
    [
      'a tool call',
      says('', { toolCalls: [{ id: '1', name: 'add', arguments: '{}' }] }),
      'must not be empty',
    ],
  ] as const)(
    'that has no words, such as one that is %s, does not pass, and the trace says why',
    async (_, small, why) => {
      const { candidate, trace } = await run(
        cascade(accept(0)),
        { small, large: says('x') },
        { allowEmptyAnswers: true },
      );
      expect(candidate).toBe('large');
      expect(trace.attempts[0]).toMatchObject({ state: 'rejected', error: { code: 'ANSWER_NOT_READ' } });
      expect(trace.attempts[0].error?.message).toContain(why);
    },
  );

  it('that has no words is no evidence against the next', async () => {
    const plan: PlanStep = {
      kind: 'sequence',
      steps: [
        { step: call('small'), accept: accept(0.5) },
        { step: call('large'), accept: accept(0.5) },
        { step: call('small'), accept: null },
      ],
    };
    const { outcome } = await run(
      plan,
      { small: says(' '), large: says(RIGHT) },
      { allowEmptyAnswers: true },
    );
    expect(outcome.quality).toBeCloseTo(1 / (1 + Math.exp(-2)), 6);
  });

  it('passes nowhere without a head, or by one of another router, and the trace says why', async () => {
    const clients = { small: says(RIGHT), large: says('x') };
    const nobody = await run(cascade(accept(0)), clients, { answerScorer: undefined });
    expect(nobody.candidate).toBe('large');
    expect(nobody.trace.attempts[0].error?.message).toMatch(/^There is no answer head:/);
    const other = await run(cascade(accept(0)), clients, {}, { artifactId: 'tiny-0123456789ab' });
    expect(other.candidate).toBe('large');
    expect(other.trace.attempts[0].error?.message).toBe(
      `The answer head is of ${artifact.manifest.id}, and the plan was made by tiny-0123456789ab.`,
    );
  });

  it('of one who is not foretold is judged by its mean quality', async () => {
    const { trace } = await run(
      cascade(accept(0)),
      { small: says(RIGHT), large: says('x') },
      {},
      { predictions: [] },
    );
    const mean = artifact.manifest.candidates[0].meanQuality as number;
    const logit = Math.log(mean / (1 - mean)) + 2;
    expect(trace.attempts[0].scores?.[0].value).toBeCloseTo(1 / (1 + Math.exp(-logit)), 5);
  });

  it('may have to pass other tests too; what a verifier says goes before what the head says', async () => {
    const test: AcceptTest = {
      kind: 'all',
      tests: [{ kind: 'verifier', verifier: 'check', min: 0.2 }, accept(0.7)],
    };
    const verifiers = { check: () => 0.3 };
    const { outcome, trace } = await run(
      cascade(test),
      { small: says(RIGHT), large: says('x') },
      { verifiers },
    );
    expect(outcome).toMatchObject({ quality: 0.3, qualitySource: 'verifier' });
    expect(trace.attempts[0].scores?.map(({ source }) => source)).toEqual(['verifier', 'answer']);
  });
});

describe('a hedge that accepts by the answer head', () => {
  const hedge: PlanStep = {
    kind: 'hedge',
    fast: call('small'),
    slow: call('large'),
    delayMs: 50,
    accept: accept(0.7),
  };

  it('takes the fast answer that is good, and stops the slow one', async () => {
    const clock = manualClock();
    const clients = { small: saysAfter(80, RIGHT, clock), large: saysAfter(500, RIGHT, clock) };
    const running = run(hedge, clients, { clock });
    await clock.advance(100);
    const { candidate, trace } = await running;
    expect([candidate, trace.attempts[1].state]).toEqual(['small', 'aborted']);
    expect(clock.pending).toBe(0);
  });

  it('takes the slow one where the fast answer is not, which speaks for or against it', async () => {
    const clock = manualClock();
    const clients = { small: says('17 + 23 = 50. The answer is 44.'), large: saysAfter(10, RIGHT, clock) };
    const running = run(hedge, clients, { clock });
    await clock.advance(100);
    const { candidate, outcome } = await running;
    expect(candidate).toBe('large');
    expect(outcome.quality).toBeCloseTo(1 / (1 + Math.exp(-5)), 6);
  });
});

describe('the best of several answers by the answer head', () => {
  const best: PlanStep = {
    kind: 'parallel',
    members: [call('small'), call('large')],
    combine: { kind: 'best', scorer: 'answer' },
  };

  it('is the likeliest to be good', async () => {
    const { candidate, outcome, trace } = await run(best, { small: says(WRONG), large: says(RIGHT) });
    expect(candidate).toBe('large');
    expect(outcome.qualitySource).toBe('answer');
    expect(trace.attempts.map(({ scores }) => scores?.length)).toEqual([1, 1]);
  });

  it('is by a function of that name where there is one', async () => {
    const scorers = { answer: ({ text }: { text: string }) => (text === WRONG ? 0.9 : 0.1) };
    const { candidate, outcome } = await run(best, { small: says(WRONG), large: says(RIGHT) }, { scorers });
    expect(candidate).toBe('small');
    expect(outcome).toMatchObject({ quality: 0.9, qualitySource: 'scorer' });
  });

  it('is not begun where there is neither', async () => {
    await expect(
      run(best, { small: says('a'), large: says('b') }, { answerScorer: undefined }),
    ).rejects.toThrow('`scorers.answer` of execute options must be a function.');
  });

  it('passes over an answer that cannot be read', async () => {
    const { candidate } = await run(best, {
      small: says('', { toolCalls: [{ id: '1', name: 'add', arguments: '{}' }] }),
      large: says(WRONG),
    });
    expect(candidate).toBe('large');
  });
});

describe('a router whose policy asks its answer head', () => {
  it('reads it when it is needed, and goes by its own predictions', async () => {
    const { decision, outcome, trace } = await execute(route(), request, {
      small: says(RIGHT),
      large: says('x'),
    });
    const { successProbability } = decision.predictions.find(({ candidate }) => candidate === 'small')!;
    const logit = Math.log(successProbability / (1 - successProbability)) + 2;
    expect(trace.attempts[0].scores?.[0].value).toBeCloseTo(1 / (1 + Math.exp(-logit)), 5);
    expect(outcome.qualitySource).toBe('answer');
  });

  it('works for many requests at once, each by its own answers', async () => {
    const router = withExecution(route(), {
      small: (async ({ text }) => ({ text: String(text).includes('odd') ? WRONG : RIGHT })) as Client,
      large: says('large'),
    });
    const results = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        router.execute({ text: `${request.text} ${i % 2 === 1 ? 'odd' : 'even'}` }),
      ),
    );
    results.forEach(({ candidate }, i) => {
      expect(candidate).toBe(i % 2 === 1 ? 'large' : 'small');
    });
  });

  it('asks the head of the router that decided, where it was handed over', async () => {
    const inner = route();
    const plain = await readTinyArtifact({ names: ['small', 'large'], success: 'linear', seed: 9 });
    const outer = createRouter(plain, {
      embedder: fakeEmbedder,
      policy: {
        kind: 'rules',
        rules: [{ when: 'tokens > 0', then: { kind: 'router', router: 'inner' } }],
        otherwise: 'large',
      },
      routers: { inner },
      compile: await (await import('pointsman')).loadCel(),
    });
    const { candidate, decision, outcome } = await execute(outer, request, {
      small: says(RIGHT),
      large: says('x'),
    });
    expect(decision.artifactId).toBe(artifact.manifest.id);
    expect([candidate, outcome.qualitySource]).toEqual(['small', 'answer']);
  });

  it('keeps to the head of the version that took the request, also when another is in use by the time it is answered', async () => {
    const router = route();
    const swapped = {
      ...router,
      get artifact() {
        return current.artifact;
      },
      async route(...given: Parameters<typeof router.route>) {
        const decision = await router.route(...given);
        current = other;
        return decision;
      },
    };
    const other = createRouter(await readTinyArtifact({ names: ['small', 'large'], seed: 5 }), {
      embedder: fakeEmbedder,
    });
    let current = router;
    const { candidate, outcome } = await execute(swapped, request, { small: says(RIGHT), large: says('x') });
    expect([candidate, outcome.qualitySource]).toEqual(['small', 'answer']);
  });

  it('does not accept by files that are damaged, says which, and tries again with the next request', async () => {
    const files = new Map(sealed.files);
    const whole = files.get('answer.bin') as Uint8Array;
    files.set('answer.bin', whole.slice(0, -4));
    const router = createRouter(await readArtifact(memoryFiles(files)), {
      embedder: fakeEmbedder,
      policy: CASCADE,
    });
    const clients = { small: says(RIGHT), large: says('x') };
    const broken = await execute(router, request, clients);
    expect(broken.candidate).toBe('large');
    expect(broken.trace.attempts[0].error?.message).toContain('answer.bin must be');
    files.set('answer.bin', whole);
    expect((await execute(router, request, clients)).candidate).toBe('small');
  });

  it('does not learn from itself: what its head says is not feedback', async () => {
    const records: object[] = [];
    const log = createDecisionLog({
      sink: (batch) => {
        for (const record of batch) records.push(record);
      },
    });
    await execute(route(CASCADE, log), request, { small: says(RIGHT), large: says('x') });
    await log.close();
    const kinds = records.map((record) => (record as { kind: string }).kind);
    expect(kinds).toContain('outcome');
    expect(kinds).not.toContain('feedback');
  });

  it('holds a stream back until the answer is whole, and gives the next one in pieces', async () => {
    const clock = manualClock();
    const clients = {
      small: streams(clock, ...WRONG.split(/(?= )/), DONE),
      large: streams(clock, 'fo', 'ur', DONE),
    };
    const stream = await executeStream(route(), request, clients, { clock });
    const pieces: string[] = [];
    for await (const { text } of stream) if (text !== undefined) pieces.push(text);
    expect(pieces).toEqual(['fo', 'ur']);
    expect((await stream.result).trace.attempts.map(({ state }) => state)).toEqual(['rejected', 'answered']);
    const good = await executeStream(
      route(),
      request,
      { ...clients, small: streams(clock, RIGHT, DONE) },
      { clock },
    );
    let whole = '';
    for await (const { text } of good) whole += text ?? '';
    expect([whole, (await good.result).candidate]).toEqual([RIGHT, 'small']);
  });

  it('ends at once when it is cancelled before, or while, an answer is read', async () => {
    for (const small of [hangs, says(RIGHT)]) {
      const controller = new AbortController();
      const running = execute(route(), request, { small, large: hangs }, { signal: controller.signal });
      controller.abort(new Error('gone'));
      await expect(running).rejects.toThrow('gone');
    }
    const clock = manualClock();
    const stream = await executeStream(
      route(),
      request,
      { small: says(WRONG), large: streams(clock, 'a', 50, 'b', DONE) },
      { clock },
    );
    for await (const _ of stream) break;
    await expect(stream.result).rejects.toThrow('The reader of the stream left.');
  });
});
