import type { NgramCounter } from './ngram-counter.ts';
import type { NgramTable } from './ngram-table.ts';
import type { TextScan } from './text-scan.ts';

/** The dense block of a prompt's n-grams. */
export interface NgramBlock {
  /** Writes `[dimensions]` numbers to `out` from `offset`. No known n-gram gives zeros. */
  writeInto(text: string, scan: TextScan, out: Float32Array, offset: number): void;
}

/**
 * TF-IDF with 1 + ln(count), scaled to unit length, times the projection (latent semantic analysis:
 * Deerwester et al. 1990). The projection is a table look-up a bucket, so the cost grows with the prompt alone.
 */
export function createNgramBlock(counter: NgramCounter, table: NgramTable): NgramBlock {
  const { dimensions, idf, projection, steps } = table;
  const sums = new Float64Array(dimensions);
  return {
    writeInto(text, scan, out, offset) {
      const { size, buckets, counts } = counter.count(text, scan);
      sums.fill(0);
      let squares = 0;
      for (let i = 0; i < size; i++) {
        const bucket = buckets[i];
        const rarity = idf[bucket];
        if (rarity === 0) continue;
        const weight = counts[i] === 1 ? rarity : (1 + Math.log(counts[i])) * rarity;
        squares += weight * weight;
        const row = bucket * dimensions;
        for (let d = 0; d < dimensions; d++) sums[d] += weight * projection[row + d];
      }
      const scale = squares > 0 ? 1 / Math.sqrt(squares) : 0;
      for (let d = 0; d < dimensions; d++) out[offset + d] = sums[d] * steps[d] * scale;
    },
  };
}
