const FIELD = 2 ** 17;

/** Rows that may be added before the fields must be emptied: 512 · 255 < 2^17. */
const MAX_ROWS = 512;

/**
 * Sums rows of an int8 matrix exactly and fast: three numbers, each shifted to 0..255, lie in one float64 as fields of
 * 17 bits (51 of its 53), so that one addition adds three columns. A row is packed when it is first asked for.
 */
export class PackedRows {
  private readonly words: Float64Array;
  private readonly isPacked: Uint8Array;
  private readonly width: number;
  private readonly sums: Float64Array;

  /** @param matrix `[rows, columns]`, kept and not copied. */
  constructor(
    private readonly matrix: Int8Array,
    private readonly columns: number,
  ) {
    const rows = matrix.length / columns;
    this.width = Math.ceil(columns / 3);
    this.words = new Float64Array(rows * this.width);
    this.isPacked = new Uint8Array(rows);
    this.sums = new Float64Array(this.width);
  }

  /** Writes the column sums of the rows named by `ids`, a repeated one counting each time, to `out`: `[columns]`. */
  sumInto(ids: Int32Array, out: Float32Array): void {
    out.fill(0);
    for (let i = 0; i < ids.length; i++) if (this.isPacked[ids[i]] === 0) this.pack(ids[i]);
    for (let from = 0; from < ids.length; from += MAX_ROWS) {
      this.addBlock(ids, from, Math.min(ids.length, from + MAX_ROWS), out);
    }
  }

  private pack(row: number): void {
    const { matrix, columns, words } = this;
    const end = (row + 1) * columns;
    for (let i = row * columns, at = row * this.width; i < end; i += 3, at++) {
      const second = i + 1 < end ? matrix[i + 1] + 128 : 0;
      const third = i + 2 < end ? matrix[i + 2] + 128 : 0;
      words[at] = matrix[i] + 128 + FIELD * (second + FIELD * third);
    }
    this.isPacked[row] = 1;
  }

  private addBlock(ids: Int32Array, from: number, to: number, out: Float32Array): void {
    const { words, width, sums, columns } = this;
    sums.fill(0);
    let i = from;
    for (; i + 4 <= to; i += 4) {
      const a = ids[i] * width;
      const b = ids[i + 1] * width;
      const c = ids[i + 2] * width;
      const d = ids[i + 3] * width;
      for (let j = 0; j < width; j++) sums[j] += words[a + j] + words[b + j] + (words[c + j] + words[d + j]);
    }
    for (; i < to; i++) {
      const a = ids[i] * width;
      for (let j = 0; j < width; j++) sums[j] += words[a + j];
    }
    const shift = 128 * (to - from);
    for (let j = 0, column = 0; j < width; j++, column += 3) {
      const high = Math.floor(sums[j] / FIELD);
      const third = Math.floor(high / FIELD);
      out[column] += sums[j] - high * FIELD - shift;
      if (column + 1 < columns) out[column + 1] += high - third * FIELD - shift;
      if (column + 2 < columns) out[column + 2] += third - shift;
    }
  }
}
