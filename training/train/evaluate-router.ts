import { InvalidInputError, type PolicySpec, type Router } from 'pointsman';
import { evaluate } from '../evaluate/evaluate.ts';
import type { Evaluation } from '../evaluate/evaluation.ts';
import type { EvaluationInput } from '../evaluate/evaluation-input.ts';
import { isReadOff } from '../evaluation/is-read-off.ts';
import { type LoggingPropensities, loggingPropensities } from '../off-policy/propensities.ts';
import { withTokenCosts } from '../outcomes/amounts.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import { alignCandidates } from '../pipeline/align-candidates.ts';
import { predictTest } from '../pipeline/predict-test.ts';
import { openEmbedder } from '../pipeline/router-embedder.ts';
import { seenOfPrompts } from '../pipeline/seen-of-prompts.ts';
import { groupPrompts } from '../split/prompt-groups.ts';
import { embedPrompts, keptEmbeddings } from './embed-prompts.ts';

export interface EvaluateRouterOptions {
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
  const test = { role: 'test', rows: options.rows ?? Int32Array.from(matrix.prompts.keys()) } as const;
  const predictions = await predictTest(router, matrix, test, null, options.onProgress);
  const { offPolicy = 'auto', onPropensities = () => {} } = options;
  const settings = { seed: options.seed ?? 0, resamples: options.resamples ?? 2000, offPolicy };
  const groups = options.groups ?? groupPrompts(traffic).groups;
  const input: EvaluationInput = {
    matrix,
    groups,
    splits: { fit: { role: 'fit', rows: none }, calibrate: { role: 'calibrate', rows: none }, test },
    predictions,
    artifactId: manifest.id,
    policy: options.policy ?? String((manifest.policy as { kind?: unknown }).kind),
    dial: {
      candidates: manifest.candidates,
      policy: options.policySpec ?? manifest.policy,
      calibrate: null,
      found: options.dial ?? {},
    },
    means: {
      quality: Float64Array.from(manifest.candidates, ({ meanQuality }) => meanQuality),
      costUsd: Float64Array.from(manifest.candidates, ({ meanCostUsd }) => meanCostUsd ?? Number.NaN),
    },
  };
  if (offPolicy === 'auto') {
    const evaluation = evaluate(input, settings);
    if (evaluation.coverage.kind === 'none' || isReadOff(matrix, test.rows, evaluation.coverage))
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
