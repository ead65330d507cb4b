import { useCallback, useEffect, useState } from 'preact/hooks';
import { ApiError, askJson } from './client.ts';

/** What was asked of the gateway, as far as it is there. */
export interface Loaded<T> {
  /** The last answer; null before the first. */
  readonly data: T | null;
  /** Why the last request failed; null when it did not. */
  readonly error: ApiError | null;
  readonly reload: () => void;
}

/**
 * Asks for something, and again every so often while the page can be seen.
 *
 * @param path null for nothing.
 * @param everyMs 0 for once.
 */
export function useLoaded<T>(path: string | null, everyMs = 0): Loaded<T> {
  const [asked, setAsked] = useState(0);
  const [state, setState] = useState<{
    readonly path: string | null;
    readonly data: T | null;
    readonly error: ApiError | null;
  }>({ path, data: null, error: null });
  const reload = useCallback(() => setAsked((count) => count + 1), []);
  useEffect(() => {
    if (path === null) return undefined;
    const leaving = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const load = async () => {
      if (!document.hidden || asked === 0) {
        try {
          const data = await askJson<T>(path, { signal: leaving.signal });
          setState({ path, data, error: null });
        } catch (error) {
          if (leaving.signal.aborted) return;
          const known = error instanceof ApiError ? error : new ApiError(0, 'UNEXPECTED', String(error));
          setState((before) => ({ path, data: before.path === path ? before.data : null, error: known }));
          // Who is not let in asks no more.
          if (known.status === 401) return;
        }
      }
      if (everyMs > 0 && !leaving.signal.aborted) timer = setTimeout(load, everyMs);
    };
    load();
    return () => {
      leaving.abort();
      clearTimeout(timer);
    };
  }, [path, everyMs, asked]);
  // Of another address, what is there yet is not what was asked for.
  return state.path === path
    ? { data: state.data, error: state.error, reload }
    : { data: null, error: null, reload };
}
