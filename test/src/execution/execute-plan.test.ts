import { getEventListeners } from 'node:events';
import { InvalidInputError } from 'pointsman';
import {
  CostBudgetError,
  createClientPool,
  DeadlineError,
  type ExecuteOptions,
  ExecutionFailedError,
  executePlan,
  executePlanStream,
  UpstreamError,
} from 'pointsman/execution';
import type { PlannedExecution } from 'pointsman/internal';
import { describe, expect, it } from 'vitest';
import { manualClock } from './manual-clock.ts';
import { fails, hangs, inTurn, says, saysAfter } from './scripted-clients.ts';

const request = { text: 'What is 17 * 23?' };
const call = (candidate: string, ...fallback: string[]): PlannedExecution => ({
  plan: { kind: 'call', candidate },
  fallback,
});
const busy = new UpstreamError('Busy.', { status: 503 });
const wrong = new UpstreamError('Wrong.', { status: 400 });
/** Without waiting: the clock is ours, and the jitter always 0. */
const atOnce = (): ExecuteOptions => ({ clock: manualClock(), random: () => 0 });

describe('one call', () => {
  it('gives the answer with every field, its cost by the price of its tokens, and the trace', async () => {
    const clock = manualClock();
    const answered = await executePlan(
      { ...call('a'), routerMs: 2 },
      request,
      { a: says('391', { usage: { inputTokens: 1000, outputTokens: 10 } }) },
      { clock, prices: [{ name: 'a', inputPricePerMillionTokens: 1, outputPricePerMillionTokens: 10 }] },
    );
    expect(answered.answer).toMatchObject({
      text: '391',
      finishReason: 'stop',
      toolCalls: [],
      logprobs: null,
    });
    expect(answered.candidate).toBe('a');
    expect(answered.outcome).toEqual({
      quality: null,
      costUsd: 0.0011,
      latencyMs: 2,
      inputTokens: 1000,
      outputTokens: 10,
    });
    expect(answered.trace).toMatchObject({ routerMs: 2, costIsExact: true });
    expect(answered.trace.attempts).toMatchObject([
      { candidate: 'a', role: 'answer', state: 'answered', retry: 0 },
    ]);
    expect(clock.pending).toBe(0);
  });

  it('is sent again after errors that pass, and not after others', async () => {
    const a = inTurn(fails(busy), fails(busy), says('yes'));
    const { answer, trace } = await executePlan(call('a'), request, { a }, atOnce());
    expect(answer.text).toBe('yes');
    expect(trace.attempts.map(({ state, retry, error }) => [state, retry, error?.status])).toEqual([
      ['failed', 0, 503],
      ['failed', 1, 503],
      ['answered', 2, undefined],
    ]);
    const b = inTurn(fails(wrong), says('yes'));
    await expect(executePlan(call('b'), request, { b }, atOnce())).rejects.toThrow(ExecutionFailedError);
    expect(b.calls).toHaveLength(1);
  });

  it('falls back in order, to candidates that were not tried', async () => {
    const clients = { a: fails(wrong), b: fails(wrong), c: says('c') };
    const { candidate, trace } = await executePlan(call('a', 'a', 'b', 'c'), request, clients, atOnce());
    expect(candidate).toBe('c');
    expect(trace.attempts.map(({ candidate, role }) => [candidate, role])).toEqual([
      ['a', 'answer'],
      ['b', 'fallback'],
      ['c', 'fallback'],
    ]);
  });

  it('ends in one error with every attempt when nobody answers', async () => {
    const clients = { a: fails(wrong), b: fails(new Error('Odd.')) };
    const error = await executePlan(call('a', 'b'), request, clients, atOnce()).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(ExecutionFailedError);
    expect(error.attempts).toMatchObject([
      { candidate: 'a' },
      { candidate: 'b', error: { message: 'Odd.' } },
    ]);
    expect(error.message).toContain('after 2 attempts');
    expect(error.cause.message).toBe('Odd.');
  });

  it('refuses what is no answer', async () => {
    const clients = { a: (async () => ({ words: 'yes' })) as never, b: says('b') };
    const { trace } = await executePlan(call('a', 'b'), request, clients, atOnce());
    expect(trace.attempts[0]).toMatchObject({ state: 'failed', error: { code: 'MALFORMED_ANSWER' } });
  });

  it('is not begun when a client is missing, or an option is wrong', async () => {
    const a = inTurn(says('a'));
    await expect(executePlan(call('a', 'b'), request, { a })).rejects.toThrow(
      /`b` of clients must be a function/,
    );
    await expect(executePlan(call('toString'), request, { a })).rejects.toThrow(InvalidInputError);
    await expect(executePlan(call('a'), request, { a }, { deadlineMs: 0 })).rejects.toThrow(
      '`deadlineMs` of execute options must be a number > 0. Got 0.',
    );
    await expect(executePlan(call('a'), request, { a }, { retries: 1.5 })).rejects.toThrow('whole number');
    expect(a.calls).toHaveLength(0);
  });
});

describe('time', () => {
  it('ends an attempt that takes too long, and what is left goes to the next', async () => {
    const clock = manualClock();
    const running = executePlan(
      call('a', 'b'),
      request,
      { a: hangs, b: says('b') },
      { clock, timeoutMs: 1000 },
    );
    await clock.advance(1000);
    const { trace, outcome } = await running;
    expect(trace.attempts[0]).toMatchObject({
      state: 'failed',
      latencyMs: 1000,
      error: { code: 'ATTEMPT_TIMEOUT' },
    });
    expect(outcome.latencyMs).toBe(1000);
    expect(clock.pending).toBe(0);
  });

  it('ends everything at the deadline, whatever is under way', async () => {
    const clock = manualClock();
    const running = executePlan(
      call('a', 'b'),
      request,
      { a: hangs, b: hangs },
      { clock, deadlineMs: 1500, timeoutMs: 1000 },
    );
    const ended = running.catch((thrown) => thrown);
    await clock.advance(1500);
    const error = await ended;
    expect(error).toBeInstanceOf(DeadlineError);
    expect(error.attempts.map(({ state }: { state: string }) => state)).toEqual(['failed', 'failed']);
    expect(clock.pending).toBe(0);
  });

  it('waits as long as Retry-After says, and not for those who ask for too much', async () => {
    const clock = manualClock();
    const wait = (retryAfterMs: number) =>
      fails(new UpstreamError('Slow down.', { status: 429, retryAfterMs }));
    const a = inTurn(wait(3000), says('a'));
    const running = executePlan(call('a'), request, { a }, { clock, random: () => 0.5 });
    await clock.advance(3149);
    expect(a.calls).toHaveLength(1);
    await clock.advance(1);
    expect((await running).answer.text).toBe('a');
    const b = inTurn(wait(60_000), says('b'));
    const { candidate } = await executePlan(call('b', 'c'), request, { b, c: says('c') }, { clock });
    expect(candidate).toBe('c');
  });

  it('draws the wait before a retry between nothing and a bound that doubles', async () => {
    const clock = manualClock();
    const a = inTurn(fails(busy), fails(busy), says('a'));
    const running = executePlan(call('a'), request, { a }, { clock, retryDelayMs: 100, random: () => 0.99 });
    await clock.advance(99);
    expect(a.calls).toHaveLength(2);
    await clock.advance(197);
    expect(a.calls).toHaveLength(2);
    await clock.advance(1);
    await running;
  });

  it('does not wait for a retry that would come after the deadline', async () => {
    const clock = manualClock();
    const clients = {
      a: fails(new UpstreamError('Later.', { status: 429, retryAfterMs: 900 })),
      b: says('b'),
    };
    const { candidate } = await executePlan(call('a', 'b'), request, clients, { clock, deadlineMs: 800 });
    expect(candidate).toBe('b');
  });
});

describe('the caller', () => {
  it('cancels, and upstream hears of it', async () => {
    const clock = manualClock();
    const controller = new AbortController();
    const a = inTurn(saysAfter(5000, 'late', clock));
    const running = executePlan(
      call('a', 'b'),
      request,
      { a, b: says('b') },
      { clock, signal: controller.signal },
    );
    const ended = running.catch((thrown) => thrown);
    await clock.advance(10);
    controller.abort(new Error('Gone.'));
    expect((await ended).message).toBe('Gone.');
    expect(a.calls[0].signal.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('that has cancelled already calls nobody', async () => {
    const a = inTurn(says('a'));
    await expect(
      executePlan(call('a'), request, { a }, { ...atOnce(), signal: AbortSignal.abort(new Error('Gone.')) }),
    ).rejects.toThrow('Gone.');
    expect(a.calls).toHaveLength(0);
  });

  it('leaves no listener on a signal that outlives the request', async () => {
    const controller = new AbortController();
    let listeners = 0;
    const { signal } = controller;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...given: Parameters<typeof add>) => {
      listeners++;
      add(...given);
    };
    signal.removeEventListener = (...given: Parameters<typeof remove>) => {
      listeners--;
      remove(...given);
    };
    const clients = { a: inTurn(fails(busy)), b: says('b') };
    await executePlan(call('a', 'b'), request, clients, { ...atOnce(), signal });
    expect(listeners).toBe(0);
  });
});

describe('the budget', () => {
  const predictions = [
    { candidate: 'a', expectedCostUsd: 0.02 },
    { candidate: 'b', expectedCostUsd: 0.001 },
  ];

  it('keeps back an attempt that is expected to cost more than is left, and lets a cheaper one answer', async () => {
    const a = inTurn(says('a'));
    const { candidate, trace } = await executePlan(
      { ...call('a', 'b'), predictions },
      request,
      { a, b: says('b') },
      { ...atOnce(), costBudgetUsd: 0.01 },
    );
    expect(candidate).toBe('b');
    expect(a.calls).toHaveLength(0);
    expect(trace.attempts[0]).toMatchObject({ state: 'refused', costUsd: 0, error: { code: 'COST_BUDGET' } });
    expect(trace).toMatchObject({ costIsExact: false });
    expect(trace.attempts[1]).toMatchObject({ costUsd: 0.001, costIsEstimated: true });
  });

  it('ends in its own error when nothing is affordable', async () => {
    const error = await executePlan(
      { ...call('a'), predictions },
      request,
      { a: says('a') },
      { ...atOnce(), costBudgetUsd: 0.01 },
    ).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(CostBudgetError);
    expect(error).toMatchObject({ budgetUsd: 0.01, spentUsd: 0 });
  });

  it('counts attempts that were stopped with what they were expected to cost', async () => {
    const clock = manualClock();
    const running = executePlan(
      { ...call('a', 'b'), predictions },
      request,
      { a: hangs, b: says('b', { costUsd: 0.002 }) },
      { clock, timeoutMs: 100 },
    );
    await clock.advance(100);
    expect((await running).outcome.costUsd).toBeCloseTo(0.022, 10);
  });
});

describe('a pool', () => {
  it('counts what is on its way, and how long answers take', async () => {
    const clock = manualClock();
    const pool = createClientPool({ a: saysAfter(100, 'a', clock), b: fails(wrong) });
    expect([pool.load.inFlight('a'), pool.load.recentLatencyMs('a')]).toEqual([0, null]);
    const running = [1, 2].map(() => executePlan(call('a'), request, pool, { clock }));
    await clock.advance(50);
    expect(pool.load.inFlight('a')).toBe(2);
    await clock.advance(50);
    await Promise.all(running);
    expect([pool.load.inFlight('a'), pool.load.recentLatencyMs('a')]).toEqual([0, 100]);
    await executePlan(call('b'), request, pool, { clock }).catch(() => {});
    expect([pool.load.inFlight('b'), pool.load.recentLatencyMs('b')]).toEqual([0, null]);
  });

  it('refuses clients that are none, and options out of range', () => {
    expect(() => createClientPool({ a: 'gpt' as never })).toThrow(
      '`a` of clients must be a function. Got string.',
    );
    expect(() => createClientPool({}, { breaker: { failures: 0 } })).toThrow(
      '`breaker.failures` of client pool options must be a whole number >= 1. Got 0.',
    );
    expect(() => createClientPool({}, { bulkhead: { queued: -1 } })).toThrow(InvalidInputError);
  });
});

it.each([
  ['clients that are none', null],
  ['a client that is no function', { a: 5 }],
  ['no client for the plan', { b: says('391') }],
])('lets go of its timer and of its signal where it is given %s', async (_, wrongClients) => {
  const clients = wrongClients as unknown as Parameters<typeof executePlan>[2];
  for (const carryOut of [executePlan, executePlanStream]) {
    const clock = manualClock();
    const { signal } = new AbortController();
    await expect(carryOut(call('a'), request, clients, { clock, signal })).rejects.toThrow();
    expect([clock.pending, getEventListeners(signal, 'abort').length]).toEqual([0, 0]);
  }
});
