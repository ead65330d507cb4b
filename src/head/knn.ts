import * as v from 'valibot';
import { ArtifactError } from '../errors.ts';
import { allFinite, dotInt8, readFloat32 } from '../math.ts';
import { wholeNumber } from '../validate.ts';
import type { Head, HeadSpec } from './head.ts';

/** What was read of files: heads of many tasks ask for the neighbours of one. */
const tables = new WeakMap<Uint8Array, KnnTable>();

/** Reads a head of neighbours: {@link readKnnHead}, loaded for an artifact that has one. */
export type KnnReader = typeof readKnnHead;

/**
 * @param inputs length of the feature vector @param bytes of its file
 * @throws ArtifactError where they do not fit together
 */
export function readKnnHead(
  { file, from, neighbours, rows, to }: Extract<HeadSpec, { kind: 'knn' }>,
  inputs: number,
  bytes: Uint8Array,
): Head {
  const table = tables.get(bytes) ?? readKnnFile(bytes);
  tables.set(bytes, table);
  const isWhole = (value: unknown) => v.is(wholeNumber, value);
  if (!(isWhole(from) && isWhole(to) && from >= 0 && from < to && to <= inputs)) {
    throw new ArtifactError(
      `\`from\` and \`to\` of a knn head must be within 0..${inputs}. Got ${from}..${to}.`,
    );
  }
  if (!(isWhole(neighbours) && neighbours > 0)) {
    throw new ArtifactError(`\`neighbours\` of a knn head must be a whole number > 0. Got ${neighbours}.`);
  }
  if (table.rows !== rows || table.dimensions !== to - from) {
    throw new ArtifactError(
      `"${file}" must hold ${rows} rows of ${to - from} numbers. Got ${table.rows} of ${table.dimensions}.`,
    );
  }
  return new KnnHead(table, { inputs, from, to, neighbours });
}

/**
 * Mean outcome of the most similar rows: each weighs max(0, cosine)^sharpness times its own weight, the prior
 * weighs `shrinkage`, and what a row did not observe does not count.
 * A query of zeros, or no similar row, gives the prior.
 */
export class KnnHead implements Head {
  readonly inputs: number;
  readonly outputs: number;
  readonly #table: KnnTable;
  readonly #options: KnnHeadOptions;
  readonly #query: Float64Array;
  readonly #nearest: Int32Array; // rows, most similar first
  readonly #similarity: Float64Array;
  readonly #sums: Float64Array; // [outputs, 2]: weighted outcome, weight

  constructor(table: KnnTable, options: KnnHeadOptions) {
    this.inputs = options.inputs;
    this.outputs = table.outputs;
    this.#table = table;
    this.#options = options;
    this.#query = new Float64Array(table.dimensions);
    const neighbours = Math.min(options.neighbours, table.rows);
    this.#nearest = new Int32Array(neighbours);
    this.#similarity = new Float64Array(neighbours);
    this.#sums = new Float64Array(2 * table.outputs);
  }

  predictInto(features: Float32Array, out: Float32Array): void {
    const { outputs, prior, outcomes, shrinkage, sharpness, weights } = this.#table;
    const found = this.#search(features);
    const sums = this.#sums;
    for (let c = 0; c < outputs; c++) {
      sums[2 * c] = shrinkage * prior[c];
      sums[2 * c + 1] = shrinkage;
    }
    for (let i = 0; i < found; i++) {
      const row = this.#nearest[i];
      const weight = weights[row] * this.#similarity[i] ** sharpness;
      for (let c = 0; c < outputs; c++) {
        const outcome = outcomes[row * outputs + c];
        if (Number.isNaN(outcome)) continue;
        sums[2 * c] += weight * outcome;
        sums[2 * c + 1] += weight;
      }
    }
    for (let c = 0; c < outputs; c++) {
      const total = sums[2 * c + 1];
      out[c] = total > 0 ? sums[2 * c] / total : prior[c];
    }
  }

  /** Fills `#nearest` and `#similarity`; returns how many rows have a positive cosine, at most `neighbours`. */
  #search(features: Float32Array): number {
    const { rows, dimensions, scales, vectors } = this.#table;
    const query = this.#query;
    let squares = 0;
    for (let d = 0; d < dimensions; d++) {
      query[d] = features[this.#options.from + d];
      squares += query[d] * query[d];
    }
    if (!(squares > 0)) return 0;
    const inverseNorm = 1 / Math.sqrt(squares);
    let found = 0;
    for (let row = 0; row < rows; row++) {
      const cosine = dotInt8(query, vectors, row * dimensions) * scales[row] * inverseNorm;
      if (cosine > 0) found = this.#insert(row, cosine, found);
    }
    return found;
  }

  /** Keeps the list sorted; of equals the earlier row stays first. */
  #insert(row: number, cosine: number, found: number): number {
    const capacity = this.#nearest.length;
    if (found === capacity && !(cosine > this.#similarity[found - 1])) return found;
    let at = found < capacity ? found : capacity - 1;
    while (at > 0 && this.#similarity[at - 1] < cosine) {
      this.#similarity[at] = this.#similarity[at - 1];
      this.#nearest[at] = this.#nearest[at - 1];
      at--;
    }
    this.#similarity[at] = cosine;
    this.#nearest[at] = row;
    return Math.min(found + 1, capacity);
  }
}

export interface KnnHeadOptions {
  /** Length of the feature vector it reads. */
  readonly inputs: number;
  /** Half-open range of the feature vector that is compared. */
  readonly from: number;
  readonly to: number;
  /** How many of the most similar rows count. */
  readonly neighbours: number;
}

/** What the neighbour file of a `knn` head holds. */
export interface KnnTable {
  readonly rows: number;
  readonly dimensions: number;
  readonly outputs: number;
  /** Weight of the prior against the sum of the neighbours' weights; >= 0. */
  readonly shrinkage: number;
  /** A neighbour weighs (cosine, at least 0) to this power; > 0. */
  readonly sharpness: number;
  /** Unit rows are `vectors * scales`. */
  readonly scales: Float32Array; // [rows]
  /** What each row weighs beside its similarity (inverse propensity); 1 for none. */
  readonly weights: Float32Array; // [rows]
  /** Mean outcome of each output. */
  readonly prior: Float32Array; // [outputs]
  /** NaN is unobserved. */
  readonly outcomes: Float32Array; // [rows, outputs]
  readonly vectors: Int8Array; // [rows, dimensions]
}

/** First four bytes of the file, little-endian: "PKNN". */
export const knnMagic = 0x4e4e4b50;

export const knnVersion = 1;

/** Bytes before the arrays. */
export const knnHeaderBytes = 32;

/**
 * Reads a neighbour file, little-endian throughout:
 *
 * | bytes | what |
 * |---|---|
 * | 0, 4, 8, 12, 16 | uint32: magic, version, rows, dimensions, outputs |
 * | 20 | uint32: 0 |
 * | 24, 28 | float32: shrinkage, sharpness |
 * | 32 | float32: scales, weights, prior, outcomes |
 * | then | int8: vectors |
 *
 * @throws ArtifactError where the file is not one, is cut short, or holds a number it must not hold
 */
export function readKnnFile(bytes: Uint8Array): KnnTable {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < knnHeaderBytes || view.getUint32(0, true) !== knnMagic) {
    throw new ArtifactError(
      'A neighbour file must begin with "PKNN" and 28 more bytes. Export the artifact again.',
    );
  }
  const version = view.getUint32(4, true);
  if (version !== knnVersion) {
    throw new ArtifactError(
      `A neighbour file must have version ${knnVersion}. Got ${version}. Update pointsman.`,
    );
  }
  const [rows, dimensions, outputs] = [8, 12, 16].map((at) => view.getUint32(at, true));
  const shrinkage = view.getFloat32(24, true);
  const sharpness = view.getFloat32(28, true);
  const floats = 2 * rows + outputs + rows * outputs;
  const expected = knnHeaderBytes + 4 * floats + rows * dimensions;
  if (bytes.byteLength !== expected) {
    throw new ArtifactError(
      `A neighbour file of this shape must have ${expected} bytes. Got ${bytes.byteLength}.`,
    );
  }
  if (rows === 0 || dimensions === 0 || outputs === 0) {
    throw new ArtifactError('A neighbour file must have rows, dimensions and outputs.');
  }
  // Its link, once: 1 for logits, 2 for logarithms.
  const link = view.getUint32(20, true);
  if (link !== 0) {
    throw new ArtifactError(
      `A neighbour file must have a 0 after its outputs, for means as they are. Got ${link}: links of means are read no more. Train the router again.`,
    );
  }
  let offset = knnHeaderBytes;
  const take = (length: number): Float32Array => {
    const values = readFloat32(bytes, offset, length);
    offset += 4 * length;
    return values;
  };
  const table = {
    rows,
    dimensions,
    outputs,
    shrinkage,
    sharpness,
    scales: take(rows),
    weights: take(rows),
    prior: take(outputs),
    outcomes: take(rows * outputs),
    vectors: new Int8Array(bytes.slice(offset).buffer),
  };
  checkNumbers(table);
  return table;
}

function checkNumbers(table: KnnTable): void {
  const amount = (x: number) => x >= 0 && Number.isFinite(x);
  // A row of whole numbers is at least 1 long, and its scale makes it 1.
  const scale = (x: number) => x >= 0 && x <= 1;
  const wrong =
    !amount(table.shrinkage) || !(table.sharpness > 0) || !amount(table.sharpness)
      ? 'shrinkage and sharpness'
      : !table.scales.every(scale) || !table.weights.every(amount)
        ? 'scales and weights'
        : !allFinite(table.prior) || !table.outcomes.every((x) => Number.isNaN(x) || Number.isFinite(x))
          ? 'prior and outcomes'
          : null;
  if (wrong !== null) {
    throw new ArtifactError(`The ${wrong} of a neighbour file must be within their bounds. Fit it again.`);
  }
}
