/** Turns texts into vectors. Batched, since most implementations are faster that way. */
export interface Embedder {
  /** Names the weights and settings: two embedders with the same id give the same vectors. */
  readonly id: string;
  /** Length of each vector. */
  readonly dimensions: number;
  /**
   * @param texts any Unicode; an empty text gives the zero vector.
   * @returns one vector a text, each `[dimensions]`, in order.
   */
  embed(texts: readonly string[]): Promise<Float32Array[]>;
}

/** An embedder that needs no waiting: a table look-up rather than a network. */
export interface SyncEmbedder extends Embedder {
  /** Writes the vector of `text` to `out` (`[dimensions]`). Never throws on content. */
  embedInto(text: string, out: Float32Array): void;
}
