import { InvalidInputError, type UtilityWeights } from 'pointsman';
import {
  type AcceptTest,
  type AnswerScore,
  type AnswerScorer,
  argMax,
  type CascadeRouting,
  createPolicy,
  nextToAsk,
  type PolicyCandidate,
  type PolicyContext,
} from 'pointsman/internal';
import type { OutcomeMatrix } from '../outcomes/matrix.ts';

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

interface CascadeShape {
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
    dials: Float64Array.from({ length: STEPS + 1 }, (_, i) => (2 * i - STEPS) / STEPS),
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
  // Halves of a dial's steps have five digits; sums of doubles may have seventeen.
  const threshold = (dial: number, step: number) =>
    Math.round(1e6 * (1 - reaches[step] + reaches[step] * dial)) / 1e6;
  /** The number of the step that answers. */
  const stepOf: RoutingFamily['choose'] = (dial, scores, at) => {
    for (let step = 0; step < last; step++) {
      if (scores[at + candidates[step]] >= threshold(dial, step)) return step;
    }
    return last;
  };
  return {
    dials: Float64Array.from({ length: STEPS + 1 }, (_, i) => (STEPS - i) / STEPS),
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
 *
 * @param options `seesEarlier`: scores depend on the answers of those before, so that only the first can be alone. @default false
 */
export function cascadePaths(
  candidates: readonly number[],
  asked = 0,
  { seesEarlier = false }: { readonly seesEarlier?: boolean } = {},
): RoutingFamily[] {
  const strongest = candidates[candidates.length - 1];
  const steps = candidates.slice(0, -1);
  const paths = [cascadeFamily(candidates, { asked })];
  if (steps.length < 2) return paths;
  for (const step of steps) {
    if (!seesEarlier || step === steps[0]) paths.push(cascadeFamily([step, strongest], { asked }));
    const reaches = steps.map((other) => (other === step ? 0.5 : 1));
    paths.push(cascadeFamily(candidates, { asked, reaches }));
  }
  return paths;
}

/** Whom cascade routing asked, by the numbers of its steps, and whose answer it gives. */
interface Routed {
  readonly asked: readonly number[];
  readonly best: number;
}

/**
 * As cascade routing is carried out where nobody fails: whoever promises most for its price, given the answers so far, while that is
 * worth it.
 *
 * @param give asks a step, those that were asked before known: what the answer head says of its answer by itself, and whether it passes
 */
export function routeByAnswers(
  routing: CascadeRouting,
  give: (step: number, asked: readonly number[]) => { readonly score: AnswerScore; readonly passes: boolean },
  weigh: AnswerScorer['weigh'],
): Routed {
  const asked: number[] = [];
  const given: ReturnType<typeof give>[] = [];
  let left = [...routing.promises.keys()];
  let next = 0;
  for (;;) {
    left = left.filter((each) => each !== next);
    given.push(give(next, [...asked]));
    asked.push(next);
    const { probabilities, unasked } = weigh(given.map(({ score }) => score));
    const isPassed = given.some(({ passes }) => passes);
    const best = argMax(probabilities.map((each, i) => (isPassed && !given[i].passes ? -1 : each)));
    const following = left.length === 0 ? null : nextToAsk(routing, left, unasked);
    if (following === null || (isPassed ? probabilities[best] : 0) >= following.under)
      return { asked, best: asked[best] };
    next = following.step;
  }
}

/** A test of answers whose threshold can be tuned, without the threshold. */
export type TunableTest =
  | { readonly kind: 'logprob' }
  | { readonly kind: 'agreement'; readonly samples: number }
  | { readonly kind: 'verifier'; readonly verifier: string }
  | { readonly kind: 'answer' };

/** Mean log-probabilities lower than this are this: of a whole answer they say no more. */
const LOWEST_LOGPROB = -20;

/**
 * Scores of answers as a dial from 0 to 1 can be held against: log-probabilities as the mean token's probability, the
 * others as they are. NaN stays: nothing is known, and such an answer does not pass.
 *
 * @throws InvalidInputError when a score is out of the test's range
 */
export function acceptScores(test: TunableTest, scores: Float32Array): Float32Array {
  const isLogprob = test.kind === 'logprob';
  return scores.map((score) => {
    if (Number.isNaN(score)) return score;
    if (isLogprob ? score <= 0 : score >= 0 && score <= 1) return isLogprob ? Math.exp(score) : score;
    throw new InvalidInputError(
      isLogprob
        ? `Scores for \`logprob\` must be mean log-probabilities a token, at most 0. Got ${score}. Give the natural logarithm.`
        : `Scores for \`${test.kind}\` must be from 0 to 1. Got ${score}. Divide by the most there can be.`,
    );
  });
}

/** How often a step is asked before its answer is judged. */
export function timesAsked(test: TunableTest): number {
  return test.kind === 'agreement' ? test.samples : 1;
}

/** The test with its threshold, in its own unit. @param threshold from 0 to 1, as {@link acceptScores} has it */
export function acceptTest(test: TunableTest, threshold: number): AcceptTest {
  switch (test.kind) {
    case 'logprob':
      return { kind: 'logprob', min: Math.max(LOWEST_LOGPROB, Math.log(threshold)) };
    case 'agreement':
      return { ...test, min: threshold };
    case 'verifier':
      return { ...test, min: threshold };
    case 'answer':
      return { ...test, threshold };
  }
}

/** What a setting of the dial does on some rows. */
export interface SettingFigures {
  readonly rows: number;
  /** Mean quality of the last candidate minus that of the chosen ones. */
  readonly loss: number;
  readonly quality: number;
  /** Share of rows that the last candidate answers. */
  readonly strongShare: number;
  /** Share of the cost of always asking the last candidate that is saved, everybody asked in vain included; null where costs are not known. */
  readonly costSaved: number | null;
}

/** Loss of each row against the last candidate, in [-1, 1]. */
export function lossesOf(family: RoutingFamily, dial: number, rows: TuningRows): Float64Array {
  const { columns, quality, success: scores } = rows;
  const last = family.candidates[family.candidates.length - 1];
  const losses = new Float64Array(quality.length / columns);
  for (let row = 0, at = 0; row < losses.length; row++, at += columns) {
    losses[row] = quality[at + last] - quality[at + family.choose(dial, scores, at)];
  }
  return losses;
}

export function measureSetting(family: RoutingFamily, dial: number, rows: TuningRows): SettingFigures {
  const { columns, quality, costUsd, success: scores } = rows;
  const count = quality.length / columns;
  const last = family.candidates[family.candidates.length - 1];
  const sums = { loss: 0, quality: 0, strong: 0, cost: 0, lastCost: 0 };
  for (let row = 0; row < count; row++) {
    const at = row * columns;
    const chosen = family.choose(dial, scores, at);
    sums.loss += quality[at + last] - quality[at + chosen];
    sums.quality += quality[at + chosen];
    if (chosen === last) sums.strong++;
    sums.cost += family.cost(dial, scores, costUsd, at);
    sums.lastCost += costUsd[at + last];
  }
  const saved = 1 - sums.cost / sums.lastCost;
  return {
    rows: count,
    loss: sums.loss / count,
    quality: sums.quality / count,
    strongShare: sums.strong / count,
    costSaved: Number.isFinite(saved) ? saved : null,
  };
}

/** What is known of prompts: outcomes, and what the router says of them. */
export interface TuningRows {
  /** How many candidates a row of the arrays has. */
  readonly columns: number;
  readonly quality: Float32Array; // [rows, candidates], NaN: unobserved
  readonly costUsd: Float32Array; // [rows, candidates]
  /** What is held against the thresholds: calibrated success, or the score of the answer that was given. */
  readonly success: Float32Array; // [rows, candidates]
  /** Near-duplicate group of each row: rows of one count as one draw. */
  readonly groups: Int32Array; // [rows]
}

/**
 * The rows on which every one of these candidates was observed.
 *
 * @param success calibrated success of each row, `[rows, candidates]`
 * @param groups near-duplicate group of each prompt of the matrix
 * @throws InvalidInputError when there are fewer than `least`
 */
export function tuningRows(
  matrix: Pick<OutcomeMatrix, 'quality' | 'costUsd' | 'candidates'>,
  rows: Int32Array,
  success: Float32Array,
  candidates: readonly number[],
  groups: Int32Array,
  { least = 50 }: { readonly least?: number } = {},
): TuningRows {
  const columns = matrix.candidates.length;
  const kept: number[] = [];
  rows.forEach((row, i) => {
    if (candidates.every((c) => !Number.isNaN(matrix.quality[row * columns + c]))) kept.push(i);
  });
  if (kept.length < least) {
    throw new InvalidInputError(
      `Tuning needs ${least} prompts on which ${candidates.map((c) => matrix.candidates[c]).join(' and ')} were all ` +
        `observed. Got ${kept.length}. Collect answers of all of them for some prompts.`,
    );
  }
  const gather = (values: Float32Array, at: (i: number) => number) => {
    const out = new Float32Array(kept.length * columns);
    kept.forEach((i, k) => {
      out.set(values.subarray(at(i) * columns, (at(i) + 1) * columns), k * columns);
    });
    return out;
  };
  return {
    columns,
    quality: gather(matrix.quality, (i) => rows[i]),
    costUsd: gather(matrix.costUsd, (i) => rows[i]),
    success: gather(success, (i) => i),
    groups: Int32Array.from(kept, (i) => groups[rows[i]]),
  };
}

const STEPS_A_DECADE = 8;

/**
 * Weights of a utility policy from the highest quality to the lowest cost, the safest first. Fixed beforehand, as
 * testing them in this order needs; numbers of three digits, so that what is written down is what was tested.
 */
export const WEIGHT_SETTINGS: readonly UtilityWeights[] = [
  { quality: 1, cost: 0, latency: 0 },
  ...Array.from({ length: 6 * STEPS_A_DECADE + 1 }, (_, step) => ({
    quality: 1,
    cost: Number((10 ** (step / STEPS_A_DECADE - 3)).toPrecision(3)),
    latency: 0,
  })),
  { quality: 0, cost: 1, latency: 0 },
];

/** What a router says of some prompts, for policies of other weights. NaN: not known. */
interface WeighedPredictions {
  readonly success: Float32Array; // [rows, candidates]
  readonly expectedCostUsd: Float32Array; // [rows, candidates]
  readonly expectedLatencyMs: Float32Array; // [rows, candidates]
  /** 1 where the policy's limits, or what the request needs, removed a candidate. Absent: nowhere. */
  readonly removed?: Uint8Array; // [rows, candidates]
}

/** What a policy decides by where only predictions count; they are to be set before it does. @param columns of the predictions */
export function barePolicyContext(columns: number): PolicyContext {
  return {
    predictions: {
      choice: new Float64Array(columns),
      success: new Float64Array(columns),
      costUsd: new Float64Array(columns),
      latencyMs: new Float64Array(columns),
    },
    needs: { tokens: 0, modalities: [], tools: false },
    overrides: {},
    signals: () => {
      throw new Error('Such a policy looks at no signals.');
    },
    novelty: () => null,
    uncertainty: () => undefined,
    random: () => 0,
  };
}

/**
 * Whom a utility policy of these weights would choose, by the code that ships.
 * @param candidates in the order of the predictions' columns @returns `[rows]`
 */
export function chooseByWeights(
  candidates: readonly PolicyCandidate[],
  { expectedCostUsd, expectedLatencyMs, removed, success }: WeighedPredictions,
  weights: UtilityWeights,
): Int32Array {
  const columns = candidates.length;
  const policy = createPolicy({ kind: 'utility', weights }, candidates);
  const context = barePolicyContext(columns);
  const { predictions } = context;
  const names = candidates.map(({ name }) => name);
  return Int32Array.from({ length: success.length / columns }, (_, row) => {
    const [from, to] = [row * columns, (row + 1) * columns];
    predictions.success.set(success.subarray(from, to));
    predictions.costUsd.set(expectedCostUsd.subarray(from, to));
    predictions.latencyMs.set(expectedLatencyMs.subarray(from, to));
    const out = removed?.subarray(from, to);
    const isLimited = out?.includes(1) && out.includes(0);
    const overrides = isLimited ? { limits: { allow: names.filter((_, c) => out![c] === 0) } } : {};
    return policy.decide({ ...context, overrides }).order[0];
  });
}
