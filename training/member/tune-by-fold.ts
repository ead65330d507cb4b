import { createMatrix, foldRows, type Matrix, predictRows, takeRows } from '../head/index.ts';
import type { FittedMember, MemberData, TunedMember } from './member.ts';
import { squaredError } from './squared-error.ts';

/** Rows of member data, for a head to be fitted on. */
export interface MemberRows {
  readonly features: Matrix;
  readonly residuals: Matrix;
  /** `[rows, candidates]` or null. */
  readonly weights: Float32Array | null;
  /** Groups of the rows, for what holds rows out by itself. */
  readonly groups: Int32Array;
}

export function takeMemberRows(
  { features, residuals, weights, groups }: MemberData,
  rows: Int32Array,
): MemberRows {
  return {
    features: takeRows(features, rows),
    residuals: takeRows(residuals, rows),
    weights: weights === null ? null : takeRows({ ...residuals, values: weights }, rows).values,
    groups: rows.map((row) => groups[row]),
  };
}

/** Tunes any head by fitting it on every fold with every setting, and keeping the setting with the least squared error. */
export async function tuneByFold<Setting extends Readonly<Record<string, number>>>(
  name: string,
  data: MemberData,
  settings: readonly Setting[],
  fit: (rows: MemberRows, setting: Setting) => Promise<FittedMember>,
): Promise<TunedMember> {
  const { features, residuals, folds } = data;
  const outOfFold = settings.map(() => createMatrix(residuals.rows, residuals.columns));
  for (let fold = 0; fold <= Math.max(...folds); fold++) {
    const rows = foldRows(folds, fold);
    const known = takeMemberRows(data, rows.fit);
    const held = takeRows(features, rows.held);
    for (const [i, setting] of settings.entries()) {
      const predicted = predictRows((await fit(known, setting)).head, held);
      putRows(predicted, rows.held, outOfFold[i]);
    }
  }
  const errors = outOfFold.map((predictions) => squaredError(predictions, residuals, 'all'));
  const chosen = errors.indexOf(Math.min(...errors));
  const all = Int32Array.from({ length: residuals.rows }, (_, i) => i);
  return {
    name,
    settings: settings[chosen],
    outOfFold: outOfFold[chosen],
    fit: () => fit(takeMemberRows(data, all), settings[chosen]),
  };
}

/** Writes row i of `from` to row `rows[i]` of `to`. */
export function putRows(from: Matrix, rows: Int32Array, to: Matrix): void {
  rows.forEach((row, i) => {
    to.values.set(from.values.subarray(i * from.columns, (i + 1) * from.columns), row * from.columns);
  });
}
