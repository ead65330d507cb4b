import type { PlanStep } from 'pointsman';
import { execute, executeStream, MalformedAnswerError, UpstreamError } from 'pointsman/execution';
import type { ClientMap, OutcomeRecord } from 'pointsman/internal';
import { createDecisionLog, type LogRecord, parseLogRecord } from 'pointsman/log';
import { describe, expect, it } from 'vitest';
import { scriptedRouter } from '../ai-sdk/scripted-router.ts';
import { manualClock } from './manual-clock.ts';
import { DONE, fails, hangs, says, saysAfter, streams } from './scripted-clients.ts';

const request = { text: 'What is 17 * 23?' };
const down = fails(new UpstreamError('Down.', { status: 400 }));
const usage = { inputTokens: 1000, outputTokens: 100 };

/** A router that logs what it is told to decide, and what was written. */
function loggingRouter(plan: PlanStep = { kind: 'call', candidate: 'small' }) {
  const records: LogRecord[] = [];
  const log = createDecisionLog({
    sink: (batch) => {
      records.push(...batch.map((record) => parseLogRecord(JSON.parse(JSON.stringify(record)))));
    },
  });
  const scripted = scriptedRouter(plan, 'large');
  const router = {
    ...scripted,
    log,
    async route() {
      const decision = await scripted.route(request);
      return { ...decision, id: log.decided(decision, request) };
    },
  };
  const written = async () => {
    await log.flush();
    return records.slice(1);
  };
  return { router, written };
}

describe('what is logged of an execution', () => {
  it('is who answered, and what that took', async () => {
    const { router, written } = loggingRouter();
    const clock = manualClock();
    const running = execute(
      router,
      request,
      { small: saysAfter(300, '391', clock), large: hangs },
      { clock },
    );
    await clock.advance(300);
    const { decision } = await running;
    expect(await written()).toMatchObject([
      { kind: 'outcome', id: decision.id, candidate: 'small', status: 'answered', latencyMs: 300 },
    ]);
  });

  it('after a fallback is who answered, with their own cost beside that of all', async () => {
    const { router, written } = loggingRouter();
    // $1 and $10 per million tokens.
    const { outcome } = await execute(router, request, { small: down, large: says('391', { usage }) });
    const [logged] = await written();
    expect(logged).toMatchObject({
      candidate: 'large',
      status: 'answered',
      inputTokens: 1000,
      outputTokens: 100,
    });
    expect(logged).toMatchObject({ costUsd: 0.002, totalCostUsd: outcome.costUsd });
  });

  it('of a cascade is who was accepted; what the others cost is in the total', async () => {
    const call = (candidate: string) => ({ kind: 'call', candidate }) as const;
    const { router, written } = loggingRouter({
      kind: 'sequence',
      steps: [
        { step: call('small'), accept: { kind: 'verifier', verifier: 'long', min: 0.5 } },
        { step: call('large'), accept: null },
      ],
    });
    const clients: ClientMap = { small: says('no', { usage }), large: says('three hundred', { usage }) };
    await execute(router, request, clients, { verifiers: { long: ({ text }) => text.length > 5 } });
    expect(await written()).toMatchObject([{ candidate: 'large', costUsd: 0.002, totalCostUsd: 0.004 }]);
  });

  it('has a score of the caller as feedback', async () => {
    const { router, written } = loggingRouter({
      kind: 'sequence',
      steps: [
        {
          step: { kind: 'call', candidate: 'small' },
          accept: { kind: 'verifier', verifier: 'score', min: 0.5 },
        },
        { step: { kind: 'call', candidate: 'large' }, accept: null },
      ],
    });
    const clients = { small: says('391'), large: hangs };
    const { decision } = await execute(router, request, clients, { verifiers: { score: () => 0.75 } });
    expect((await written())[1]).toMatchObject({
      kind: 'feedback',
      id: decision.id,
      quality: 0.75,
      candidate: 'small',
      source: 'verifier',
    });
  });

  it('when nobody answers is that the decided one failed, and why', async () => {
    const { router, written } = loggingRouter();
    await expect(execute(router, request, { small: down, large: down })).rejects.toThrow('No candidate gave');
    expect(await written()).toMatchObject([
      { candidate: 'small', status: 'failed', error: 'EXECUTION_FAILED', totalCostUsd: 0 },
    ]);
  });

  it('is nothing when the caller left: nobody knows what the answer would have been', async () => {
    const { router, written } = loggingRouter();
    const controller = new AbortController();
    const running = execute(router, request, { small: hangs, large: hangs }, { signal: controller.signal });
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort(new Error('gone'));
    await expect(running).rejects.toThrow('gone');
    expect(await written()).toEqual([]);
  });

  it('of a stream is told when it has come to its end, or has broken', async () => {
    const clock = manualClock();
    const { router, written } = loggingRouter();
    const small = streams(clock, 'three', ' hundred', DONE);
    const stream = await executeStream(router, request, { small, large: hangs }, { clock });
    for await (const _ of stream);
    expect(await written()).toMatchObject([{ candidate: 'small', status: 'answered', inputTokens: 10 }]);
    const broken = streams(clock, 'three', new UpstreamError('Lost.', {}));
    const half = await executeStream(router, request, { small: broken, large: hangs }, { clock });
    await expect(
      (async () => {
        for await (const _ of half);
      })(),
    ).rejects.toThrow();
    expect((await written()).filter(({ kind }) => kind === 'outcome')[1]).toMatchObject({
      candidate: 'small',
      status: 'failed',
      error: 'BROKEN_STREAM',
    });
  });

  it.each([
    ['a bill', { usage, costUsd: 0.5 }, { costUsd: 0.5, costSource: 'reported' }],
    ['tokens, and prices are known', { usage }, { costUsd: 0.002, costSource: 'computed' }],
    ['a cost that its client computed', { costUsd: 0.3, costSource: 'computed' }, { costSource: 'computed' }],
  ] as const)('says where a cost comes from: %s', async (_, more, logged) => {
    const { router, written } = loggingRouter();
    const streamed = streams(manualClock(), 'so', { finish: { reason: 'stop', ...more } });
    await execute(router, request, { small: says('so', more), large: hangs });
    const stream = await executeStream(router, request, { small: streamed, large: hangs });
    for await (const _ of stream);
    const outcomes = (await written()).filter(({ kind }) => kind === 'outcome');
    expect(outcomes).toHaveLength(2);
    for (const outcome of outcomes) expect(outcome).toMatchObject(logged);
  });

  it('is no cost that the router only expected, neither alone nor in a total', async () => {
    const { router, written } = loggingRouter();
    const expecting = {
      ...router,
      async route() {
        const decision = await router.route();
        const expected = {
          successProbability: 0.9,
          expectedCostUsd: 0.123,
          expectedLatencyMs: 777,
          utility: 0,
        };
        const [small, large] = ['small', 'large'].map((candidate) => ({ candidate, ...expected }));
        return { ...decision, predictions: [small, large] as const };
      },
    };
    const { outcome } = await execute(expecting, request, { small: says('391'), large: hangs });
    // Budgets go by what is expected, for want of something better.
    expect(outcome.costUsd).toBe(0.123);
    const broken = fails(new MalformedAnswerError('No JSON.'));
    await execute(expecting, request, { small: broken, large: says('391', { usage }) }, { retries: 0 });
    const [alone, , after] = await written();
    expect(alone).toMatchObject({ costUsd: null });
    expect((alone as OutcomeRecord).latencyMs).not.toBe(777);
    expect(alone).not.toHaveProperty('costSource');
    expect(after).toMatchObject({ candidate: 'large', costUsd: 0.002, costSource: 'computed' });
    expect(after).not.toHaveProperty('totalCostUsd');
    expect(after).toHaveProperty('totalLatencyMs');
  });

  it('that the log refuses takes nobody the answer', async () => {
    const { router } = loggingRouter();
    const refusing = {
      ...router,
      log: {
        ...router.log,
        outcome: () => {
          throw new Error('no');
        },
      },
    };
    const { answer } = await execute(refusing, request, { small: says('391'), large: hangs });
    expect(answer.text).toBe('391');
  });

  it('cannot break the execution, whatever a client bills', async () => {
    const { router, written } = loggingRouter();
    const odd = says('391', { costUsd: Number.NaN, usage: { inputTokens: 1.5, outputTokens: -1 } });
    expect((await execute(router, request, { small: odd, large: hangs })).answer.text).toBe('391');
    expect(await written()).toMatchObject([{ costUsd: null, inputTokens: null, outputTokens: null }]);
  });
});
