/** Longest that answers are read at a stretch, in milliseconds. */
const LONGEST_STRETCH_MS = 10;

/** Everything that was read since timers last ran. There is one event loop, whoever uses it. */
let stretch: { readonly began: number; readonly over: Promise<void> } | undefined;

/**
 * To be awaited between two pieces of an answer. What is read from memory is there at once, so reading goes on without
 * end before a timer, or another request, has its turn: an upstream that sends a flood would stop the process.
 *
 * @returns undefined when there is time for another piece.
 */
export function letTimersRun(): Promise<void> | undefined {
  if (stretch === undefined) {
    const over = new Promise<void>((resolve) => {
      setTimeout(() => {
        stretch = undefined;
        resolve();
      }, 0);
    });
    stretch = { began: performance.now(), over };
    return undefined;
  }
  return performance.now() - stretch.began < LONGEST_STRETCH_MS ? undefined : stretch.over;
}
