import { InvalidInputError } from 'pointsman';
import { softmaxInto } from 'pointsman/math';
import type { Matrix } from './matrix.ts';

/**
 * What the choice head learns: shares softmax(utility / temperature) over what was observed, so that candidates that
 * tie share the mass. A row with nothing observed stays NaN.
 * @param utility `[rows, candidates]`, NaN: unobserved
 * @param temperature in units of utility; > 0, small is near arg max
 */
export function softTargets(utility: Matrix, temperature: number): Matrix {
  if (!(temperature > 0)) {
    throw new InvalidInputError(`\`temperature\` of softTargets must be a number > 0. Got ${temperature}.`);
  }
  const { rows, columns } = utility;
  const values = new Float32Array(utility.values.length);
  const masked = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    const from = utility.values.subarray(row * columns, (row + 1) * columns);
    const to = values.subarray(row * columns, (row + 1) * columns);
    for (let c = 0; c < columns; c++) masked[c] = Number.isNaN(from[c]) ? Number.NEGATIVE_INFINITY : from[c];
    softmaxInto(masked, to, temperature);
    for (let c = 0; c < columns; c++) if (Number.isNaN(from[c])) to[c] = Number.NaN;
  }
  return { rows, columns, values };
}
