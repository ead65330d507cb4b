import type { LogStats } from './record.ts';

/** What waits in a queue. */
interface Queued {
  /** UTF-16 units of text, about. */
  readonly size: number;
}

/** A bounded queue before something slow: taking is at once and never fails, writing is in batches, in order. */
interface LogQueue<T extends Queued> {
  /** False when there is no room; then it is counted as dropped. */
  push(item: T): boolean;
  /** Counts one that could not even be made as dropped. */
  drop(): void;
  /** Resolves when everything pushed until now is written or given up. */
  flush(): Promise<void>;
  /** Gives up what is left, and takes nothing more. */
  end(): void;
  readonly counts: Readonly<Omit<LogStats, 'error'>>;
  /** What the last write failed with, or an item of it; undefined when it went well. */
  readonly error: unknown;
}

interface LogQueueOptions<T> {
  readonly capacity: number;
  readonly capacityCharacters: number;
  readonly batch: number;
  readonly flushMs: number;
  readonly retries: number;
  readonly retryDelayMs: number;
  readonly clock: LogClock;
  readonly onError: (error: unknown, items: number) => void;
  /**
   * Rejects when nothing was written, to be called again.
   *
   * @param dropped items that were dropped since the last call that went well.
   * @returns an error for each item that cannot be written, ever; the others are.
   */
  write(items: readonly T[], dropped: number): Promise<readonly unknown[]>;
}

const LONGEST_WAIT_MS = 30_000;

/** UTF-16 units in a batch, unless one item alone has more: what a sink makes of them is in memory beside them. */
const BATCH_CHARACTERS = 2 ** 22;

export function createLogQueue<T extends Queued>(options: LogQueueOptions<T>): LogQueue<T> {
  const { capacity, capacityCharacters, batch, flushMs, retries, retryDelayMs, clock } = options;
  const counts = { written: 0, failed: 0, dropped: 0, pending: 0 };
  /** Each waits until so many are done. */
  let waiters: { readonly done: number; readonly resolve: () => void }[] = [];
  let waiting: T[] = [];
  let characters = 0;
  let told = 0;
  let error: unknown;
  let draining = false;
  let ended = false;
  let cancelTimer: (() => void) | undefined;
  let urgent = false;
  /** Ends the wait before a retry. */
  let wake = () => {};

  const drop = () => {
    counts.dropped++;
  };
  const done = () => counts.written + counts.failed;
  const settle = (items: readonly T[], failed: number) => {
    if (ended) return;
    counts.written += items.length - failed;
    counts.failed += failed;
    counts.pending -= items.length;
    for (const { size } of items) characters -= size;
    const reached = done();
    for (const waiter of waiters) if (waiter.done <= reached) waiter.resolve();
    waiters = waiters.filter((waiter) => waiter.done > reached);
  };
  const waitToRetry = (ms: number) =>
    new Promise<void>((resolve) => {
      const cancel = clock.after(ms, resolve, waiters.length > 0);
      wake = () => {
        cancel();
        resolve();
      };
    });
  const tellError = (reason: unknown, items: number) => {
    try {
      options.onError(reason, items);
    } catch {
      // Whoever listens must not stop the log.
    }
  };
  const write = async (items: readonly T[]) => {
    for (let attempt = 0; ; attempt++) {
      const { dropped } = counts;
      try {
        const refused = await options.write(items, dropped - told);
        told = dropped;
        error = refused.at(-1);
        settle(items, refused.length);
        for (const reason of refused) tellError(reason, 1);
        return;
      } catch (reason) {
        error = reason;
        if (attempt === retries || ended) break;
      }
      await waitToRetry(Math.min(retryDelayMs * 2 ** attempt, LONGEST_WAIT_MS));
    }
    settle(items, items.length);
    tellError(error, items.length);
  };
  /** As many as go together. */
  const nextBatch = () => {
    let length = 0;
    let size = 0;
    while (length < Math.min(batch, waiting.length)) {
      size += waiting[length].size;
      if (length > 0 && size > BATCH_CHARACTERS) break;
      length++;
    }
    return waiting.splice(0, length);
  };
  const drain = async () => {
    cancelTimer?.();
    cancelTimer = undefined;
    urgent = false;
    if (draining) return;
    draining = true;
    // What comes meanwhile waits for others to be written with, unless there are enough.
    const until = done() + counts.pending;
    while (waiting.length > 0 && (done() < until || waiting.length >= batch || waiters.length > 0)) {
      await write(nextBatch());
    }
    draining = false;
    if (waiting.length > 0) schedule();
  };
  const schedule = () => {
    if (draining || urgent) return;
    if (waiting.length >= batch) {
      urgent = true;
      cancelTimer?.();
      // Not here: whoever pushes is about to answer a request.
      cancelTimer = clock.after(0, drain, true);
    } else cancelTimer ??= clock.after(flushMs, drain, true);
  };

  return {
    counts,
    get error() {
      return error;
    },
    drop,
    push(item) {
      if (ended || counts.pending >= capacity || characters + item.size > capacityCharacters) {
        drop();
        return false;
      }
      waiting.push(item);
      counts.pending++;
      characters += item.size;
      schedule();
      return true;
    },
    flush() {
      if (counts.pending === 0 || ended) return Promise.resolve();
      return new Promise((resolve) => {
        waiters.push({ done: done() + counts.pending, resolve });
        wake();
        void drain();
      });
    },
    end() {
      if (ended) return;
      cancelTimer?.();
      counts.failed += counts.pending;
      counts.pending = 0;
      ended = true;
      waiting = [];
      for (const { resolve } of waiters.splice(0)) resolve();
      wake();
    },
  };
}

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
