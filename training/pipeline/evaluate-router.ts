import { InvalidInputError, type Router } from 'pointsman';
import { evaluate } from '../evaluation/evaluate.ts';
import type { Evaluation } from '../evaluation/evaluation.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import { alignCandidates } from './align-candidates.ts';
import { predictTest } from './predict-test.ts';

export interface EvaluateRouterOptions {
  /** Of the bootstrap. @default 0 */
  readonly seed?: number;
  /** @default 2000 */
  readonly resamples?: number;
  /** How the router chooses, in a word or two. @default the kind of its policy */
  readonly policy?: string;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Measures a trained router on traffic that it has not seen: all of it is a test. Baselines go by the means that
 * the router has of its candidates; those that need training prompts (nearest neighbours, best per task) are left out.
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
  const matrix = alignCandidates(traffic, names);
  const none = new Int32Array();
  const test = { role: 'test', rows: Int32Array.from(matrix.prompts.keys()) } as const;
  const predictions = await predictTest(router, matrix, test, null, options.onProgress);
  return evaluate(
    {
      matrix,
      splits: { fit: { role: 'fit', rows: none }, calibrate: { role: 'calibrate', rows: none }, test },
      predictions,
      artifactId: manifest.id,
      policy: options.policy ?? String((manifest.policy as { kind?: unknown }).kind),
      means: {
        quality: Float64Array.from(manifest.candidates, ({ meanQuality }) => meanQuality),
        costUsd: Float64Array.from(manifest.candidates, ({ meanCostUsd }) => meanCostUsd ?? Number.NaN),
      },
    },
    { seed: options.seed ?? 0, resamples: options.resamples ?? 2000 },
  );
}
