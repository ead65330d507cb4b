import type { StaticTable } from '../../../src/embedder/static.ts';
import { buildPieceTrie } from '../../../src/embedder/tokeniser.ts';

/** Pieces with three-number vectors: enough to see how words are cut and summed. */
export function smallTable(): StaticTable {
  const pieces = ['<unk>', '<s>', '▁', '▁the', '▁cat', 's', 'c', 'a', 't', 'at', '▁c', 'é'];
  const scores = [0, 0, -3, -2, -5, -2, -6, -6, -6, -4, -4, -7];
  const matrix = Int8Array.from(pieces.flatMap((_, p) => [p, -2 * p, p % 3]));
  return {
    id: 'small',
    dimensions: 3,
    pieces,
    scores: Float32Array.from(scores),
    trie: buildPieceTrie(pieces, 2),
    matrix,
    scales: Float32Array.of(0.5, 0.25, 1),
  };
}
