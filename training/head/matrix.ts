/** Numbers in rows, row-major. A row of features, of targets (NaN: unobserved), or of predictions. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array; // [rows, columns]
}

/** A matrix of zeros. */
export function createMatrix(rows: number, columns: number): Matrix {
  return { rows, columns, values: new Float32Array(rows * columns) };
}

/** The named rows, in the order given. */
export function takeRows(matrix: Matrix, rows: ArrayLike<number>): Matrix {
  const { columns } = matrix;
  const taken = createMatrix(rows.length, columns);
  for (let i = 0; i < rows.length; i++) {
    taken.values.set(matrix.values.subarray(rows[i] * columns, (rows[i] + 1) * columns), i * columns);
  }
  return taken;
}

/** One column of a matrix. `[rows]` */
export function takeColumn({ rows, columns, values }: Matrix, column: number): Float32Array {
  return Float32Array.from({ length: rows }, (_, row) => values[row * columns + column]);
}
