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
