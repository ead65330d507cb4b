import { useEffect, useState } from 'preact/hooks';
import type { LiveRow, LiveRows } from '../../admin/live-area.ts';
import { ApiError, ask, eventsOf } from './client.ts';

/** Decisions as they come. */
export interface Live {
  /** The newest first. */
  readonly rows: readonly LiveRow[];
  readonly state: 'connecting' | 'watching' | 'lost';
  /** Rows that came too fast to be shown. */
  readonly leftOut: number;
  readonly error: ApiError | null;
}

/** More are dropped, the oldest first. */
const MOST_ROWS = 5000;
const AGAIN_AFTER_MS = 2000;

/** Watches decisions while the page is shown; after a connection is lost it tries again. */
export function useLiveRows(): Live {
  const [live, setLive] = useState<Live>({ rows: [], state: 'connecting', leftOut: 0, error: null });
  useEffect(() => {
    const leaving = new AbortController();
    const { signal } = leaving;
    const watch = async () => {
      for (;;) {
        try {
          const response = await ask('/admin/live', { signal });
          setLive((before) => ({ ...before, state: 'watching', error: null }));
          for await (const data of eventsOf(response)) {
            const event: LiveRows = JSON.parse(data);
            setLive((before) => ({
              ...before,
              rows: merged(before.rows, event.rows),
              leftOut: before.leftOut + event.leftOut,
            }));
          }
        } catch (error) {
          if (signal.aborted) return;
          if (error instanceof ApiError && error.status !== 0) {
            setLive((before) => ({ ...before, state: 'lost', error }));
            return;
          }
        }
        if (signal.aborted) return;
        setLive((before) => ({ ...before, state: 'lost' }));
        await new Promise((resolve) => setTimeout(resolve, AGAIN_AFTER_MS));
      }
    };
    watch();
    return () => leaving.abort();
  }, []);
  return live;
}

/** @param changed the oldest first; a row that is there already is put in its own place */
export function merged(rows: readonly LiveRow[], changed: readonly LiveRow[]): LiveRow[] {
  const byId = new Map(changed.map((row) => [row.id, row]));
  const kept = rows.map((row) => {
    const newer = byId.get(row.id);
    byId.delete(row.id);
    return newer ?? row;
  });
  return [...[...byId.values()].reverse(), ...kept].slice(0, MOST_ROWS);
}
