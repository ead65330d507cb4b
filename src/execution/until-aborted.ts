/**
 * What `work` gives, or the signal's reason as soon as it aborts. For work that may not listen to the signal itself:
 * what it does afterwards is ignored.
 */
export function untilAborted<T>(work: PromiseLike<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    const letGo = () => signal.removeEventListener('abort', stop);
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
