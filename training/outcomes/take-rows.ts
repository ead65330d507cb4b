import { mapCells } from './map-cells.ts';
import type { OutcomeMatrix } from './outcome-matrix.ts';

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
  return {
    candidates: matrix.candidates,
    prompts: Array.from(rows, (row) => matrix.prompts[row]),
    ...mapCells(matrix, (cells) => takeCells(cells, matrix.candidates.length, rows)),
  };
}
