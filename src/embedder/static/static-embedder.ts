import { prepareText } from '../../text.ts';
import type { SyncEmbedder } from '../embedder.ts';
import { UnigramTokeniser } from '../tokeniser.ts';
import { PackedRows } from './packed-rows.ts';
import type { StaticTable } from './static-table.ts';

/**
 * The sum of the vectors of a text's pieces, scaled to length 1. Word order is lost; what it costs is microseconds.
 * Source: the idea of model2vec (github.com/MinishLab/model2vec).
 */
export class StaticEmbedder implements SyncEmbedder {
  readonly id: string;
  readonly dimensions: number;
  private readonly scales: Float32Array;
  private readonly tokeniser: UnigramTokeniser;
  private readonly rows: PackedRows;

  /** @param table from `decodeStaticTable`. */
  constructor(table: StaticTable) {
    this.id = table.id;
    this.dimensions = table.dimensions;
    this.scales = table.scales;
    this.tokeniser = new UnigramTokeniser(table.trie, table.scores);
    this.rows = new PackedRows(table.matrix, table.dimensions);
  }

  async embed(texts: readonly string[]): Promise<Float32Array[]> {
    return texts.map((text) => {
      const vector = new Float32Array(this.dimensions);
      this.embedInto(text, vector);
      return vector;
    });
  }

  embedInto(text: string, out: Float32Array): void {
    this.embedPreparedInto(prepareText(text), out);
  }

  /**
   * As `embedInto`, for a text that `prepareText` gave: callers that read it too need not prepare it twice.
   *
   * @returns the text's piece ids (0 for unknown characters), a view that the next call overwrites.
   */
  embedPreparedInto(prepared: string, out: Float32Array): Int32Array {
    const ids = this.tokeniser.tokenisePrepared(prepared);
    this.pool(ids, out);
    return ids;
  }

  /** Piece ids of a text, in order. Their number is near the number of tokens that a language model would count. */
  tokenise(text: string): Int32Array {
    return this.tokeniser.tokenise(text);
  }

  /** Writes the vector of a text with these piece ids to `out` (`[dimensions]`); no ids give the zero vector. */
  pool(ids: Int32Array, out: Float32Array): void {
    const { scales } = this;
    this.rows.sumInto(ids, out);
    let squares = 0;
    for (let i = 0; i < scales.length; i++) {
      const value = out[i] * scales[i];
      out[i] = value;
      squares += value * value;
    }
    if (squares === 0) return;
    const factor = 1 / Math.sqrt(squares);
    for (let i = 0; i < scales.length; i++) out[i] *= factor;
  }
}
