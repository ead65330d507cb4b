/** Time, injected so that tests need not wait. The clock of `execute` is one too. */
export interface LogClock {
  /** Milliseconds since 1970. */
  wallNow(): number;
  /**
   * Calls `done` once after `ms`; returns what cancels it.
   *
   * @param keepAlive whether the process must not end before.
   */
  after(ms: number, done: () => void, keepAlive: boolean): () => void;
}

/** The timers of the platform. */
export const systemLogClock: LogClock = {
  wallNow: () => Date.now(),
  after(ms, done, keepAlive) {
    const timer: unknown = setTimeout(done, ms);
    // Elsewhere than in Node it is a number, and nothing is kept alive by it.
    if (!keepAlive) (timer as { unref?: () => void }).unref?.();
    return () => clearTimeout(timer as number);
  },
};
