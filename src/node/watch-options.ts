import type { Manifest } from '../artifact/manifest.ts';

/** How the version in use is followed. */
export interface WatchOptions {
  /**
   * Milliseconds between two looks at `current.json`. It is read again and again, since not every file system tells of
   * changes. @default 1000
   */
  readonly intervalMs?: number;
  /** Stops watching when it aborts; `router.close()` does so too. @default never */
  readonly signal?: AbortSignal;
  /** Told when requests go to another version. */
  readonly onSwap?: (manifest: Manifest, previous: Manifest) => void;
  /** Told, once, why a version cannot be used. The one before stays, and it is tried again, less and less often. */
  readonly onError?: (error: unknown) => void;
  /** Calls `done` once after `ms`; returns what cancels it. @default a timer that keeps no process alive */
  readonly after?: (ms: number, done: () => void) => () => void;
}
