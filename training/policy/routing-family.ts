/**
 * Ways to route that one dial runs through, from "everything to the last, strongest candidate" to "everything to the
 * first". What a setting does with a row depends on predictions alone.
 */
export interface RoutingFamily {
  /** Values of the dial, safest first. Fixed beforehand. */
  readonly dials: Float64Array;
  /** Candidates in the order of the matrix, cheapest first, the one that loss is measured against last. */
  readonly candidates: readonly number[];
  /** Which candidate takes the row of predictions that starts at `at`. @param success `[rows, candidates]` */
  choose(dial: number, success: Float32Array, at: number): number;
}

const STEPS = 400;

/** Strong where it is likelier to answer well by more than the dial. */
export function thresholdFamily(weak: number, strong: number): RoutingFamily {
  return {
    dials: Float64Array.from({ length: STEPS + 1 }, (_, i) => -1 + (2 * i) / STEPS),
    candidates: [weak, strong],
    choose: (dial, success, at) => (success[at + strong] - success[at + weak] > dial ? strong : weak),
  };
}

/** The first whose success probability is at least the dial, else the last. */
export function cascadeFamily(candidates: readonly number[]): RoutingFamily {
  const last = candidates[candidates.length - 1];
  return {
    dials: Float64Array.from({ length: STEPS + 1 }, (_, i) => 1 - i / STEPS),
    candidates,
    choose(dial, success, at) {
      for (const c of candidates) if (success[at + c] >= dial) return c;
      return last;
    },
  };
}
