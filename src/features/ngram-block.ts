import type { NgramTable } from './ngram-table.ts';
import type { NgramCounter } from './ngrams.ts';
import type { TextScan } from './text-scan.ts';

/** The dense block of a prompt's n-grams. */
export interface NgramBlock {
  /** Writes `[dimensions]` numbers to `out` from `offset`. No known n-gram gives zeros. */
  writeInto(scan: TextScan, out: Float32Array, offset: number): void;
}

/**
 * TF-IDF with 1 + ln(count), scaled to unit length, times the projection (latent semantic analysis:
 * Deerwester et al. 1990). The projection is a table look-up a bucket, so the cost grows with the prompt alone.
 */
export function createNgramBlock(counter: NgramCounter, table: NgramTable): NgramBlock {
  const { dimensions, idf, projection, steps } = table;
  const sums = new Float64Array(dimensions);
  let rows = new Int32Array(1024);
  let weights = new Float64Array(1024);

  /** Four rows a pass, so that each sum is read and written a quarter as often. */
  function addRows(count: number): void {
    sums.fill(0);
    let i = 0;
    for (; i + 4 <= count; i += 4) {
      const [a, b, c, d] = [rows[i], rows[i + 1], rows[i + 2], rows[i + 3]];
      const [u, v, w, x] = [weights[i], weights[i + 1], weights[i + 2], weights[i + 3]];
      for (let k = 0; k < dimensions; k++) {
        sums[k] +=
          u * projection[a + k] + v * projection[b + k] + (w * projection[c + k] + x * projection[d + k]);
      }
    }
    for (; i < count; i++) {
      for (let k = 0; k < dimensions; k++) sums[k] += weights[i] * projection[rows[i] + k];
    }
  }

  return {
    writeInto(scan, out, offset) {
      const { size, buckets, counts } = counter.count(scan);
      if (size > rows.length) {
        rows = new Int32Array(2 * size);
        weights = new Float64Array(2 * size);
      }
      let known = 0;
      let squares = 0;
      for (let i = 0; i < size; i++) {
        const bucket = buckets[i];
        const rarity = idf[bucket];
        if (rarity === 0) continue;
        const weight = counts[i] === 1 ? rarity : (1 + Math.log(counts[i])) * rarity;
        squares += weight * weight;
        rows[known] = bucket * dimensions;
        weights[known++] = weight;
      }
      addRows(known);
      const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
      for (let d = 0; d < dimensions; d++) out[offset + d] = sums[d] * steps[d] * scale;
    },
  };
}
