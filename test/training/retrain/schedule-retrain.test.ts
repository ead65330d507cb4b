import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { scheduleRetrain } from '../../../training/retrain/retrain.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 1, 0, 0) });
});
afterEach(() => {
  vi.useRealTimers();
});

const HOUR_MS = 3_600_000;

test('it runs at its hour in its time zone, goes on after a failure, and ends when told', async () => {
  const stop = new AbortController();
  const began: string[] = [];
  const errors: string[] = [];
  const next: string[] = [];
  const done = scheduleRetrain(
    '0 3 * * *',
    async () => {
      began.push(new Date().toISOString());
      if (began.length === 1) throw new Error('no disk');
    },
    {
      signal: stop.signal,
      timezone: 'Europe/Berlin',
      onError: ({ message }) => errors.push(message),
      onNext: (at) => next.push(at.toISOString()),
    },
  );
  await vi.advanceTimersByTimeAsync(50 * HOUR_MS);
  expect(began.map((at) => at.slice(0, 16))).toEqual([
    '2026-01-01T02:00',
    '2026-01-02T02:00',
    '2026-01-03T02:00',
  ]);
  expect(errors).toEqual(['no disk']);
  expect(next[1]).toBe('2026-01-02T02:00:00.000Z');
  stop.abort();
  await done;
  await vi.advanceTimersByTimeAsync(50 * HOUR_MS);
  expect(began.length).toBe(3);
});

test('runs never overlap, and one that is under way ends before the schedule does', async () => {
  const stop = new AbortController();
  let running = 0;
  let most = 0;
  let ended = 0;
  const done = scheduleRetrain(
    '*/10 * * * *',
    async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 25 * 60_000));
      running--;
      ended++;
    },
    { signal: stop.signal },
  );
  await vi.advanceTimersByTimeAsync(HOUR_MS);
  expect(most).toBe(1);
  expect(running).toBe(1);
  stop.abort();
  await vi.advanceTimersByTimeAsync(HOUR_MS);
  await done;
  expect(running).toBe(0);
  expect(ended).toBe(2);
});

test('an expression that is none, or never comes, is refused with an example', async () => {
  const { signal } = new AbortController();
  const refused = (pattern: string) =>
    expect(scheduleRetrain(pattern, async () => {}, { signal })).rejects.toThrow(/"0 3 \* \* \*"/);
  await refused('every night');
  await refused('0 0 30 2 *');
});

test('a time zone that is none is what the error speaks of', async () => {
  const { signal } = new AbortController();
  await expect(
    scheduleRetrain('0 3 * * *', async () => {}, { signal, timezone: 'Mars/Olympus' }),
  ).rejects.toThrow('`timezone` must be an IANA name such as "Europe/Berlin". Got "Mars/Olympus".');
});
