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
  const follow = () => controller.abort(parent?.reason);
  if (parent?.aborted === true) follow();
  else parent?.addEventListener('abort', follow, { once: true });
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    close: () => parent?.removeEventListener('abort', follow),
  };
}
