import { AttemptTimeoutError } from '../errors/attempt-timeout-error.ts';
import { openScope } from './abort-scope.ts';
import type { Run } from './run.ts';
import { untilAborted } from './until-aborted.ts';

/** Calls a function of the caller's within the time of one attempt, whether it looks at the signal or not. */
export async function callFunction<T>(
  run: Run,
  signal: AbortSignal,
  name: string,
  call: (context: { readonly signal: AbortSignal }) => T | Promise<T>,
): Promise<T> {
  const { clock, timeoutMs } = run.settings;
  const scope = openScope(signal);
  const cancel = clock.after(timeoutMs, () => {
    scope.abort(new AttemptTimeoutError(name, timeoutMs, 'result'));
  });
  try {
    return await untilAborted((async () => call({ signal: scope.signal }))(), scope.signal);
  } finally {
    cancel();
    scope.close();
  }
}
