import { createMatrix, type Matrix } from '../head/matrix.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';

/** Labels beyond so many, the rarest, are one. */
const MOST_LABELS = 100;

/** Features that a logging policy may have gone by, and how much they vary. */
export interface PropensityFeatures {
  readonly features: Matrix; // [rows, features]
  /** Sum of the variances of all features, for penalties to be measured by. */
  readonly variance: number;
  /** Multiplies the penalty of each feature: `[features]` */
  readonly penalties: Float32Array;
}

/**
 * Tasks and tiers are few, and what rules go by; features are many, and most of them went by nobody. So their weights
 * are held back by so much less.
 */
const LABEL_PENALTY = 0.1;

/**
 * What may have decided who got a prompt: its features, its task and its tier. Each of the three varies as much in sum
 * as the others, so that one penalty treats them alike.
 * @param features of every prompt of the matrix; null leaves them out
 * @param rows prompts to describe: `[rows]`
 */
export function propensityFeatures(
  { prompts }: Pick<OutcomeMatrix, 'prompts'>,
  features: Matrix | null,
  rows: Int32Array,
): PropensityFeatures {
  const blocks = [
    ...(features === null ? [] : [{ block: gather(features, rows), penalty: 1 }]),
    { block: oneHot(Array.from(rows, (row) => prompts[row].task)), penalty: LABEL_PENALTY },
    { block: oneHot(Array.from(rows, (row) => prompts[row].tier)), penalty: LABEL_PENALTY },
  ]
    .map(({ block, penalty }) => ({ ...centre(block), columns: block.columns, penalty }))
    .filter(({ variance }) => variance > 0);
  // Always one column, so that there is something to fit: of zeros, it leaves the shares of the candidates.
  const columns = Math.max(
    1,
    blocks.reduce((sum, block) => sum + block.columns, 0),
  );
  const joined = createMatrix(rows.length, columns);
  const penalties = new Float32Array(columns).fill(1);
  let from = 0;
  for (const { values, variance, columns: width, penalty } of blocks) {
    penalties.fill(penalty, from, from + width);
    const scale = 1 / Math.sqrt(variance);
    for (let row = 0; row < rows.length; row++)
      for (let i = 0; i < width; i++)
        joined.values[row * columns + from + i] = scale * values[row * width + i];
    from += width;
  }
  return { features: joined, variance: blocks.length, penalties };
}

function gather({ columns, values }: Matrix, rows: Int32Array): Matrix {
  const taken = createMatrix(rows.length, columns);
  rows.forEach((row, i) => {
    taken.values.set(values.subarray(row * columns, (row + 1) * columns), i * columns);
  });
  return taken;
}

function oneHot(labels: readonly (string | null)[]): Matrix {
  const counts = new Map<string, number>();
  for (const label of labels) counts.set(label ?? '', (counts.get(label ?? '') ?? 0) + 1);
  const kept = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, MOST_LABELS);
  const numbers = new Map(kept.map(([label], i) => [label, i]));
  const block = createMatrix(labels.length, kept.length);
  labels.forEach((label, row) => {
    const number = numbers.get(label ?? '');
    if (number !== undefined) block.values[row * kept.length + number] = 1;
  });
  return block;
}

function centre({ rows, columns, values }: Matrix): { values: Float32Array; variance: number } {
  const means = new Float64Array(columns);
  values.forEach((value, i) => {
    means[i % columns] += value / rows;
  });
  let variance = 0;
  const centred = values.map((value, i) => {
    const difference = value - means[i % columns];
    variance += difference * difference;
    return difference;
  });
  return { values: centred, variance: variance / Math.max(1, rows) };
}
