/** A positive definite matrix, factored: A = L Lᵀ. */
export interface Cholesky {
  readonly size: number;
  /** Solves A x = b in place, b being every `stride`-th number from `start`. */
  solveInPlace(b: Float64Array, start: number, stride: number): void;
}

/**
 * Factors the symmetric `[size, size]` matrix (row-major). A pivot that is not positive is raised to a
 * billionth of the largest on the diagonal, so that a matrix that is only nearly positive definite still gives a
 * usable, positive definite factor.
 */
export function cholesky(matrix: Float64Array, size: number): Cholesky {
  const lower = matrix.slice();
  let largest = 0;
  for (let i = 0; i < size; i++) largest = Math.max(largest, matrix[i * size + i]);
  const floor = Math.max(largest * 1e-9, Number.MIN_VALUE);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let even = 0;
      let odd = 0;
      const [a, b] = [i * size, j * size];
      let k = 0;
      for (; k + 1 < j; k += 2) {
        even += lower[a + k] * lower[b + k];
        odd += lower[a + k + 1] * lower[b + k + 1];
      }
      if (k < j) even += lower[a + k] * lower[b + k];
      const rest = lower[a + j] - even - odd;
      lower[a + j] = i === j ? Math.sqrt(Math.max(rest, floor)) : rest / lower[b + j];
    }
  }
  const x = new Float64Array(size);
  return {
    size,
    solveInPlace(b, start, stride) {
      for (let i = 0; i < size; i++) {
        let sum = b[start + i * stride];
        for (let k = 0; k < i; k++) sum -= lower[i * size + k] * x[k];
        x[i] = sum / lower[i * size + i];
      }
      for (let i = size - 1; i >= 0; i--) {
        const value = x[i] / lower[i * size + i];
        x[i] = value;
        // By rows of L, so that memory is read in order.
        for (let k = 0; k < i; k++) x[k] -= lower[i * size + k] * value;
      }
      for (let i = 0; i < size; i++) b[start + i * stride] = x[i];
    },
  };
}
