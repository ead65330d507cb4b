/** How busy the candidates are, as the executor sees it. Reading it must be cheap: it is asked at every decision. */
export interface LoadView {
  /** Requests on their way to this candidate now; 0 for one that is not known. */
  inFlight(candidate: string): number;
  /** Recent latency in milliseconds, a moving average over its last answers; null before the first. */
  recentLatencyMs(candidate: string): number | null;
}
