import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';

/** A table of some of its rows. @param cells `[*, columns]` @returns `[rows, columns]` */
export function takeCells<Cells extends Float64Array | Float32Array>(
  cells: Cells,
  columns: number,
  rows: ArrayLike<number>,
): Cells {
  const taken = new (cells.constructor as new (length: number) => Cells)(rows.length * columns);
  for (let i = 0; i < rows.length; i++)
    taken.set(cells.subarray(rows[i] * columns, (rows[i] + 1) * columns), i * columns);
  return taken;
}

/** The matrix of some of its prompts, in their order. */
export function takeRows(matrix: OutcomeMatrix, rows: ArrayLike<number>): OutcomeMatrix {
  const columns = matrix.candidates.length;
  const take = (cells: Float32Array) => takeCells(cells, columns, rows);
  return {
    candidates: matrix.candidates,
    prompts: Array.from(rows, (row) => matrix.prompts[row]),
    quality: take(matrix.quality),
    costUsd: take(matrix.costUsd),
    latencyMs: take(matrix.latencyMs),
    propensity: take(matrix.propensity),
    ...(matrix.expected === undefined ? {} : { expected: take(matrix.expected) }),
  };
}
