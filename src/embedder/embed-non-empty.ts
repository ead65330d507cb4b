/**
 * Gives empty texts the zero vector, which models do not, and the others to `embed` in batches.
 *
 * @param embed one vector a text, in order.
 */
export async function embedNonEmpty(
  texts: readonly string[],
  dimensions: number,
  batchSize: number,
  embed: (batch: readonly string[]) => Promise<Float32Array[]>,
): Promise<Float32Array[]> {
  const vectors: Float32Array[] = texts.map(() => new Float32Array(dimensions));
  const filled = texts.flatMap((text, i) => (text.trim() === '' ? [] : [i]));
  for (let from = 0; from < filled.length; from += batchSize) {
    const batch = filled.slice(from, from + batchSize);
    const found = await embed(batch.map((i) => texts[i]));
    batch.forEach((i, k) => {
      vectors[i] = found[k];
    });
  }
  return vectors;
}
