/** Clusters numbered in the order in which they come up. */
export interface NumberedClusters {
  readonly of: Int32Array; // [rows]
  readonly count: number;
}

/** @param clusters `[rows]`, any numbers */
export function numberClusters(clusters: ArrayLike<number>, rows = clusters.length): NumberedClusters {
  const numbers = new Map<number, number>();
  const of = Int32Array.from({ length: rows }, (_, row) => {
    const known = numbers.get(clusters[row]);
    if (known !== undefined) return known;
    numbers.set(clusters[row], numbers.size);
    return numbers.size - 1;
  });
  return { of, count: numbers.size };
}
