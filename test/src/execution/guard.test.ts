import { createClientPool, executePlan, UpstreamError } from 'pointsman/execution';
import type { PlannedExecution } from 'pointsman/internal';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { manualClock, settle } from './manual-clock.ts';
import { fails, hangs, inTurn, says } from './scripted-clients.ts';

const request = { text: 'Hi.' };
const call = (candidate: string, ...fallback: string[]): PlannedExecution => ({
  plan: { kind: 'call', candidate },
  fallback,
});
const down = fails(new UpstreamError('Down.', { status: 500 }));
const options = () => ({ clock: manualClock(), random: () => 0, retries: 0 });

describe('a breaker', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('opens after failures in a row, lets one try after a while, and closes when that one is answered', async () => {
    const changes: string[] = [];
    const a = inTurn(down, down, down, says('a'));
    const pool = createClientPool(
      { a, b: says('b') },
      {
        breaker: { failures: 3, halfOpenAfterMs: 1000 },
        onBreakerChange: (candidate, state) => changes.push(`${candidate} ${state}`),
      },
    );
    const ask = async () => (await executePlan(call('a', 'b'), request, pool, options())).candidate;
    for (let i = 0; i < 3; i++) expect(await ask()).toBe('b');
    expect(pool.breakerState('a')).toBe('open');
    expect(await ask()).toBe('b');
    expect(a.calls).toHaveLength(3);
    vi.advanceTimersByTime(1000);
    vi.setSystemTime(Date.now() + 1000);
    expect(await ask()).toBe('a');
    expect(pool.breakerState('a')).toBe('closed');
    expect(changes).toEqual(['a open', 'a half-open', 'a closed']);
  });

  it('stays open when the one that tries fails', async () => {
    const a = inTurn(down);
    const pool = createClientPool({ a, b: says('b') }, { breaker: { failures: 1, halfOpenAfterMs: 1000 } });
    await executePlan(call('a', 'b'), request, pool, options());
    vi.setSystemTime(Date.now() + 1000);
    await executePlan(call('a', 'b'), request, pool, options());
    expect([a.calls.length, pool.breakerState('a')]).toEqual([2, 'open']);
  });

  it('lets one try at a time: the others do not wait for it', async () => {
    const a = inTurn(down, hangs);
    const pool = createClientPool({ a, b: says('b') }, { breaker: { failures: 1, halfOpenAfterMs: 1000 } });
    await executePlan(call('a', 'b'), request, pool, options());
    vi.setSystemTime(Date.now() + 1000);
    const controller = new AbortController();
    const trying = executePlan(call('a'), request, pool, { ...options(), signal: controller.signal });
    const ended = trying.catch(() => {});
    await settle();
    expect(pool.breakerState('a')).toBe('half-open');
    const { candidate, trace } = await executePlan(call('a', 'b'), request, pool, options());
    expect(candidate).toBe('b');
    expect(trace.attempts[0]).toMatchObject({ state: 'refused', error: { code: 'UNAVAILABLE' } });
    controller.abort();
    await ended;
    // The trial was stopped by the caller, which shows nothing.
    expect(pool.breakerState('a')).toBe('open');
  });

  it.each([400, 413, 422])('does not count status %i, which is about the request', async (status) => {
    const pool = createClientPool(
      { a: fails(new UpstreamError('No.', { status })) },
      { breaker: { failures: 1 } },
    );
    await executePlan(call('a'), request, pool, options()).catch(() => {});
    expect(pool.breakerState('a')).toBe('closed');
  });

  it.each([401, 404, 429, 500, 503])('counts status %i', async (status) => {
    const pool = createClientPool(
      { a: fails(new UpstreamError('No.', { status })) },
      { breaker: { failures: 1 } },
    );
    await executePlan(call('a'), request, pool, options()).catch(() => {});
    expect(pool.breakerState('a')).toBe('open');
  });

  it('counts time-outs, and the deadline for those that had a fair part of the time', async () => {
    const ask = async (limits: { timeoutMs?: number; deadlineMs?: number }) => {
      const pool = createClientPool({ a: hangs }, { breaker: { failures: 1 } });
      const clock = manualClock();
      const running = executePlan(call('a'), request, pool, { clock, ...limits }).catch(() => {});
      await clock.advance(1000);
      await running;
      return pool.breakerState('a');
    };
    expect(await ask({ timeoutMs: 1000 })).toBe('open');
    expect(await ask({ deadlineMs: 1000 })).toBe('open');
  });

  it('does not count those that the caller stopped', async () => {
    const pool = createClientPool({ a: hangs }, { breaker: { failures: 1 } });
    const controller = new AbortController();
    const running = executePlan(call('a'), request, pool, { ...options(), signal: controller.signal });
    const ended = running.catch(() => {});
    await settle();
    controller.abort();
    await ended;
    expect(pool.breakerState('a')).toBe('closed');
  });

  it('is remembered for plain clients, as long as it is the same object', async () => {
    const a = inTurn(down);
    const clients = { a };
    for (let i = 0; i < 7; i++) await executePlan(call('a'), request, clients, options()).catch(() => {});
    expect(a.calls).toHaveLength(5);
    await executePlan(call('a'), request, { a }, options()).catch(() => {});
    expect(a.calls).toHaveLength(6);
  });

  it('can be left out', async () => {
    const a = inTurn(down);
    const pool = createClientPool({ a }, { breaker: false });
    for (let i = 0; i < 7; i++) await executePlan(call('a'), request, pool, options()).catch(() => {});
    expect([a.calls.length, pool.breakerState('a')]).toEqual([7, 'closed']);
  });
});

describe('a bulkhead', () => {
  it('sends those that find no place to the next candidate', async () => {
    const pool = createClientPool({ a: hangs, b: says('b') }, { bulkhead: { concurrent: 1 } });
    const controller = new AbortController();
    const first = executePlan(call('a'), request, pool, { signal: controller.signal }).catch(() => {});
    await settle();
    const { candidate, trace } = await executePlan(call('a', 'b'), request, pool, options());
    expect(candidate).toBe('b');
    expect(trace.attempts[0].error?.message).toContain('as many requests on their way as it may have');
    controller.abort();
    await first;
  });

  it('lets some wait for a place; those that give up hold nobody up', async () => {
    const release: (() => void)[] = [];
    const a = inTurn(() => new Promise((resolve) => release.push(() => resolve({ text: 'a' }))));
    const pool = createClientPool({ a }, { bulkhead: { concurrent: 1, queued: 2 } });
    const leaving = new AbortController();
    const first = executePlan(call('a'), request, pool);
    const second = executePlan(call('a'), request, pool, { signal: leaving.signal }).catch(
      (error) => error.name,
    );
    const third = executePlan(call('a'), request, pool);
    await settle();
    leaving.abort();
    expect(await second).toBe('AbortError');
    expect(a.calls).toHaveLength(1);
    release[0]();
    await first;
    await settle();
    expect(a.calls).toHaveLength(2);
    release[1]();
    expect((await third).answer.text).toBe('a');
  });
});
