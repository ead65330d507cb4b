import { onAbort } from './on-abort.ts';

/** A signal that aborts with its parent or by itself, and leaves no listener behind once it is closed. */
export interface AbortScope {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
  /** Lets go of the parent. */
  close(): void;
}

/** `AbortSignal.any` keeps its listeners for as long as a long-lived parent lives; this does not. */
export function openScope(parent?: AbortSignal): AbortScope {
  const controller = new AbortController();
  let close = () => {};
  if (parent?.aborted === true) controller.abort(parent.reason);
  else if (parent !== undefined) close = onAbort(parent, () => controller.abort(parent.reason));
  return { signal: controller.signal, abort: (reason) => controller.abort(reason), close };
}
