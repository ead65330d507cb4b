import type { PieceTrie } from './piece-trie.ts';

/** A vector for every piece of a vocabulary: all that the static embedder needs. */
export interface StaticTable {
  /** Names the contents: tables that differ in any number have different ids. */
  readonly id: string;
  readonly dimensions: number;
  /** Texts in which `▁` stands for the space before a word; piece 0 is the unknown one. */
  readonly pieces: readonly string[];
  /** Log-probability of each piece, ≤ 0: `[pieces]`. */
  readonly scores: Float32Array;
  readonly trie: PieceTrie;
  /** Vectors, each times the weight its piece has in a text, divided by `scales`: `[pieces, dimensions]`. */
  readonly matrix: Int8Array;
  /** What one step of `matrix` is worth in each dimension: `[dimensions]`. */
  readonly scales: Float32Array;
}
