/**
 * Ways to route that one dial runs through, from "everything to the last, strongest candidate" to "everything to the
 * first". What a setting does with a row depends on its scores alone: what the router predicts, or what a test made
 * of the answers.
 */
export interface RoutingFamily {
  /** Values of the dial, safest first. Fixed beforehand. */
  readonly dials: Float64Array;
  /** Candidates in the order of the matrix, cheapest first, the one that loss is measured against last. */
  readonly candidates: readonly number[];
  /** Which candidate's answer the row is given whose scores start at `at`. @param scores `[rows, candidates]` */
  choose(dial: number, scores: Float32Array, at: number): number;
  /** What that costs, in the unit of the costs. @param costs `[rows, candidates]` */
  cost(dial: number, scores: Float32Array, costs: Float32Array, at: number): number;
  /** What the dial means: one threshold for each candidate but the last, or one for two. */
  thresholds(dial: number): readonly number[];
}

export interface CascadeShape {
  /**
   * How far the threshold of each step but the last comes down while the dial runs from 1 to 0, from 0 (it stays
   * at 1) to 1. @default 1 for each: all have the same threshold
   */
  readonly reaches?: readonly number[];
  /**
   * How often a step is asked before its answers are judged, so that whoever is asked in vain is paid too; 0 when
   * it is judged beforehand, and only who answers is asked. @default 0
   */
  readonly asked?: number;
}

const STEPS = 400;

/** Strong where it is likelier to answer well by more than the dial. */
export function thresholdFamily(weak: number, strong: number): RoutingFamily {
  const choose: RoutingFamily['choose'] = (dial, scores, at) =>
    scores[at + strong] - scores[at + weak] > dial ? strong : weak;
  return {
    dials: Float64Array.from({ length: STEPS + 1 }, (_, i) => -1 + (2 * i) / STEPS),
    candidates: [weak, strong],
    choose,
    cost: (dial, scores, costs, at) => costs[at + choose(dial, scores, at)],
    thresholds: (dial) => [dial],
  };
}

/** The first whose score is at least its threshold, else the last. One without a score is passed over. */
export function cascadeFamily(candidates: readonly number[], shape: CascadeShape = {}): RoutingFamily {
  const { asked = 0 } = shape;
  const last = candidates.length - 1;
  const reaches = shape.reaches ?? candidates.slice(0, last).map(() => 1);
  const threshold = (dial: number, step: number) => 1 - reaches[step] * (1 - dial);
  /** The number of the step that answers. */
  const stepOf: RoutingFamily['choose'] = (dial, scores, at) => {
    for (let step = 0; step < last; step++) {
      if (scores[at + candidates[step]] >= threshold(dial, step)) return step;
    }
    return last;
  };
  return {
    dials: Float64Array.from({ length: STEPS + 1 }, (_, i) => 1 - i / STEPS),
    candidates,
    choose: (dial, scores, at) => candidates[stepOf(dial, scores, at)],
    cost(dial, scores, costs, at) {
      const step = stepOf(dial, scores, at);
      if (asked === 0) return costs[at + candidates[step]];
      let sum = 0;
      for (let s = 0; s <= step; s++) sum += (s === last ? 1 : asked) * costs[at + candidates[s]];
      return sum;
    },
    thresholds: (dial) => reaches.map((_, step) => threshold(dial, step)),
  };
}

/**
 * Cascades whose thresholds come down along different paths: all together; each step alone, the others left out; each
 * step by half while the others come down whole. Few, as each path takes its part of the level that is tested at, and
 * fixed beforehand, as testing needs.
 */
export function cascadePaths(candidates: readonly number[], asked = 0): RoutingFamily[] {
  const strongest = candidates[candidates.length - 1];
  const steps = candidates.slice(0, -1);
  const paths = [cascadeFamily(candidates, { asked })];
  if (steps.length < 2) return paths;
  for (const step of steps) {
    paths.push(cascadeFamily([step, strongest], { asked }));
    const reaches = steps.map((other) => (other === step ? 0.5 : 1));
    paths.push(cascadeFamily(candidates, { asked, reaches }));
  }
  return paths;
}
