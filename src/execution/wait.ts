import type { Clock } from './clock.ts';
import { untilAborted } from './until-aborted.ts';

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
