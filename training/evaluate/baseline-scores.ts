import { createRandom } from 'pointsman/internal';
import type { Matrix } from '../fit/rows.ts';
import type { OutcomeMatrix } from '../outcomes/matrix.ts';

interface NearestNeighboursOptions {
  readonly neighbours: number;
  readonly maxTrainRows: number;
  readonly seed: number;
  /** Used where no neighbour was observed: [candidates] */
  readonly fallback: ArrayLike<number>;
}

/**
 * The plain kNN baseline: a candidate's expected quality is its mean over the prompt's nearest training prompts
 * by cosine, observed ones alone, each counting the same.
 * @param embeddings of every prompt of the matrix: `[prompts, dimensions]`
 * @param prompts matrix rows to predict: `[rows]`
 * @returns `[rows, candidates]`
 */
export function nearestNeighbours(
  matrix: OutcomeMatrix,
  embeddings: Matrix,
  train: Int32Array,
  prompts: Int32Array,
  { neighbours, maxTrainRows, seed, fallback }: NearestNeighboursOptions,
): Float64Array {
  const candidates = matrix.candidates.length;
  const known =
    train.length <= maxTrainRows
      ? train
      : createRandom(seed).shuffle(train.slice()).slice(0, maxTrainRows).sort();
  const stored = unitRows(embeddings, known);
  const k = Math.min(neighbours, known.length);
  const estimates = new Float64Array(prompts.length * candidates);
  const dimensions = embeddings.columns;
  for (let from = 0; from < prompts.length; from += BLOCK) {
    const block = prompts.subarray(from, from + BLOCK);
    const similarities = blockSimilarities(
      stored,
      unitRows(embeddings, block, BLOCK),
      known.length,
      dimensions,
    );
    for (let i = 0; i < block.length; i++) {
      const nearest = largest(similarities.subarray(i * known.length, (i + 1) * known.length), k);
      for (let c = 0; c < candidates; c++) {
        let sum = 0;
        let seen = 0;
        for (const at of nearest) {
          const quality = matrix.quality[known[at] * candidates + c];
          if (Number.isNaN(quality)) continue;
          sum += quality;
          seen++;
        }
        estimates[(from + i) * candidates + c] = seen > 0 ? sum / seen : fallback[c];
      }
    }
  }
  return estimates;
}

/** Prompts compared at once: each stored number is read once for all of them. */
const BLOCK = 4;

/** Copies rows scaled to length 1 (a zero vector stays zero): [max(rows, padded), dimensions] */
function unitRows({ columns, values }: Matrix, rows: Int32Array, padded = 0): Float32Array {
  const unit = new Float32Array(Math.max(rows.length, padded) * columns);
  for (let i = 0; i < rows.length; i++) {
    const from = rows[i] * columns;
    let squares = 0;
    for (let d = 0; d < columns; d++) squares += values[from + d] ** 2;
    const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
    for (let d = 0; d < columns; d++) unit[i * columns + d] = values[from + d] * scale;
  }
  return unit;
}

/** @returns cosine of each asked prompt with each stored one: [BLOCK, stored] */
function blockSimilarities(
  stored: Float32Array,
  asked: Float32Array,
  rows: number,
  dimensions: number,
): Float64Array {
  const out = new Float64Array(BLOCK * rows);
  for (let row = 0; row < rows; row++) {
    const from = row * dimensions;
    let [a, b, c, d] = [0, 0, 0, 0];
    for (let i = 0; i < dimensions; i++) {
      const value = stored[from + i];
      a += value * asked[i];
      b += value * asked[dimensions + i];
      c += value * asked[2 * dimensions + i];
      d += value * asked[3 * dimensions + i];
    }
    out[row] = a;
    out[rows + row] = b;
    out[2 * rows + row] = c;
    out[3 * rows + row] = d;
  }
  return out;
}

/** Positions of the k largest values, in no order; of equals, the first. */
function largest(values: Float64Array, k: number): Int32Array {
  const kept = new Int32Array(k);
  let size = 0;
  let lowest = 0;
  const findLowest = () => {
    lowest = 0;
    for (let i = 1; i < size; i++) {
      const difference = values[kept[i]] - values[kept[lowest]];
      if (difference < 0 || (difference === 0 && kept[i] > kept[lowest])) lowest = i;
    }
  };
  for (let i = 0; i < values.length; i++) {
    if (size < k) {
      kept[size++] = i;
      if (size === k) findLowest();
    } else if (k > 0 && values[i] > values[kept[lowest]]) {
      kept[lowest] = i;
      findLowest();
    }
  }
  return kept;
}

/** {@link meansByTask}; null where there are no training rows, or all prompts are of one task. */
export function taskScores(
  matrix: OutcomeMatrix,
  train: Int32Array,
  prompts: Int32Array,
  fallback: ArrayLike<number>,
): Float64Array | null {
  const isTasked = new Set(Array.from(prompts, (prompt) => matrix.prompts[prompt].task)).size > 1;
  return train.length > 0 && isTasked ? meansByTask(matrix, train, prompts, fallback) : null;
}

/**
 * Each candidate's mean quality on the training rows of the prompt's task: what can be known from the task's
 * name alone. A task without an observed training row, and a prompt without a task, give the overall mean.
 * @param prompts matrix rows to look up: `[rows]` @param fallback `[candidates]`
 * @returns `[rows, candidates]`
 */
export function meansByTask(
  matrix: OutcomeMatrix,
  train: ArrayLike<number>,
  prompts: ArrayLike<number>,
  fallback: ArrayLike<number>,
): Float64Array {
  const candidates = matrix.candidates.length;
  const tasks = new Map<string, { sums: Float64Array; counts: Float64Array }>();
  for (let i = 0; i < train.length; i++) {
    const task = matrix.prompts[train[i]].task;
    if (task === null) continue;
    let entry = tasks.get(task);
    if (!entry) {
      entry = { sums: new Float64Array(candidates), counts: new Float64Array(candidates) };
      tasks.set(task, entry);
    }
    for (let c = 0; c < candidates; c++) {
      const quality = matrix.quality[train[i] * candidates + c];
      if (Number.isNaN(quality)) continue;
      entry.sums[c] += quality;
      entry.counts[c]++;
    }
  }
  return Float64Array.from({ length: prompts.length * candidates }, (_, i) => {
    const c = i % candidates;
    const task = matrix.prompts[prompts[(i - c) / candidates]].task;
    const entry = task === null ? undefined : tasks.get(task);
    return entry && entry.counts[c] > 0 ? entry.sums[c] / entry.counts[c] : fallback[c];
  });
}
