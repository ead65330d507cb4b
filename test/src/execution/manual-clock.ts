import type { Clock } from 'pointsman/execution';

export interface ManualClock extends Clock {
  /** Lets time pass: timers fire in their order, and what they set off runs to its end. */
  advance(ms: number): Promise<void>;
  /** Timers that have neither fired nor been cancelled. */
  readonly pending: number;
}

/** Time that passes when the test says so. */
export function manualClock(): ManualClock {
  const timers = new Set<{ at: number; done: () => void }>();
  let now = 0;
  return {
    now: () => now,
    wallNow: () => Date.UTC(2026, 0, 1) + now,
    after(ms, done) {
      const timer = { at: now + ms, done };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    get pending() {
      return timers.size;
    },
    async advance(ms) {
      const end = now + ms;
      await settle();
      for (;;) {
        const due = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (due === undefined) break;
        timers.delete(due);
        now = due.at;
        due.done();
        await settle();
      }
      now = end;
      await settle();
    },
  };
}

/** Everything that is ready to run has run. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
