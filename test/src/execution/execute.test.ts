import { DeadlineError, execute, executeStream } from 'pointsman/execution';
import { describe, expect, it } from 'vitest';
import { scriptedRouter } from '../ai-sdk/scripted-router.ts';
import { manualClock } from './manual-clock.ts';
import { DONE, hangs, inTurn, says, saysAfter, streams } from './scripted-clients.ts';

const request = { text: 'What is 17 * 23?' };
const decides = () => scriptedRouter({ kind: 'call', candidate: 'small' }, 'large');

/** A router that takes its time. */
function slowRouter(ms: number, clock: ReturnType<typeof manualClock>) {
  const router = decides();
  return {
    ...router,
    route: async () => {
      await new Promise<void>((resolve) => clock.after(ms, resolve));
      return router.route(request);
    },
  };
}

describe('execute', () => {
  it('decides, calls, and gives the decision with the answer', async () => {
    const router = decides();
    const usage = { inputTokens: 1000, outputTokens: 100 };
    const clients = { small: says('391', { usage }), large: says('no') };
    const { answer, decision, outcome } = await execute(router, request, clients, {
      route: { weights: 'cheapest' },
    });
    expect(answer.text).toBe('391');
    expect(decision.policyPath).toEqual(['scripted']);
    expect(router.asked[0].options).toEqual({ weights: 'cheapest' });
    // $1 and $10 per million tokens, of the manifest.
    expect(outcome.costUsd).toBeCloseTo(0.002, 10);
  });

  it('counts the router in the latency and in the deadline', async () => {
    const clock = manualClock();
    const clients = { small: saysAfter(100, 'x', clock), large: hangs };
    const running = execute(slowRouter(40, clock), request, clients, { clock });
    await clock.advance(140);
    expect((await running).outcome.latencyMs).toBe(140);
    const late = execute(
      slowRouter(40, clock),
      request,
      { small: hangs, large: hangs },
      { clock, deadlineMs: 100 },
    );
    const ended = late.catch((error) => error);
    await clock.advance(100);
    expect(await ended).toMatchObject({ code: 'DEADLINE', deadlineMs: 100, attempts: [{ latencyMs: 60 }] });
    expect(clock.pending).toBe(0);
  });

  it('does not wait for a router longer than the deadline, nor when it is cancelled', async () => {
    const clock = manualClock();
    const small = inTurn(says('x'));
    const never = { ...decides(), route: () => new Promise<never>(() => {}) };
    const late = execute(never, request, { small }, { clock, deadlineMs: 100 }).catch((error) => error);
    await clock.advance(100);
    expect(await late).toBeInstanceOf(DeadlineError);
    const controller = new AbortController();
    const cancelled = execute(never, request, { small }, { clock, signal: controller.signal });
    controller.abort(new Error('Gone.'));
    await expect(cancelled).rejects.toThrow('Gone.');
    expect([small.calls.length, clock.pending]).toEqual([0, 0]);
  });
});

describe('executeStream', () => {
  it('gives the decision with the stream', async () => {
    const clock = manualClock();
    const clients = { small: streams(clock, '391', DONE), large: says('no') };
    const stream = await executeStream(decides(), request, clients, { clock });
    expect(stream.decision.candidate).toBe('small');
    let text = '';
    for await (const chunk of stream) text += chunk.text ?? '';
    expect(text).toBe('391');
  });
});
