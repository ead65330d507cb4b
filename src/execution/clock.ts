/** Time, injected so that tests need not wait. */
export interface Clock {
  /** Milliseconds that never go back. */
  now(): number;
  /** Milliseconds since 1970, against which a `Retry-After` that is a date is read. */
  wallNow(): number;
  /** Calls `done` once after `ms`; returns what cancels it. */
  after(ms: number, done: () => void): () => void;
}

/** The timers of the platform. They keep a process alive: an execution that is under way is work. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  after(ms, done) {
    const timer = setTimeout(done, Math.min(ms, LONGEST_TIMER_MS));
    return () => clearTimeout(timer);
  },
};

/** Longer timers fire at once (they are kept in 32 bits). */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
