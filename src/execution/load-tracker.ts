import type { LoadView } from '../signals/load-view.ts';

/** Counts what is on its way to each candidate, and how long answers take lately. */
export interface LoadTracker extends LoadView {
  /** @returns to be called when it is over, with the latency if there was an answer. */
  begin(candidate: string): (latencyMs: number | null) => void;
}

/** Weight of the newest answer: about the last ten count. */
const NEWEST = 0.2;

export function createLoadTracker(): LoadTracker {
  const loads = new Map<string, { inFlight: number; latencyMs: number | null }>();
  const loadOf = (candidate: string) => {
    let load = loads.get(candidate);
    if (load === undefined) {
      load = { inFlight: 0, latencyMs: null };
      loads.set(candidate, load);
    }
    return load;
  };
  return {
    inFlight: (candidate) => loads.get(candidate)?.inFlight ?? 0,
    recentLatencyMs: (candidate) => loads.get(candidate)?.latencyMs ?? null,
    begin(candidate) {
      const load = loadOf(candidate);
      load.inFlight++;
      return (latencyMs) => {
        load.inFlight--;
        if (latencyMs === null) return;
        load.latencyMs =
          load.latencyMs === null ? latencyMs : load.latencyMs + NEWEST * (latencyMs - load.latencyMs);
      };
    },
  };
}
