import type { Manifest } from '../artifact/manifest.ts';
import { InvalidInputError } from '../errors.ts';
import type { Router } from '../router/router.ts';

const INTERVAL_MS = 1000;

/** Looks that are left out, at most, before a version that cannot be used is tried again. */
const LONGEST_PAUSE = 64;

/**
 * A router that is always the version which `current.json` names. A request is taken by the version in use when it
 * comes, and finished by it; the next is taken by the new one as soon as that is loaded and checked. One that cannot be
 * loaded is never in use.
 *
 * @param resolve gives the folder of the version in use; passed in, so that this file alone is loaded when it is needed.
 * @param load makes the router of a version's folder.
 * @throws as `load` does for the first version; InvalidInputError when the folder is that of one version.
 */
export async function watchRouter(
  folder: string,
  resolve: (folder: string) => Promise<string>,
  load: (versionFolder: string) => Promise<Router>,
  options: WatchOptions,
): Promise<Router> {
  const { intervalMs = INTERVAL_MS, signal, onSwap, onError, after = unheardTimer } = options;
  if (!(intervalMs > 0)) {
    throw new InvalidInputError(`\`watch.intervalMs\` of router must be a number > 0. Got ${intervalMs}.`);
  }
  let path = await resolve(folder);
  if (path === folder) {
    throw new InvalidInputError(
      `\`watch\` of router needs a folder whose current.json names the version in use. ${folder} is one version. ` +
        'Give the folder around it, or leave out `watch`.',
    );
  }
  let router = await load(path);
  let stopped = signal?.aborted === true;
  let cancel = () => {};
  let looking = Promise.resolve();
  let failures = 0;
  let told = '';

  const tell = <T extends unknown[]>(listener: ((...news: T) => void) | undefined, ...news: T) => {
    try {
      listener?.(...news);
    } catch {
      // Whoever listens must not stop the watch.
    }
  };
  const look = async () => {
    try {
      const named = await resolve(folder);
      if (named !== path) {
        const next = await load(named);
        if (stopped) return;
        const previous = router.manifest;
        router = next;
        path = named;
        tell(onSwap, next.manifest, previous);
      }
      failures = 0;
      told = '';
    } catch (error) {
      failures++;
      const message = String(error);
      if (message !== told && !stopped) tell(onError, error);
      told = message;
    }
    schedule();
  };
  const schedule = () => {
    if (stopped) return;
    cancel = after(intervalMs * Math.min(2 ** failures, LONGEST_PAUSE), () => {
      looking = look();
    });
  };
  const stop = () => {
    stopped = true;
    cancel();
    signal?.removeEventListener('abort', stop);
  };
  signal?.addEventListener('abort', stop, { once: true });
  schedule();

  return {
    get manifest() {
      return router.manifest;
    },
    get log() {
      return router.log;
    },
    get artifact() {
      return router.artifact;
    },
    get routers() {
      return router.routers;
    },
    route: (...request) => router.route(...request),
    routeEmbedding: (...request) => router.routeEmbedding(...request),
    predict: (...request) => router.predict(...request),
    predictEmbedding: (...request) => router.predictEmbedding(...request),
    feedback: (...given) => router.feedback(...given),
    async close() {
      stop();
      await looking;
      await router.close();
    },
  };
}

function unheardTimer(ms: number, done: () => void): () => void {
  const timer = setTimeout(done, ms).unref();
  return () => clearTimeout(timer);
}

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
