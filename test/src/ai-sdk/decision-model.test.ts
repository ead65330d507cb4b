import { existsSync } from 'node:fs';
import { createRouter, memoryFiles, type Router, readArtifact } from 'pointsman';
import { decisionModel } from 'pointsman/ai-sdk';
import { describe, expect, it } from 'vitest';
import { servingArtifact } from '../../fixtures/serving-artifact.ts';

const text = 'What is 17 * 23?';
const names = ['small', 'medium', 'large'];
const tasks = ['maths', 'code', 'law'];

async function routerOf(noveltyThreshold: number): Promise<Router> {
  const { files } = await servingArtifact({ names, tasks, noveltyThreshold });
  return createRouter(await readArtifact(memoryFiles(files)));
}
const router = await routerOf(1e6);
const model = decisionModel({ router });
const state = [{ type: 'text', text }];
const decide = async (questions: Record<string, unknown>, of = model) => of.doDecide({ state, questions });

describe('a choice', () => {
  it('among candidates is what the choice head says', async () => {
    const { choice } = await router.predict({ text });
    const { answers, providerMetadata } = await decide({
      who: { type: 'choice', criteria: { small: null, medium: null, large: null } },
    });
    const expected = Object.fromEntries(names.map((name, c) => [name, choice[c]]));
    const { who } = answers;
    if (who.type !== 'choice') throw new Error(who.type);
    for (const name of names) expect(who.probabilities[name]).toBeCloseTo(expected[name], 12);
    expect(who.choice).toBe(names[choice.indexOf(Math.max(...choice))]);
    expect(providerMetadata.pointsman.confidence.who).toBe(Math.max(...choice));
  });

  it('among some of them leaves the others out, and is as sure as before', async () => {
    const { choice } = await router.predict({ text });
    const { answers, providerMetadata } = await decide({
      who: {
        type: 'choice',
        instructions: 'Whoever.',
        criteria: { large: 'The dear one.', small: 'Cheap.' },
      },
    });
    const { who } = answers;
    if (who.type !== 'choice') throw new Error(who.type);
    expect(Object.keys(who.probabilities)).toEqual(['large', 'small']);
    expect(who.probabilities.large).toBeCloseTo(choice[2] / (choice[0] + choice[2]), 12);
    expect(who.probabilities.small + who.probabilities.large).toBeCloseTo(1, 12);
    expect(providerMetadata.pointsman.confidence.who).toBe(choice[names.indexOf(who.choice)]);
  });

  it('among tasks is what the classifier says', async () => {
    const { tasks: posterior } = await router.predict({ text });
    const { answers } = await decide({ what: { type: 'choice', criteria: { law: null, maths: null } } });
    const { what } = answers;
    if (what.type !== 'choice') throw new Error(what.type);
    const [maths, , law] = posterior!;
    expect(what.probabilities.law).toBeCloseTo(law / (maths + law), 6);
    expect(what.choice).toBe(law > maths ? 'law' : 'maths');
  });
});

describe('a statement', () => {
  it.each(['large answers well', '`large` answers well.', '"large" Answers Well'])(
    '%s',
    async (statement) => {
      const { success } = await router.predict({ text });
      const { answers } = await decide({
        a: { type: 'boolean', instructions: statement },
        b: { type: 'boolean', criteria: { true: statement } },
        c: { type: 'score', instructions: statement, criteria: ['bad', 'good'] },
        d: { type: 'score', instructions: statement, criteria: ['bad', null, null, 'good'] },
        e: { type: 'score', instructions: statement, criteria: ['one'] },
      });
      const [p, q] = [success[2], 1 - success[2]];
      expect(answers).toEqual({
        a: { type: 'boolean', probability: p },
        b: { type: 'boolean', probability: p },
        c: { type: 'score', score: expect.closeTo(p, 12), probabilities: near({ 0: q, 1: p }) },
        d: {
          type: 'score',
          score: expect.closeTo(3 * p, 12),
          probabilities: near({ 0: q, 1: 0, 2: 0, 3: p }),
        },
        e: { type: 'score', score: 0, probabilities: { 0: 1 } },
      });
    },
  );

  it('on the task is what the classifier says', async () => {
    const { tasks: posterior } = await router.predict({ text });
    const { answers } = await decide({ a: { type: 'boolean', instructions: 'The task is code.' } });
    expect(answers.a).toEqual({ type: 'boolean', probability: posterior![1] });
  });
});

const near = (numbers: Record<string, number>) =>
  Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, expect.closeTo(value, 12)]));

describe('a refusal', () => {
  it.each([
    ['words that no head was trained for', { type: 'boolean', instructions: 'The customer is angry.' }],
    ['somebody unknown', { type: 'boolean', instructions: 'giant answers well' }],
    ['somebody who does something else', { type: 'boolean', instructions: 'large answers well in French' }],
    ['instructions that are no text', { type: 'boolean', instructions: ['large answers well'] }],
    ['options that are neither', { type: 'choice', criteria: { yes: null, no: null } }],
    ['options of both kinds', { type: 'choice', criteria: { small: null, code: null } }],
    [
      'a score of something else',
      { type: 'score', instructions: 'the task is code', criteria: ['no', 'yes'] },
    ],
    ['a box', { type: 'box' }],
    ['what objects are born with', { type: 'choice', criteria: { constructor: null, toString: null } }],
  ])('is given for %s, beside answers to the others', async (_, question) => {
    const { answers, providerMetadata } = await decide({
      a: question,
      b: { type: 'boolean', instructions: 'small answers well' },
    });
    expect(answers).toMatchObject({ a: { type: 'refusal' }, b: { type: 'boolean' } });
    expect(providerMetadata.pointsman.refusals.a).toMatch(/\.$/);
  });

  it('is given for everything about what is out of distribution', async () => {
    const strange = decisionModel({ router: await routerOf(1e-6) });
    const { answers, providerMetadata } = await decide(
      {
        a: { type: 'choice', criteria: { small: null, large: null } },
        b: { type: 'boolean', instructions: 'small answers well' },
      },
      strange,
    );
    expect(answers).toEqual({ a: { type: 'refusal' }, b: { type: 'refusal' } });
    expect(providerMetadata.pointsman.novelty).toBeGreaterThan(1);
  });

  it('is given for candidates that may not be asked about', async () => {
    const some = decisionModel({ router, candidates: ['small', 'medium'] });
    const { answers } = await decide(
      {
        a: { type: 'boolean', instructions: 'large answers well' },
        b: { type: 'choice', criteria: { small: null, large: null } },
        c: { type: 'choice', criteria: { small: null, medium: null } },
      },
      some,
    );
    expect(answers).toMatchObject({ a: { type: 'refusal' }, b: { type: 'refusal' }, c: { type: 'choice' } });
  });
});

/** See the routed model's tests: AI SDK 7 is no development dependency. */
const hasAi7 = existsSync(new URL('../../../node_modules/ai-7/package.json', import.meta.url));

describe.runIf(hasAi7)('experimental_decide of ai 7', () => {
  interface Decided {
    readonly answers: Record<string, unknown>;
    readonly response: object;
    readonly usage: object;
  }
  const sdkDecide = async (options: object): Promise<Decided> =>
    (await import('ai-7' as string)).experimental_decide({ model, ...options });

  it('takes the answers, whose distributions it checks', async () => {
    const { answers, response, usage } = await sdkDecide({
      state: [
        { type: 'text', text },
        { type: 'json', value: { customer: 7 } },
        { type: 'file', data: new Uint8Array([137, 80, 78, 71]), mediaType: 'image/png' },
      ],
      questions: {
        who: { type: 'choice', criteria: { small: null, medium: null, large: null } },
        task: {
          type: 'choice',
          instructions: 'Which task?',
          criteria: { maths: null, code: null, law: null },
        },
        well: { type: 'boolean', instructions: 'large answers well' },
        how: { type: 'score', instructions: 'small answers well', criteria: ['bad', 'so-so', 'good'] },
      },
    });
    expect(answers).toMatchObject({
      who: { type: 'choice' },
      task: { type: 'choice' },
      well: { type: 'boolean' },
      how: { type: 'score' },
    });
    expect([response, usage]).toMatchObject([
      { modelId: router.manifest.id },
      { inputTokens: 0, outputTokens: 0, totalTokens: 0 },
    ]);
  });

  it('throws its own error for a refusal', async () => {
    await expect(
      sdkDecide({ state: text, questions: { a: { type: 'boolean', instructions: 'It rains.' } } }),
    ).rejects.toThrow(expect.objectContaining({ questionIds: ['a'] }));
    await expect(sdkDecide({ state: text, questions: { a: { type: 'box' } } })).rejects.toThrow('box');
  });
});
