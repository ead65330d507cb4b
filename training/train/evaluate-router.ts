import { InvalidInputError, type PlanStep, type PolicySpec, type Router, readPrompt } from 'pointsman';
import { embedPrompts, keptEmbeddings } from '../embed/embed.ts';
import { openEmbedder } from '../embed/embedders.ts';
import { isReadOff } from '../evaluate/compare.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import type { Evaluation, Ways } from '../evaluate/evaluation.ts';
import type { EvaluationInput, TestPredictions } from '../evaluate/evaluation-input.ts';
import { outcomesOfPlans } from '../evaluate/plan-outcomes.ts';
import { answersFor } from '../evaluate/ways.ts';
import { fitFeatures } from '../features/fit-features.ts';
import type { Matrix } from '../fit/rows.ts';
import { type LoggingPropensities, loggingPropensities } from '../off-policy/propensities.ts';
import { withTokenCosts } from '../outcomes/amounts.ts';
import { areHashed, mapCells, type OutcomeMatrix } from '../outcomes/matrix.ts';
import { groupPrompts, nameSplits, type Split } from '../split/split.ts';

interface EvaluateRouterOptions {
  /** Of the bootstrap. @default 0 */
  readonly seed?: number;
  /** @default 2000 */
  readonly resamples?: number;
  /** How the router chooses, in a word or two. @default the kind of its policy */
  readonly policy?: string;
  /** The policy that it was loaded with instead of its own. @default none */
  readonly policySpec?: PolicySpec;
  /** Weights of dial settings that keep to a loss, as training found them, or why it found none. @default they are left out */
  readonly dial?: NonNullable<EvaluationInput['dial']>['found'];
  /** Ways to ask, as training found their settings. @default they are not compared */
  readonly ways?: Ways | undefined;
  /**
   * Whether figures are estimated off-policy: where the traffic holds too little of each prompt to read them off, or
   * always.
   * @default 'auto'
   */
  readonly offPolicy?: 'auto' | 'always';
  /** The prompts that it is measured on: rows of the traffic, ascending, such as the unseen of `partBySeen`. @default all of them */
  readonly rows?: Int32Array;
  /** Near-duplicate group of each prompt of the traffic. @default they are found */
  readonly groups?: Int32Array;
  readonly onProgress?: (done: number, total: number) => void;
  /** Called when the propensities of the traffic are about to be found. */
  readonly onPropensities?: () => void;
}

/**
 * Measures a trained router on traffic that it has not seen: all of it is a test, or the `rows` that are named. Baselines go by the means that
 * the router has of its candidates; those that need training prompts (nearest neighbours, best per task) are left out.
 * Traffic with one candidate per prompt is measured off-policy: by propensities that it logs, or that are fitted to it.
 *
 * @throws InvalidInputError when the traffic has fewer than two of the router's candidates.
 */
export async function evaluateRouter(
  router: Router,
  traffic: OutcomeMatrix,
  options: EvaluateRouterOptions = {},
): Promise<Evaluation> {
  const { manifest } = router;
  const names = manifest.candidates.map(({ name }) => name);
  const shared = names.filter((name) => traffic.candidates.includes(name));
  if (shared.length < 2) {
    throw new InvalidInputError(
      `The traffic must have at least two of the router's candidates: ${names.join(', ')}. Got ` +
        `${traffic.candidates.join(', ')}. Evaluate on traffic with the same names.`,
    );
  }
  const prices = Object.fromEntries(manifest.candidates.map((candidate) => [candidate.name, candidate]));
  const matrix = withTokenCosts(alignCandidates(traffic, names), prices);
  const none = new Int32Array();
  const splits = nameSplits(none, none, options.rows ?? Int32Array.from(matrix.prompts.keys()));
  const { onProgress } = options;
  const predictions = await predictTest(router, matrix, splits.test, null, { onProgress });
  const told = await predictTold(router, matrix, splits.test, null);
  const { offPolicy = 'auto', onPropensities = () => {} } = options;
  const settings = { seed: options.seed ?? 0, resamples: options.resamples ?? 2000, offPolicy };
  const groups = options.groups ?? groupPrompts(traffic).groups;
  const input: EvaluationInput = {
    matrix,
    groups,
    splits,
    predictions,
    told,
    artifactId: manifest.id,
    policy: options.policy ?? String((manifest.policy as { kind?: unknown }).kind),
    dial: {
      candidates: manifest.candidates,
      policy: options.policySpec ?? manifest.policy,
      calibrate: null,
      found: options.dial ?? {},
      ...(options.ways && {
        foundWays: options.ways,
        answers: await answersFor(router.artifact, matrix),
      }),
    },
    means: {
      quality: Float64Array.from(manifest.candidates, ({ meanQuality }) => meanQuality ?? Number.NaN),
      costUsd: Float64Array.from(manifest.candidates, ({ meanCostUsd }) => meanCostUsd ?? Number.NaN),
    },
  };
  if (offPolicy === 'auto') {
    const evaluation = evaluate(input, settings);
    if (evaluation.coverage.kind === 'none' || isReadOff(matrix, splits.test.rows, evaluation.coverage))
      return evaluation;
  }
  onPropensities();
  const propensities = await routerPropensities(traffic, names, groups, settings.seed);
  return evaluate({ ...input, propensities }, settings);
}

/**
 * Propensities of traffic for a router's candidates. Fitted, where they are not logged, on the embeddings that the traffic
 * keeps, or else on what the static embedder sees, at hand whatever embedder the router has, and on the numeric signals.
 * @param names of the router's candidates
 */
export async function routerPropensities(
  traffic: OutcomeMatrix,
  names: readonly string[],
  groups: Int32Array,
  seed: number,
): Promise<LoggingPropensities> {
  const embeddings =
    keptEmbeddings(traffic) ??
    (await embedPrompts(traffic, (await openEmbedder({ kind: 'static' })).embedder));
  const features = () => seenOfPrompts(traffic, embeddings);
  const propensities = await loggingPropensities(traffic, { features, groups, seed });
  const { candidates, prompts } = traffic;
  const from = names.map((name) => candidates.indexOf(name));
  const align = (cells: Float64Array, missing: (row: number) => number) =>
    Float64Array.from({ length: prompts.length * names.length }, (_, i) => {
      const row = Math.floor(i / names.length);
      const column = from[i % names.length];
      return column === -1 ? missing(row) : cells[row * candidates.length + column];
    });
  const { policy, values } = propensities;
  return {
    ...propensities,
    values: align(values, () => Number.NaN),
    // What the log says of a prompt's candidates, it says of all of them.
    ...(policy === undefined
      ? {}
      : { policy: align(policy, (row) => (Number.isNaN(policy[row * candidates.length]) ? Number.NaN : 0)) }),
  };
}

/**
 * The same prompts with other columns: those named, in their order. What the matrix does not have is unobserved;
 * what it has beside them is dropped.
 */
export function alignCandidates(matrix: OutcomeMatrix, names: readonly string[]): OutcomeMatrix {
  const { candidates, prompts } = matrix;
  const from = names.map((name) => candidates.indexOf(name));
  const take = (values: Float32Array) =>
    Float32Array.from({ length: prompts.length * names.length }, (_, i) => {
      const column = from[i % names.length];
      return column === -1 ? Number.NaN : values[Math.floor(i / names.length) * candidates.length + column];
    });
  return { candidates: names, prompts, ...mapCells(matrix, take) };
}

interface PredictOptions {
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Whether the router is told the task that the traffic gives. @default false */
  readonly isTold?: boolean;
  /** Whether it is found what comes of plans that may ask several candidates: not where only predictions count. @default true */
  readonly followsPlans?: boolean;
}

/**
 * Routes every test prompt as production would, and finds what comes of plans that may ask several candidates.
 *
 * @param embeddings of every prompt of the matrix, where the router's embedder is slow: the times are then those of
 * deciding alone. Null where it is a table, or prompts are to be embedded as they come.
 */
export async function predictTest(
  router: Router,
  matrix: OutcomeMatrix,
  test: Split<'test'>,
  embeddings: Matrix | null,
  { followsPlans = true, isTold = false, onProgress = () => {} }: PredictOptions = {},
): Promise<TestPredictions> {
  const columns = matrix.candidates.length;
  const cells = test.rows.length * columns;
  const numbers = new Map(matrix.candidates.map((name, c) => [name, c]));
  const [success, choice, costs, latencies] = [0, 1, 2, 3].map(() =>
    new Float32Array(cells).fill(Number.NaN),
  );
  const removed = new Uint8Array(cells);
  const chosen = new Int32Array(test.rows.length);
  const plans: PlanStep[] = [];
  const decisionMicroseconds = new Float64Array(test.rows.length);
  for (const [i, row] of test.rows.entries()) {
    const { request, embedding: kept, task } = matrix.prompts[row];
    const options = isTold && task !== null ? { signals: { task } } : undefined;
    const own = embeddings?.values.subarray(row * embeddings.columns, (row + 1) * embeddings.columns);
    const embedding = kept ?? own;
    const decision =
      embedding === undefined
        ? await router.route(request, options)
        : router.routeEmbedding(embedding, kept === undefined ? request : undefined, options);
    onProgress(i + 1, test.rows.length);
    chosen[i] = numbers.get(decision.candidate)!;
    plans.push(decision.plan);
    decisionMicroseconds[i] = decision.routerMs * 1000;
    for (const prediction of decision.predictions) {
      const at = i * columns + numbers.get(prediction.candidate)!;
      success[at] = prediction.successProbability;
      choice[at] = decision.probabilities[prediction.candidate];
      costs[at] = prediction.expectedCostUsd ?? Number.NaN;
      latencies[at] = prediction.expectedLatencyMs ?? Number.NaN;
      removed[at] = Number(prediction.removedBy !== undefined);
    }
  }
  return {
    success,
    choice,
    expectedCostUsd: costs,
    expectedLatencyMs: latencies,
    chosen,
    plans: followsPlans
      ? await outcomesOfPlans(router.artifact, matrix, { rows: test.rows, plans, success })
      : null,
    removed,
    decisionMicroseconds,
  };
}

/** What the router chooses for every test prompt where it is told the task; null where it has learned none of them. */
export async function predictTold(
  router: Router,
  matrix: OutcomeMatrix,
  test: Split<'test'>,
  embeddings: Matrix | null,
): Promise<NonNullable<EvaluationInput['told']> | null> {
  const { task } = router.manifest;
  const names = new Set(task?.told === undefined ? [] : task.names);
  if (!test.rows.some((row) => names.has(matrix.prompts[row].task ?? ''))) return null;
  const { chosen, plans } = await predictTest(router, matrix, test, embeddings, { isTold: true });
  return { chosen, ...(plans ? { plans } : {}) };
}

/**
 * What can be seen of prompts whatever router is asked: their embedding, and, where their words are kept, the numeric
 * signals. Who answered which prompt may have gone by any of it, so missing propensities are fitted on it.
 *
 * @param embeddings of every prompt: `[prompts, dimensions]` @param rows prompts that say how much each feature varies
 * @returns standardised, `[prompts, features]`
 */
export function seenOfPrompts(
  matrix: Pick<OutcomeMatrix, 'prompts'>,
  embeddings: Matrix,
  rows: Int32Array = Int32Array.from(matrix.prompts.keys()),
): Matrix {
  const { matrix: features } = fitFeatures(
    matrix.prompts.map(({ request }) => readPrompt(request)),
    embeddings,
    { role: 'fit', rows },
    { embedder: '', dimensions: embeddings.columns, ngrams: null, numeric: !areHashed(matrix) },
  );
  return features;
}
