import { type ExecuteOptions, executePlan, executePlanStream, UpstreamError } from 'pointsman/execution';
import { describe, expect, it } from 'vitest';
import { manualClock } from './manual-clock.ts';
import { fails, hangs, inTurn, says, streams } from './scripted-clients.ts';

const request = { text: 'What is 17 * 23?' };
const call = (candidate: string, ...fallback: string[]) =>
  ({ plan: { kind: 'call', candidate }, fallback }) as const;

describe('options of one candidate', () => {
  it('its time counts for it alone; others keep theirs', async () => {
    const clock = manualClock();
    const options: ExecuteOptions = {
      clock,
      timeoutMs: 1000,
      candidates: { slow: { timeoutMs: 5000 }, fast: { timeoutMs: 200 } },
    };
    const all = { fast: hangs, usual: hangs, slow: hangs };
    const ended = executePlan(call('fast', 'usual', 'slow'), request, all, options).catch((error) => error);
    await clock.advance(6200);
    const { attempts } = await ended;
    expect(attempts).toMatchObject([
      { candidate: 'fast', latencyMs: 200, error: { code: 'ATTEMPT_TIMEOUT' } },
      { candidate: 'usual', latencyMs: 1000 },
      { candidate: 'slow', latencyMs: 5000 },
    ]);
    expect(clock.pending).toBe(0);
  });

  it('its wait for a further piece too', async () => {
    const clock = manualClock();
    const a = streams(clock, 'Once ', 10_000, 'upon');
    const options = { clock, candidates: { a: { idleTimeoutMs: 300 } } };
    const stream = await executePlanStream(call('a'), request, { a }, options);
    const read = (async () => {
      for await (const _ of stream);
    })().catch((error) => error);
    stream.result.catch(() => {});
    await clock.advance(300);
    expect(await read).toMatchObject({ code: 'BROKEN_STREAM', cause: { code: 'ATTEMPT_TIMEOUT' } });
  });

  it('and its retries', async () => {
    const busy = fails(new UpstreamError('Busy.', { status: 503 }));
    const [a, b] = [inTurn(busy), inTurn(busy, says('yes'))];
    const options = { clock: manualClock(), random: () => 0, candidates: { a: { retries: 0 } } };
    const { trace } = await executePlan(call('a', 'b'), request, { a, b }, options);
    expect(trace.attempts.map(({ candidate }) => candidate)).toEqual(['a', 'b', 'b']);
  });

  it('a misspelt name, or a number out of its range, is found before anything is called', async () => {
    const a = inTurn(says('yes'));
    const send = (candidates: ExecuteOptions['candidates']) =>
      executePlan(call('a'), request, { a }, { candidates: candidates ?? {} });
    await expect(send({ b: { timeoutMs: 1 } })).rejects.toThrow(
      /`candidates` of execute options must name candidates that have a client. Got "b"/,
    );
    await expect(send({ a: { timeoutMs: 0 } })).rejects.toThrow(
      '`candidates.a.timeoutMs` of execute options must be a number > 0. Got 0.',
    );
    expect(a.calls).toHaveLength(0);
  });
});
