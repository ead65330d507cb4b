/** A sparse matrix, row by row (CSR). */
export interface SparseRows {
  readonly rows: number;
  /** Row r is entries offsets[r] to offsets[r + 1]: [rows + 1] */
  readonly offsets: Int32Array;
  readonly columns: Int32Array; // [entries]
  readonly values: Float32Array; // [entries]
}
