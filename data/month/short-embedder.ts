import { decodeStaticTable, encodeStaticTable, StaticEmbedder } from 'pointsman/internal';
import { openEmbedder, type RouterEmbedder } from '../../training/embed/embedders.ts';

/**
 * The static embedder with its first columns alone: they are its directions of largest spread, so little is lost, and a
 * linear head is fitted in a fraction of the time.
 */
export async function shortEmbedder(dimensions: number): Promise<RouterEmbedder> {
  const { table: bytes, ...rest } = await openEmbedder({ kind: 'static' });
  const { dimensions: width, id, matrix, pieces, scales, scores, trie } = decodeStaticTable(bytes!);
  const columns = Int8Array.from(
    { length: pieces.length * dimensions },
    (_, i) => matrix[Math.floor(i / dimensions) * width + (i % dimensions)],
  );
  const table = encodeStaticTable({
    id: `${id}-${dimensions}`,
    dimensions,
    matrix: columns,
    pieces,
    scales: scales.slice(0, dimensions),
    scores,
    trie,
  });
  return { ...rest, embedder: new StaticEmbedder(decodeStaticTable(table)), table };
}
