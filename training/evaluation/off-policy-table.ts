import type { EvaluationInput } from '../evaluate/evaluation-input.ts';
import { highestWeight } from '../off-policy/clip-weights.ts';
import type { LoggedTable } from '../off-policy/logged-table.ts';
import type { LoggingPropensities } from '../off-policy/propensities.ts';
import { pseudoOutcomes } from '../off-policy/pseudo-outcomes.ts';
import { type DoubtTable, doubtTable } from '../off-policy/score-doubt.ts';
import type { TrainMeans } from './train-means.ts';

/** The part of the test split that holds an outcome, and doubly robust scores of every cell of it. */
export interface OffPolicyRows {
  /** Positions in the test split: [rows] */
  readonly positions: Int32Array;
  /** Prompt numbers in the matrix: [rows] */
  readonly prompts: Int32Array;
  readonly table: LoggedTable;
  /** Inverse propensities above this are cut. */
  readonly clip: number;
  /** What is behind each score. */
  readonly doubt: DoubtTable;
  /** What the router chose: [rows] */
  readonly chosen: Int32Array;
  /** Doubly robust scores, which may leave 0 to 1: [rows, candidates] */
  readonly quality: Float64Array;
  /** The same of costs; NaN where a candidate's cost is nowhere known. */
  readonly costUsd: Float64Array; // [rows, candidates]
  readonly latencyMs: Float64Array; // [rows, candidates]
}

/** Reads what the log holds of the test prompts; the router's own success heads, which never saw them, are the model. */
export function offPolicyRows(
  { matrix, splits, predictions, groups }: EvaluationInput,
  propensities: LoggingPropensities,
  means: TrainMeans,
): OffPolicyRows {
  const candidates = matrix.candidates.length;
  const test = splits.test.rows;
  // Those that a candidate answered which the router does not know count too: they are what the propensities are shares of.
  const positions = Int32Array.from(test, (_, i) => i).filter((i) => propensities.answered[test[i]] === 1);
  const prompts = Int32Array.from(positions, (i) => test[i]);
  const seen = (cells: Float32Array | Float64Array) => gather(cells, prompts, candidates);
  const predicted = (cells: Float32Array, fallback: ArrayLike<number> | null) =>
    gather(cells, positions, candidates).map((value, cell) =>
      Number.isNaN(value) && fallback !== null ? fallback[cell % candidates] : value,
    );
  const table: LoggedTable = {
    candidates,
    quality: seen(matrix.quality),
    propensities: seen(propensities.values),
    source: propensities.source,
    policy: propensities.policy === undefined ? null : seen(propensities.policy),
    expected: predicted(predictions.success, means.quality),
    clusters: Int32Array.from(prompts, (prompt) => groups[prompt]),
  };
  const clip = highestWeight(propensities.values, propensities.source, propensities.policy);
  const scores = (observed: Float32Array, expected: Float64Array) =>
    pseudoOutcomes({
      // An amount is used where the quality was seen too: the propensity is that of the quality.
      quality: seen(observed).map((value, cell) => (Number.isNaN(table.quality[cell]) ? Number.NaN : value)),
      propensities: table.propensities,
      expected,
      clip,
    });
  return {
    positions,
    prompts,
    table,
    clip,
    doubt: doubtTable(table, clip),
    chosen: Int32Array.from(positions, (i) => predictions.chosen[i]),
    quality: pseudoOutcomes({ ...table, clip }),
    costUsd: scores(matrix.costUsd, predicted(predictions.expectedCostUsd, means.costUsd)),
    latencyMs: scores(matrix.latencyMs, predicted(predictions.expectedLatencyMs, null)),
  };
}

/** Some rows of the table. @param rows positions in it */
export function takeTable(table: LoggedTable, rows: Int32Array): LoggedTable {
  const { candidates } = table;
  return {
    ...table,
    quality: gather(table.quality, rows, candidates),
    propensities: gather(table.propensities, rows, candidates),
    expected: gather(table.expected, rows, candidates),
    policy: table.policy ? gather(table.policy, rows, candidates) : null,
    clusters: Int32Array.from(rows, (row) => table.clusters[row]),
  };
}

function gather(cells: Float32Array | Float64Array, rows: Int32Array, columns: number): Float64Array {
  const out = new Float64Array(rows.length * columns);
  rows.forEach((row, i) => {
    out.set(cells.subarray(row * columns, (row + 1) * columns), i * columns);
  });
  return out;
}
