import type { Head } from './head.ts';
import type { KnnLink, KnnTable } from './knn.ts';

/** Probabilities are kept this far from 0 and 1 before a logit or logarithm. */
const margin = 1e-4;

export interface KnnHeadOptions {
  /** Length of the feature vector it reads. */
  readonly inputs: number;
  /** Half-open range of the feature vector that is compared. */
  readonly from: number;
  readonly to: number;
  /** How many of the most similar rows count. */
  readonly neighbours: number;
}

/**
 * Mean outcome of the most similar rows: each weighs max(0, cosine)^sharpness times its own weight, the prior
 * weighs `shrinkage`, and what a row did not observe does not count. Then the link: logit or logarithm.
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
    const { outputs, prior, outcomes, shrinkage, sharpness, weights, link } = this.#table;
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
      out[c] = linked(link, total > 0 ? sums[2 * c] / total : prior[c]);
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

function dotInt8(query: Float64Array, vectors: Int8Array, start: number): number {
  let even = 0;
  let odd = 0;
  let d = 0;
  for (; d + 1 < query.length; d += 2) {
    even += query[d] * vectors[start + d];
    odd += query[d + 1] * vectors[start + d + 1];
  }
  if (d < query.length) even += query[d] * vectors[start + d];
  return even + odd;
}

function linked(link: KnnLink, mean: number): number {
  if (link === 'identity') return mean;
  const p = Math.min(1 - margin, Math.max(margin, mean));
  return link === 'logit' ? Math.log(p / (1 - p)) : Math.log(p);
}
