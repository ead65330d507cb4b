/**
 * How well one embedder's similarities follow another's: Pearson's correlation of the cosines of all pairs of texts.
 *
 * @param vectors, reference of the same texts in the same order, each vector of length 1 or 0; at least three texts.
 */
export function cosineFidelity(vectors: readonly Float32Array[], reference: readonly Float32Array[]): number {
  let count = 0;
  let meanX = 0;
  let meanY = 0;
  let squaresX = 0;
  let squaresY = 0;
  let products = 0;
  for (let a = 0; a < vectors.length; a++) {
    for (let b = 0; b < a; b++) {
      // Welford's update: one pass, and no cancellation.
      const x = product(vectors[a], vectors[b]) - meanX;
      const y = product(reference[a], reference[b]) - meanY;
      count++;
      meanX += x / count;
      meanY += y / count;
      const rest = (count - 1) / count;
      squaresX += rest * x * x;
      squaresY += rest * y * y;
      products += rest * x * y;
    }
  }
  return products / Math.sqrt(squaresX * squaresY);
}

function product(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
