import { mapCells } from '../outcomes/map-cells.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';

/**
 * The same prompts with other columns: those named, in their order. What the matrix does not have is unobserved;
 * what it has beside them is dropped.
 */
export function alignCandidates(matrix: OutcomeMatrix, names: readonly string[]): OutcomeMatrix {
  const { candidates, prompts } = matrix;
  const from = names.map((name) => candidates.indexOf(name));
  const take = (values: Float32Array) =>
    Float32Array.from({ length: prompts.length * names.length }, (_, i) => {
      const column = from[i % names.length];
      return column === -1 ? Number.NaN : values[Math.floor(i / names.length) * candidates.length + column];
    });
  return { candidates: names, prompts, ...mapCells(matrix, take) };
}
