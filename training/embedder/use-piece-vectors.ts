import { USE_DIMENSIONS, type UseGraph } from './use-graph.ts';

const BATCH = 64;

/**
 * The encoder's vector for each piece as a text of its own.
 *
 * @param onProgress called after each batch with the number of pieces done.
 * @returns `[count, 512]`
 */
export async function usePieceVectors(
  graph: UseGraph,
  count: number,
  onProgress: (done: number) => void = () => {},
): Promise<Float32Array> {
  const vectors = new Float32Array(count * USE_DIMENSIONS);
  for (let from = 0; from < count; from += BATCH) {
    const size = Math.min(BATCH, count - from);
    const batch = Array.from({ length: size }, (_, i) => [from + i]);
    vectors.set(await graph.run(batch), from * USE_DIMENSIONS);
    onProgress(from + size);
  }
  return vectors;
}
