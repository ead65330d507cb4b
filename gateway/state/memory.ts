/** A text that is remembered under a key. */
export interface Memo {
  readonly key: string;
  readonly value: string;
}

/** What is worth knowing for a while, and no harm when it is forgotten: conversations. */
export interface Memory {
  /** What is remembered under each key; undefined for what is not, or not any more. */
  recall(keys: readonly string[]): Promise<(string | undefined)[]>;
  /** @param ttlMs after which it is forgotten. */
  remember(memos: readonly Memo[], ttlMs: number): Promise<void>;
}

/** Memos that one gateway holds; some kilobytes each at the most. */
const MOST = 10_000;

/**
 * A memory of this process, of a bounded size: what was used least recently is forgotten first.
 *
 * @param clock milliseconds since 1970
 */
export function createMemory(clock: () => number = Date.now, most = MOST): Memory {
  // A map keeps the order in which its keys came.
  const memos = new Map<string, { readonly value: string; readonly until: number }>();
  const touch = (key: string, memo: { readonly value: string; readonly until: number }) => {
    memos.delete(key);
    memos.set(key, memo);
  };
  return {
    async recall(keys) {
      return keys.map((key) => {
        const memo = memos.get(key);
        if (memo === undefined) return undefined;
        if (memo.until <= clock()) {
          memos.delete(key);
          return undefined;
        }
        touch(key, memo);
        return memo.value;
      });
    },
    async remember(some, ttlMs) {
      for (const { key, value } of some) touch(key, { value, until: clock() + ttlMs });
      while (memos.size > most) memos.delete(memos.keys().next().value as string);
    },
  };
}
