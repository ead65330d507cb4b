import type { Router } from 'pointsman';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import type { PredictedRows } from '../tune/tune-policy.ts';

/**
 * The router's calibrated success for some prompts, columns in the order of the matrix; NaN for candidates that the
 * router does not know.
 */
export async function predictSuccess(
  router: Router,
  matrix: OutcomeMatrix,
  rows: Int32Array,
): Promise<PredictedRows> {
  const columns = matrix.candidates.length;
  const names = router.manifest.candidates.map(({ name }) => name);
  const from = matrix.candidates.map((name) => names.indexOf(name));
  const success = new Float32Array(rows.length * columns);
  for (const [i, row] of rows.entries()) {
    const { embedding, request } = matrix.prompts[row];
    const predictions =
      embedding === undefined ? await router.predict(request) : router.predictEmbedding(embedding);
    from.forEach((at, c) => {
      success[i * columns + c] = at === -1 ? Number.NaN : predictions.success[at];
    });
  }
  return { rows, success };
}
