import type { Router } from 'pointsman';
import type { TestPredictions } from '../evaluate/evaluation-input.ts';
import type { Matrix } from '../head/matrix.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import type { Split } from '../split/split.ts';

/**
 * Routes every test prompt as production would.
 *
 * @param embeddings of every prompt of the matrix, where the router's embedder is slow: the times are then those of
 * deciding alone. Null where it is a table, or prompts are to be embedded as they come.
 */
export async function predictTest(
  router: Router,
  matrix: OutcomeMatrix,
  test: Split<'test'>,
  embeddings: Matrix | null,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<TestPredictions> {
  const columns = matrix.candidates.length;
  const cells = test.rows.length * columns;
  const numbers = new Map(matrix.candidates.map((name, c) => [name, c]));
  const [success, choice, costs, latencies] = [0, 1, 2, 3].map(() => new Float32Array(cells));
  const removed = new Uint8Array(cells);
  const chosen = new Int32Array(test.rows.length);
  const decisionMicroseconds = new Float64Array(test.rows.length);
  for (const [i, row] of test.rows.entries()) {
    const { request, embedding: kept } = matrix.prompts[row];
    const own = embeddings?.values.subarray(row * embeddings.columns, (row + 1) * embeddings.columns);
    const embedding = kept ?? own;
    const decision =
      embedding === undefined
        ? await router.route(request)
        : router.routeEmbedding(embedding, kept === undefined ? request : undefined);
    onProgress(i + 1, test.rows.length);
    chosen[i] = numbers.get(decision.candidate)!;
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
    removed,
    decisionMicroseconds,
  };
}
