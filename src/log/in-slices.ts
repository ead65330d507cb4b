/** Items that are worked on in a row, at least: about a millisecond. */
const LEAST = 16;

/** Slices of a large batch: with more, a busy process would fall behind. */
const MOST_SLICES = 4;

/**
 * What `work` gives for each item. After every few of them whatever else waits has its turn, so that a large batch does
 * not keep a request waiting.
 */
export async function inSlices<T, R>(items: readonly T[], work: (item: T) => R | Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const size = Math.max(LEAST, Math.ceil(items.length / MOST_SLICES));
  for (let i = 0; i < items.length; i += size) {
    if (i > 0) await new Promise<void>(nextTurn);
    for (const result of await Promise.all(items.slice(i, i + size).map(work))) results.push(result);
  }
  return results;
}

/** Where there is no `setImmediate`, a timer does. */
function nextTurn(resolve: () => void): void {
  const { setImmediate } = globalThis as { setImmediate?: (done: () => void) => void };
  if (setImmediate === undefined) setTimeout(resolve, 0);
  else setImmediate(resolve);
}
