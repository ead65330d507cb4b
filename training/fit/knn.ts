import { InvalidInputError } from 'pointsman';
import { type Head, KnnHead, type KnnTable, knnHeaderBytes, knnMagic, knnVersion } from 'pointsman/internal';
import type { Matrix } from './rows.ts';

interface KnnOptions {
  /** How many of the most similar rows count. @default 40 */
  readonly neighbours?: number;
  /** Half-open range of the feature vector to compare. @default all of it */
  readonly from?: number;
  readonly to?: number;
  /** Weight of the overall mean, in neighbours of similarity 1. @default 2 */
  readonly shrinkage?: number;
  /** A neighbour weighs cosine^sharpness. @default 2 */
  readonly sharpness?: number;
  /** Importance of each row. @default 1 each */
  readonly weights?: Float32Array;
}

/** A fitted kNN head: the table that is written to the artifact, and how to search it. */
export interface KnnFit {
  readonly table: KnnTable;
  readonly neighbours: number;
  readonly from: number;
  readonly to: number;
  readonly head: Head;
}

/**
 * Keeps the rows (int8, unit length) and their outcomes.
 * @param outcomes `[rows, outputs]`, NaN: unobserved
 * @throws InvalidInputError
 */
export function fitKnn(features: Matrix, outcomes: Matrix, options: KnnOptions = {}): KnnFit {
  const { neighbours = 40, from = 0, to = features.columns } = options;
  if (!(from >= 0 && from < to && to <= features.columns)) {
    throw new InvalidInputError(
      `\`from\` and \`to\` of fitKnn must be within 0..${features.columns}. Got ${from}..${to}.`,
    );
  }
  if (features.rows !== outcomes.rows || features.rows === 0) {
    throw new InvalidInputError(
      `\`features\` and \`outcomes\` of fitKnn must have the same rows, at least one. Got ${features.rows}, ${outcomes.rows}.`,
    );
  }
  const weights = options.weights ?? new Float32Array(features.rows).fill(1);
  const table: KnnTable = {
    rows: features.rows,
    dimensions: to - from,
    outputs: outcomes.columns,
    shrinkage: Math.fround(options.shrinkage ?? 2),
    sharpness: Math.fround(options.sharpness ?? 2),
    weights,
    prior: weightedMeans(outcomes, weights),
    outcomes: outcomes.values,
    ...quantise(features, from, to),
  };
  const head = new KnnHead(table, { inputs: features.columns, from, to, neighbours });
  return { table, neighbours, from, to, head };
}

function quantise(features: Matrix, from: number, to: number): Pick<KnnTable, 'vectors' | 'scales'> {
  const dimensions = to - from;
  const vectors = new Int8Array(features.rows * dimensions);
  const scales = new Float32Array(features.rows);
  for (let row = 0; row < features.rows; row++) {
    const values = features.values.subarray(row * features.columns + from, row * features.columns + to);
    let largest = 0;
    for (const value of values) largest = Math.max(largest, Math.abs(value));
    if (largest === 0) continue;
    let squares = 0;
    for (let d = 0; d < dimensions; d++) {
      const level = Math.round((127 * values[d]) / largest);
      vectors[row * dimensions + d] = level;
      squares += level * level;
    }
    scales[row] = 1 / Math.sqrt(squares);
  }
  return { vectors, scales };
}

function weightedMeans({ rows, columns, values }: Matrix, weights: Float32Array): Float32Array {
  const means = new Float32Array(columns);
  for (let c = 0; c < columns; c++) {
    let [sum, total] = [0, 0];
    for (let row = 0; row < rows; row++) {
      const value = values[row * columns + c];
      if (Number.isNaN(value)) continue;
      sum += weights[row] * value;
      total += weights[row];
    }
    means[c] = total > 0 ? sum / total : 0;
  }
  return means;
}

/** Writes a neighbour file: the mirror of `readKnnFile`, which describes the format. */
export function encodeKnn(table: KnnTable): Uint8Array {
  const arrays = [table.scales, table.weights, table.prior, table.outcomes];
  const floats = arrays.reduce((sum, array) => sum + array.length, 0);
  const bytes = new Uint8Array(knnHeaderBytes + 4 * floats + table.vectors.length);
  const view = new DataView(bytes.buffer);
  const header = [knnMagic, knnVersion, table.rows, table.dimensions, table.outputs, 0];
  header.forEach((value, i) => {
    view.setUint32(4 * i, value, true);
  });
  view.setFloat32(24, table.shrinkage, true);
  view.setFloat32(28, table.sharpness, true);
  let offset = knnHeaderBytes;
  for (const array of arrays) {
    for (const value of array) {
      view.setFloat32(offset, value, true);
      offset += 4;
    }
  }
  bytes.set(new Uint8Array(table.vectors.buffer, table.vectors.byteOffset, table.vectors.length), offset);
  return bytes;
}
