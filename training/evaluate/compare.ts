import { columnMeans, type TrainMeans } from '../evaluation/train-means.ts';
import type { DoubtTable } from '../off-policy/score-doubt.ts';
import type { Coverage } from './evaluation.ts';
import type { EvaluationInput } from './evaluation-input.ts';

/** The part of the test split on which every way to choose has a known quality. */
export interface Comparison {
  /** Positions in the test split: [rows] */
  readonly positions: Int32Array;
  /** Prompt numbers in the matrix: [rows] */
  readonly prompts: Int32Array;
  /** Near-duplicate group of each row. */
  readonly groups: Int32Array; // [rows]
  /** Numbers of the candidates that are compared, ascending. */
  readonly compared: readonly number[];
  /** Complete for compared candidates, NaN for others: [rows, candidates] */
  readonly quality: Float64Array;
  /** The same; null where a compared candidate's cost is nowhere known. */
  readonly costUsd: Float64Array | null; // [rows, candidates]
  /** As observed, NaN where it was not. */
  readonly latencyMs: Float64Array; // [rows, candidates]
  /** What the router chose: [rows] */
  readonly chosen: Int32Array;
  /** Where qualities are doubly robust scores: what is behind them. */
  readonly doubt?: DoubtTable;
}

/**
 * Picks the rows on which a comparison is fair: those where every compared candidate was observed. A candidate is
 * compared when at least half of the rows that hold two or more outcomes hold one of it. Where no row holds two,
 * as in a log of one model per prompt, routed quality cannot be read off and `comparison` is null.
 */
export function compareRows(
  { matrix, splits, predictions, groups }: EvaluationInput,
  means: TrainMeans,
): { comparison: Comparison | null; coverage: Coverage } {
  const candidates = matrix.candidates.length;
  const test = splits.test.rows;
  const { observed, together, shared, most } = countObserved(matrix.quality, candidates, test);
  const compared = Array.from({ length: candidates }, (_, c) => c).filter(
    (c) => together[c] > 0 && together[c] * 2 >= shared,
  );
  const complete = Int32Array.from(test, (_, i) => i).filter(
    (i) =>
      compared.length > 1 && compared.every((c) => !Number.isNaN(matrix.quality[test[i] * candidates + c])),
  );
  const isCompared = new Set(compared);
  const positions = complete.filter((i) => isCompared.has(predictions.chosen[i]));
  const cells = test.length * candidates;
  const coverage: Coverage = {
    kind: observed === 0 ? 'none' : observed === cells ? 'full' : most < 2 ? 'single' : 'partial',
    observedShare: cells === 0 ? 0 : observed / cells,
    comparedRows: positions.length,
    incompleteRows: test.length - complete.length,
    unmeasuredChoices: complete.length - positions.length,
    notCompared: matrix.candidates.filter((_, c) => !isCompared.has(c)),
    imputedCosts: 0,
    costsKnown: false,
    costsUnknown: [],
  };
  if (positions.length === 0) return { comparison: null, coverage };

  const prompts = Int32Array.from(positions, (i) => test[i]);
  const costs = completeCosts(matrix.costUsd, candidates, prompts, compared, means.costUsd);
  const costsUnknown = compared.filter((c) => Number.isNaN(costs.means[c])).map((c) => matrix.candidates[c]);
  return {
    comparison: {
      positions,
      prompts,
      groups: prompts.map((prompt) => groups[prompt]),
      compared,
      quality: gather(matrix.quality, candidates, prompts, isCompared),
      costUsd: costs.costUsd,
      latencyMs: gather(matrix.latencyMs, candidates, prompts, isCompared),
      chosen: Int32Array.from(positions, (i) => predictions.chosen[i]),
    },
    coverage: { ...coverage, imputedCosts: costs.imputed, costsKnown: costs.costUsd !== null, costsUnknown },
  };
}

function countObserved(quality: Float32Array, candidates: number, rows: Int32Array) {
  const together = new Float64Array(candidates);
  let observed = 0;
  let shared = 0;
  let most = 0;
  for (const row of rows) {
    let here = 0;
    for (let c = 0; c < candidates; c++) if (!Number.isNaN(quality[row * candidates + c])) here++;
    observed += here;
    most = Math.max(most, here);
    if (here < 2) continue;
    shared++;
    for (let c = 0; c < candidates; c++) if (!Number.isNaN(quality[row * candidates + c])) together[c]++;
  }
  return { observed, together, shared, most };
}

function gather(
  cells: Float32Array,
  candidates: number,
  prompts: Int32Array,
  kept: ReadonlySet<number>,
): Float64Array {
  return Float64Array.from({ length: prompts.length * candidates }, (_, i) => {
    const candidate = i % candidates;
    return kept.has(candidate)
      ? cells[prompts[(i - candidate) / candidates] * candidates + candidate]
      : Number.NaN;
  });
}

function completeCosts(
  cells: Float32Array,
  candidates: number,
  prompts: Int32Array,
  compared: readonly number[],
  trainMeans: Float64Array,
): { costUsd: Float64Array | null; imputed: number; means: Float64Array } {
  const testMeans = columnMeans(cells, candidates, prompts);
  const means = trainMeans.map((mean, c) => (Number.isNaN(mean) ? testMeans[c] : mean));
  if (compared.some((c) => Number.isNaN(means[c]))) return { costUsd: null, imputed: 0, means };
  const costUsd = gather(cells, candidates, prompts, new Set(compared));
  let imputed = 0;
  for (let row = 0; row < prompts.length; row++) {
    for (const c of compared) {
      if (!Number.isNaN(costUsd[row * candidates + c])) continue;
      costUsd[row * candidates + c] = means[c];
      imputed++;
    }
  }
  return { costUsd, imputed, means };
}
