import type { Router } from 'pointsman';
import type { Embedder } from 'pointsman/embedder';
import type { TestPredictions } from '../evaluation/evaluation-input.ts';
import type { Matrix } from '../head/index.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import type { Split } from '../split/split.ts';

/**
 * Routes every test prompt as production would. A router whose embedder is a table is timed from the text on; for
 * the others the embedding is given, and the time is that of deciding alone.
 */
export async function predictTest(
  router: Router,
  embedder: Embedder,
  matrix: OutcomeMatrix,
  test: Split<'test'>,
  embeddings: Matrix,
): Promise<TestPredictions> {
  const columns = matrix.candidates.length;
  const cells = test.rows.length * columns;
  const numbers = new Map(matrix.candidates.map((name, c) => [name, c]));
  const [success, choice, costs, latencies] = [0, 1, 2, 3].map(() => new Float32Array(cells));
  const chosen = new Int32Array(test.rows.length);
  const decisionMicroseconds = new Float64Array(test.rows.length);
  for (const [i, row] of test.rows.entries()) {
    const { request } = matrix.prompts[row];
    const decision =
      'embedInto' in embedder
        ? await router.route(request)
        : router.routeEmbedding(
            embeddings.values.subarray(row * embeddings.columns, (row + 1) * embeddings.columns),
            request,
          );
    chosen[i] = numbers.get(decision.candidate)!;
    decisionMicroseconds[i] = decision.routerMs * 1000;
    for (const prediction of decision.predictions) {
      const at = i * columns + numbers.get(prediction.candidate)!;
      success[at] = prediction.successProbability;
      choice[at] = decision.probabilities[prediction.candidate];
      costs[at] = prediction.expectedCostUsd ?? Number.NaN;
      latencies[at] = prediction.expectedLatencyMs ?? Number.NaN;
    }
  }
  return {
    success,
    choice,
    expectedCostUsd: costs,
    expectedLatencyMs: latencies,
    chosen,
    decisionMicroseconds,
  };
}
