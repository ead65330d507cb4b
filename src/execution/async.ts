/** Hands values from one writer to one reader, at the reader's pace. */
export interface Channel<T> {
  /** Resolves when there is room for more. After the end it does nothing. */
  push(value: T): Promise<void>;
  /** What was pushed is read first; then the reader is done. */
  end(): void;
  /** What was pushed is read first; then the reader gets the error. */
  fail(error: unknown): void;
  readonly reader: AsyncIterableIterator<T>;
}

/**
 * @param room values that may wait before `push` does.
 * @param onCancel the reader left before the end.
 */
export function createChannel<T>(room: number, onCancel: () => void): Channel<T> {
  const waiting: T[] = [];
  const writers: (() => void)[] = [];
  const readers: { resolve: (result: IteratorResult<T>) => void; reject: (error: unknown) => void }[] = [];
  let over: { readonly error?: { readonly reason: unknown } } | undefined;

  const finish = (error?: { readonly reason: unknown }) => {
    if (over !== undefined) return;
    over = error === undefined ? {} : { error };
    for (const resume of writers.splice(0)) resume();
    for (const { resolve, reject } of readers.splice(0)) {
      if (error === undefined) resolve({ done: true, value: undefined });
      else reject(error.reason);
    }
  };

  const next = (): Promise<IteratorResult<T>> => {
    if (waiting.length > 0) {
      const value = waiting.shift() as T;
      writers.shift()?.();
      return Promise.resolve({ done: false, value });
    }
    if (over?.error !== undefined) {
      const { reason } = over.error;
      // Once: an iterator that has thrown is done.
      over = {};
      return Promise.reject(reason);
    }
    if (over !== undefined) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => readers.push({ resolve, reject }));
  };

  return {
    push(value) {
      if (over !== undefined) return Promise.resolve();
      const reader = readers.shift();
      if (reader !== undefined) {
        reader.resolve({ done: false, value });
        return Promise.resolve();
      }
      waiting.push(value);
      return waiting.length <= room ? Promise.resolve() : new Promise((resolve) => writers.push(resolve));
    },
    end: () => finish(),
    fail: (reason) => finish({ reason }),
    reader: {
      next,
      return() {
        if (over === undefined) {
          waiting.length = 0;
          finish();
          onCancel();
        }
        waiting.length = 0;
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    },
  };
}

/** A signal that aborts with its parent or by itself, and leaves no listener behind once it is closed. */
export interface AbortScope {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
  /** Lets go of the parent. */
  close(): void;
}

/** `AbortSignal.any` keeps its listeners for as long as a long-lived parent lives; this does not. */
export function openScope(parent?: AbortSignal): AbortScope {
  return new Scope(parent);
}

class Scope implements AbortScope {
  readonly signal: OwnSignal;
  readonly #controller = new AbortController();
  readonly #relay = new Relay(null);
  readonly #parent: AbortSignal | undefined;

  constructor(parent: AbortSignal | undefined) {
    this.signal = this.#controller.signal;
    this.signal[RELAY] = this.#relay;
    this.#parent = parent;
    if (parent?.aborted === true) this.#controller.abort(parent.reason);
    else if (parent !== undefined) relayOf(parent).add(this);
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason);
    this.#relay.tell();
  }

  close(): void {
    if (this.#parent !== undefined) relayOf(this.#parent).remove(this);
  }

  /** The parent was aborted. */
  told(): void {
    this.abort(this.#parent?.reason);
  }
}

/**
 * Calls `then` when the signal aborts, once.
 *
 * However many wait for one signal, it has one listener: a signal that every request of a server shares would have
 * one a request, and the platform warns of a leak from the eleventh on. It has none when nobody waits, and one of ours
 * has none at all: who aborts it tells them.
 *
 * @param signal not aborted yet.
 * @returns stops waiting.
 */
export function onAbort(signal: AbortSignal, then: () => void): () => void {
  const relay = relayOf(signal);
  // Of its own, so that the same function may wait twice.
  const waiting = { told: then };
  relay.add(waiting);
  return () => relay.remove(waiting);
}

interface Waiting {
  told(): void;
}

/** Those who wait for one signal. @param signal that somebody else aborts; null for one of ours */
class Relay {
  readonly #signal: AbortSignal | null;
  /** Made when somebody waits: for most signals nobody does. */
  #everybody: Set<Waiting> | undefined;
  #listener: (() => void) | undefined;

  constructor(signal: AbortSignal | null) {
    this.#signal = signal;
  }

  add(waiting: Waiting): void {
    this.#everybody ??= new Set();
    if (this.#signal !== null && this.#everybody.size === 0) {
      this.#listener ??= () => this.tell();
      this.#signal.addEventListener('abort', this.#listener, { once: true });
    }
    this.#everybody.add(waiting);
  }

  remove(waiting: Waiting): void {
    if (this.#everybody?.delete(waiting) !== true || this.#everybody.size > 0) return;
    if (this.#listener !== undefined) this.#signal?.removeEventListener('abort', this.#listener);
  }

  tell(): void {
    for (const waiting of this.#everybody ?? []) {
      this.#everybody?.delete(waiting);
      waiting.told();
    }
  }
}

const RELAY = Symbol('relay');

type OwnSignal = AbortSignal & { [RELAY]?: Relay };

/** Of signals that are not ours. Held only as long as they are. */
const relays = new WeakMap<AbortSignal, Relay>();

function relayOf(signal: OwnSignal): Relay {
  const known = signal[RELAY] ?? relays.get(signal);
  if (known !== undefined) return known;
  const relay = new Relay(signal);
  relays.set(signal, relay);
  return relay;
}

/** Everything that was done since timers last ran. There is one event loop, whoever uses it. */
let stretch: { readonly began: number; readonly over: Promise<void> } | undefined;

/**
 * To be awaited before a request is sent and between two pieces of an answer. What is read from memory is there at
 * once, so reading goes on without end before a timer, or another request, has its turn: an upstream that sends a flood,
 * or some hundred that answer at the same time, would hold up the process. Whoever waits goes on in the order they came.
 *
 * @param stretchMs longest that is worked at a stretch, in milliseconds.
 * @returns undefined when there is time at once.
 */
export function letTimersRun(stretchMs: number): Promise<void> | undefined {
  return isLong(stretchMs) ? nextTurn(stretchMs) : undefined;
}

async function nextTurn(stretchMs: number): Promise<void> {
  do await stretch?.over;
  while (isLong(stretchMs));
}

function isLong(stretchMs: number): boolean {
  if (stretch !== undefined) return performance.now() - stretch.began >= stretchMs;
  const over = new Promise<void>((resolve) => {
    setTimeout(() => {
      stretch = undefined;
      resolve();
    }, 0);
  });
  stretch = { began: performance.now(), over };
  return false;
}

/** Waits, or rejects with the signal's reason as soon as it aborts; the timer is gone either way. */
export async function wait(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  let cancel = () => {};
  const waited = new Promise<void>((resolve) => {
    cancel = clock.after(ms, resolve);
  });
  try {
    await untilAborted(waited, signal);
  } finally {
    cancel();
  }
}

/** Time, injected so that tests need not wait. */
export interface Clock {
  /** Milliseconds that never go back. */
  now(): number;
  /** Milliseconds since 1970, against which a `Retry-After` that is a date is read. */
  wallNow(): number;
  /** Calls `done` once after `ms`; returns what cancels it. */
  after(ms: number, done: () => void): () => void;
}

/** Longer timers fire at once (they are kept in 32 bits). */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The timers of the platform. They keep a process alive: an execution that is under way is work. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  after(ms, done) {
    const timer = setTimeout(done, Math.min(ms, LONGEST_TIMER_MS));
    return () => clearTimeout(timer);
  },
};

/**
 * What `work` gives, or the signal's reason as soon as it aborts. For work that may not listen to the signal itself:
 * what it does afterwards is ignored.
 */
export function untilAborted<T>(work: PromiseLike<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = () => reject(signal.reason);
    let letGo = () => {};
    if (signal.aborted) stop();
    else letGo = onAbort(signal, stop);
    work.then(
      (value) => {
        letGo();
        resolve(value);
      },
      (error: unknown) => {
        letGo();
        reject(error);
      },
    );
  });
}
