import type { PlanStep } from 'pointsman';
import { type Client, CostBudgetError, executePlan } from 'pointsman/execution';
import { type ClientAnswer, countRequestTokens, estimateTokens } from 'pointsman/internal';
import { describe, expect, it } from 'vitest';
import { fails, hangs, says } from './scripted-clients.ts';

/** Of 100 tokens. */
const request = { text: Array(100).fill('word').join(' ') };
const call = (candidate: string): PlanStep => ({ kind: 'call', candidate });
const never = { kind: 'json' as const };

/** A client that costs what it costs, whatever it says, and counts how often it was paid. */
function paid(says: Partial<ClientAnswer> = {}): Client & { readonly calls: number } {
  const client = async () => {
    made.calls++;
    await new Promise((resolve) => setImmediate(resolve));
    return { text: 'no JSON', ...says };
  };
  const made = Object.assign(client, { calls: 0 });
  return made;
}

const inTurn = (steps: number): PlanStep => ({
  kind: 'sequence',
  steps: Array.from({ length: steps }, () => ({ step: call('a'), accept: never })),
});
const atOnce = (members: number): PlanStep => ({
  kind: 'parallel',
  members: Array.from({ length: members }, () => call('a')),
  combine: { kind: 'best', scorer: 'any' },
});
const scorers = { any: () => 1 };
const usage = (inputTokens: unknown, outputTokens: unknown) =>
  ({ inputTokens, outputTokens }) as { inputTokens: number; outputTokens: number };

async function run(plan: PlanStep, a: Client, costBudgetUsd: number, more: object = {}) {
  const { predictions, ...options } = more as {
    predictions?: readonly { candidate: string; expectedCostUsd: number | null }[];
  };
  return executePlan(
    { plan, fallback: [], predictions: predictions ?? [] },
    request,
    { a },
    { costBudgetUsd, scorers, retries: 0, retryDelayMs: 0, ...options },
  ).catch((error) => error);
}

/** What an upstream may say of its tokens that cannot be true. */
const ABSURD: [input: unknown, output: unknown][] = [
  [-1e6, 0],
  [0, -1e6],
  [Number.POSITIVE_INFINITY, 1],
  [Number.NaN, 1],
  [1e300, 1],
  [1e15, 1],
  [10.5, 1],
  ['10', '1'],
  [null, 1],
];

describe('a budget of $2 and answers of $1', () => {
  it.each([
    ['one after the other', inTurn(20)],
    ['fifty at the same time', atOnce(50)],
    [
      'fifty samples of one answer',
      {
        kind: 'sequence',
        steps: [
          { step: call('a'), accept: { kind: 'agreement', samples: 50, min: 0.99 } },
          { step: call('a'), accept: null },
        ],
      } as PlanStep,
    ],
  ])('is spent on two, although their cost was unknown before: %s', async (_, plan) => {
    const a = paid({ costUsd: 1 });
    await run(plan, a, 2);
    expect(a.calls).toBe(2);
  });

  it.each([
    ['one after the other', inTurn(20)],
    ['fifty at the same time', atOnce(50)],
  ])('is spent on two when that is what they are expected to cost: %s', async (_, plan) => {
    const a = paid({ costUsd: 1 });
    await run(plan, a, 2, { predictions: [{ candidate: 'a', expectedCostUsd: 1 }] });
    expect(a.calls).toBe(2);
  });

  it('learns from a first answer that is dearer than was expected', async () => {
    const a = paid({ costUsd: 1 });
    await run(inTurn(20), a, 2, { predictions: [{ candidate: 'a', expectedCostUsd: 0.01 }] });
    expect(a.calls).toBe(2);
  });

  it.each(ABSURD)(
    'is given nothing back by a usage of %j and %j, and counts the words there are',
    async (input, output) => {
      // 100 tokens of a request, 2 of an answer.
      const prices = [{ name: 'a', inputPricePerMillionTokens: 10_000, outputPricePerMillionTokens: 0 }];
      const a = paid({ usage: usage(input, output) });
      const error = await run(inTurn(20), a, 2, { prices });
      expect(error).toBeInstanceOf(CostBudgetError);
      expect(a.calls).toBe(2);
      expect(error.spentUsd).toBeCloseTo(2, 6);
      expect(error.attempts[0]).toMatchObject({
        inputTokens: null,
        outputTokens: null,
        costIsEstimated: true,
      });
    },
  );

  it('counts what has no usage as the router counts tokens: tools, and languages that need more of them', async () => {
    const tool = { type: 'function', function: { name: 'f', description: 'Finds a word. '.repeat(50) } };
    const asked = { ...request, tools: [tool] };
    const text = '火星有两颗卫星。'.repeat(20);
    const prices = [{ name: 'a', inputPricePerMillionTokens: 1e6, outputPricePerMillionTokens: 1e9 }];
    const planned = { plan: call('a'), fallback: [] };
    const { trace } = await executePlan(planned, asked, { a: says(text) }, { prices });
    const [input, output] = [countRequestTokens(asked), Math.ceil(estimateTokens(text))];
    expect(input).toBeGreaterThan(200);
    expect(output).toBeGreaterThan(80);
    expect(trace.attempts[0].costUsd).toBeCloseTo(input + 1000 * output, 6);
    expect(trace.attempts[0]).toMatchObject({ costIsEstimated: true, costSource: 'estimated' });
  });

  it.each([-1, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN, 1e300, '1'])(
    'is given nothing back by a bill of %j',
    async (costUsd) => {
      const a = paid({ costUsd: costUsd as number });
      const error = await run(inTurn(20), a, 2, { predictions: [{ candidate: 'a', expectedCostUsd: 1 }] });
      expect([a.calls, error.spentUsd]).toEqual([2, 2]);
    },
  );

  it.each([-5, Number.NaN, Number.POSITIVE_INFINITY])(
    'takes an expectation of %j for none',
    async (expectedCostUsd) => {
      const a = paid({ costUsd: 1 });
      await run(atOnce(50), a, 2, { predictions: [{ candidate: 'a', expectedCostUsd }] });
      expect(a.calls).toBe(2);
    },
  );
});

describe('a budget and a cost that nobody can tell', () => {
  it('lets one answer through, and says why there is no other', async () => {
    const a = paid();
    const error = await run(inTurn(20), a, 2);
    expect(error).toBeInstanceOf(CostBudgetError);
    expect(error.message).toContain('Give `prices`');
    expect(a.calls).toBe(1);
  });

  it('is no concern where there is no budget', async () => {
    const a = paid();
    await run(inTurn(20), a, Number.POSITIVE_INFINITY);
    expect(a.calls).toBe(20);
  });

  it('stops no fallback after a refusal, which costs nothing', async () => {
    const clients = { a: fails(Object.assign(new Error('x'), { status: 400 })), b: says('b') };
    const result = await executePlan({ plan: call('a'), fallback: ['b'] }, request, clients, {
      costBudgetUsd: 1,
    });
    expect(result.candidate).toBe('b');
  });

  it('keeps a hedge waiting for the first bill, and no longer than the first answer', async () => {
    const hedge: PlanStep = { kind: 'hedge', fast: call('a'), slow: call('b'), delayMs: 0, accept: null };
    const slow = paid({ costUsd: 1 });
    const won = await executePlan(
      { plan: hedge, fallback: [] },
      request,
      { a: says('a', { costUsd: 1 }), b: slow },
      { costBudgetUsd: 5 },
    );
    expect([won.answer.text, slow.calls]).toEqual(['a', 0]);
    const late = await executePlan(
      { plan: hedge, fallback: [] },
      request,
      { a: hangs, b: slow },
      { costBudgetUsd: 5, timeoutMs: 20 },
    );
    expect([late.candidate, slow.calls]).toEqual(['b', 1]);
  });

  it('waits no longer than the deadline', async () => {
    const both: PlanStep = {
      kind: 'parallel',
      members: [call('a'), call('b')],
      combine: { kind: 'majority' },
    };
    const error = await executePlan(
      { plan: both, fallback: [] },
      request,
      { a: hangs, b: says('b') },
      { costBudgetUsd: 5, deadlineMs: 30 },
    ).catch((thrown) => thrown);
    expect(error.code).toBe('DEADLINE');
  });
});

describe('a budget that is spent to the cent', () => {
  const both: PlanStep = {
    kind: 'sequence',
    steps: [
      { step: call('a'), accept: never },
      { step: call('b'), accept: null },
    ],
  };
  const spend = async (costBudgetUsd: number, expectedOfB: number | null) => {
    const clients = { a: paid({ costUsd: costBudgetUsd }), b: paid({ costUsd: 0, text: 'b' }) };
    const predictions = [
      { candidate: 'a', expectedCostUsd: costBudgetUsd },
      { candidate: 'b', expectedCostUsd: expectedOfB },
    ];
    await executePlan({ plan: both, fallback: [], predictions }, request, clients, {
      costBudgetUsd,
      retries: 0,
    }).catch((error) => expect(error).toBeInstanceOf(CostBudgetError));
    return [clients.a.calls, clients.b.calls];
  };

  it.each([
    ['whose cost nobody can tell', null],
    ['that is expected to cost nothing', 0],
  ])('covers no other call, not even one %s', async (_, expectedCostUsd) => {
    expect(await spend(2, expectedCostUsd)).toEqual([1, 0]);
  });

  it('covers calls that cost nothing for as long as nothing was spent, were it 0 from the start', async () => {
    expect(await spend(0, 0)).toEqual([1, 1]);
  });
});

it('a tool cannot give a budget anything back', async () => {
  const tool: PlanStep = { kind: 'tool', tool: 't', before: null, after: call('a'), otherwise: call('a') };
  const tools = { t: () => ({ text: 'x', costUsd: -5 }) };
  const a = paid({ costUsd: 1 });
  const result = await run(tool, a, 2, { tools });
  expect(result.outcome.costUsd).toBe(1);
});
