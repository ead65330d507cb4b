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
