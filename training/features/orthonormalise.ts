/**
 * Makes the columns of `a` (`[rows, width]`, row-major) orthonormal, in place, by modified Gram-Schmidt done twice.
 * A column that depends on those before it becomes zero.
 */
export function orthonormalise(a: Float64Array, rows: number, width: number): void {
  const columns = Array.from({ length: width }, (_, j) =>
    Float64Array.from({ length: rows }, (_, i) => a[i * width + j]),
  );
  for (let j = 0; j < width; j++) {
    const column = columns[j];
    const before = Math.sqrt(dot(column, column));
    for (let pass = 0; pass < 2; pass++)
      for (let k = 0; k < j; k++) {
        const share = dot(columns[k], column);
        for (let i = 0; i < rows; i++) column[i] -= share * columns[k][i];
      }
    const norm = Math.sqrt(dot(column, column));
    const scale = norm > 1e-10 * before && norm > 0 ? 1 / norm : 0;
    for (let i = 0; i < rows; i++) column[i] *= scale;
  }
  for (let i = 0; i < rows; i++) for (let j = 0; j < width; j++) a[i * width + j] = columns[j][i];
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
