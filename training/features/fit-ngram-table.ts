import {
  createNgramCounter,
  createTextScan,
  type NgramSpec,
  type NgramTable,
  scanText,
} from 'pointsman/features';
import { prepareText } from 'pointsman/text';
import { truncatedSvd } from './fit-ngrams.ts';
import type { SparseRows } from './sparse-rows.ts';

export interface NgramTableOptions extends NgramSpec {
  /** Columns of the dense block. */
  readonly dimensions: number;
  /** An n-gram in fewer texts than this is left out. @default 2 */
  readonly minDocuments?: number;
  readonly seed: number;
}

/**
 * Fits the n-gram block on the texts of the fit split: document frequencies, then latent semantic analysis
 * (truncated SVD of TF-IDF, Deerwester et al. 1990) for the projection, kept as int8.
 *
 * @param texts prompts; at least one. More than 20,000 are thinned evenly for the projection, not for the frequencies.
 */
export function fitNgramTable(texts: readonly string[], options: NgramTableOptions): NgramTable {
  const { buckets, minDocuments = 2 } = options;
  const counts = countAll(texts, options);
  const idf = new Float32Array(buckets);
  for (const bucket of counts.columns) idf[bucket]++;
  for (let b = 0; b < buckets; b++)
    idf[b] = idf[b] < minDocuments ? 0 : Math.log((1 + texts.length) / (1 + idf[b])) + 1;
  weigh(counts, idf);
  const dimensions = Math.min(options.dimensions, texts.length);
  const directions = truncatedSvd(counts, buckets, dimensions, options.seed);
  return quantise(directions, idf, options.dimensions, dimensions);
}

function countAll(texts: readonly string[], spec: NgramSpec): SparseRows {
  const counter = createNgramCounter(spec);
  const scan = createTextScan();
  const offsets = new Int32Array(texts.length + 1);
  const rows = texts.map((text, row) => {
    const prepared = prepareText(text);
    scanText(prepared, scan);
    const { size, buckets, counts } = counter.count(scan);
    offsets[row + 1] = offsets[row] + size;
    return { columns: buckets.slice(0, size), values: counts.slice(0, size) };
  });
  const columns = new Int32Array(offsets[texts.length]);
  const values = new Float32Array(offsets[texts.length]);
  rows.forEach((row, i) => {
    columns.set(row.columns, offsets[i]);
    values.set(row.values, offsets[i]);
  });
  return { rows: texts.length, offsets, columns, values };
}

/** Counts to unit-length TF-IDF, in place; must stay the same sum as `createNgramBlock` makes. */
function weigh({ rows, offsets, columns, values }: SparseRows, idf: Float32Array): void {
  for (let row = 0; row < rows; row++) {
    let squares = 0;
    for (let i = offsets[row]; i < offsets[row + 1]; i++) {
      values[i] = (1 + Math.log(values[i])) * idf[columns[i]];
      squares += values[i] * values[i];
    }
    const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
    for (let i = offsets[row]; i < offsets[row + 1]; i++) values[i] *= scale;
  }
}

/** One int8 step a column. Columns beyond the rank of the texts stay zero. */
function quantise(directions: Float64Array, idf: Float32Array, dimensions: number, rank: number): NgramTable {
  const buckets = idf.length;
  const steps = new Float32Array(dimensions);
  const projection = new Int8Array(buckets * dimensions);
  for (let d = 0; d < rank; d++) {
    let largest = 0;
    for (let b = 0; b < buckets; b++) largest = Math.max(largest, Math.abs(directions[b * rank + d]));
    steps[d] = largest / 127;
    if (largest === 0) continue;
    for (let b = 0; b < buckets; b++)
      if (idf[b] > 0) projection[b * dimensions + d] = Math.round(directions[b * rank + d] / steps[d]);
  }
  return { buckets, dimensions, idf, steps, projection };
}
