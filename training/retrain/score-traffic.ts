import type { Router } from 'pointsman';
import { type LoadOptions, loadRouter, readArtifactFolder } from 'pointsman/node';
import type { PolicySpec } from 'pointsman/policy';
import type { ScoredTraffic } from '../drift/scored-traffic.ts';
import type { Matrix } from '../head/matrix.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';

/** The policy without its exploring: what it would choose when it is not out to learn. */
export function withoutExploring(policy: unknown): PolicySpec {
  const spec = policy as PolicySpec;
  return spec.kind === 'explore' ? withoutExploring(spec.policy) : spec;
}

/** Whether a policy explores, itself or anywhere inside it. */
export function explores(policy: unknown): boolean {
  if (policy === null || typeof policy !== 'object') return false;
  return ('kind' in policy && policy.kind === 'explore') || Object.values(policy).some(explores);
}

/** Loads one version to be judged: it chooses by its policy, but explores nothing. */
export async function loadToJudge(folder: string, options: LoadOptions = {}): Promise<Router> {
  const { manifest } = await readArtifactFolder(folder);
  return loadRouter(folder, { ...options, policy: withoutExploring(manifest.policy) });
}

/**
 * Lets a router look at every prompt.
 * @param matrix the router's candidates must be among the columns; others stay NaN
 * @param embeddings of every prompt, by the router's embedder; null lets it embed them
 */
export async function scoreTraffic(
  router: Router,
  matrix: OutcomeMatrix,
  embeddings: Matrix | null,
): Promise<ScoredTraffic> {
  const columns = matrix.candidates.length;
  const numbers = new Map(matrix.candidates.map((name, c) => [name, c]));
  const [success, costUsd, latencyMs] = [0, 1, 2].map(() =>
    new Float64Array(matrix.prompts.length * columns).fill(Number.NaN),
  );
  const chosen = new Int32Array(matrix.prompts.length);
  for (const [row, { embedding: kept, request }] of matrix.prompts.entries()) {
    const own = embeddings?.values.subarray(row * embeddings.columns, (row + 1) * embeddings.columns);
    const embedding = kept ?? own;
    const decision =
      embedding === undefined
        ? await router.route(request)
        : router.routeEmbedding(embedding, kept === undefined ? request : undefined);
    chosen[row] = numbers.get(decision.candidate)!;
    for (const {
      candidate,
      expectedCostUsd,
      expectedLatencyMs,
      successProbability,
    } of decision.predictions) {
      const cell = row * columns + numbers.get(candidate)!;
      success[cell] = successProbability;
      costUsd[cell] = expectedCostUsd ?? Number.NaN;
      latencyMs[cell] = expectedLatencyMs ?? Number.NaN;
    }
  }
  return { matrix, success, costUsd, latencyMs, chosen };
}
