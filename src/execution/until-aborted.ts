import { onAbort } from './on-abort.ts';

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
