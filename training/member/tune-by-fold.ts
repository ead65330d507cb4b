import { argMin } from 'pointsman/math';
import type { FitData } from '../fit/loss.ts';
import { predictRows } from '../head/dense-chain.ts';
import { countFolds, foldRows } from '../head/grouped-folds.ts';
import { createMatrix, takeRows } from '../head/matrix.ts';
import type { FittedMember, MemberData, TunedMember } from '../learners/learner.ts';
import { allRows, putRows, takeFitData } from './member-rows.ts';
import { squaredError } from './squared-error.ts';

/** Tunes any head by fitting it on every fold with every setting, and keeping the setting with the least squared error. */
export async function tuneByFold<Setting extends Readonly<Record<string, number>>>(
  name: string,
  data: MemberData,
  settings: readonly Setting[],
  fit: (known: FitData, setting: Setting, rows: Int32Array) => Promise<FittedMember>,
): Promise<TunedMember> {
  const { features, residuals, folds } = data;
  const outOfFold = settings.map(() => createMatrix(residuals.rows, residuals.columns));
  const count = countFolds(folds);
  for (let fold = 0; fold < count; fold++) {
    const rows = foldRows(folds, fold);
    const known = takeFitData(data, rows.fit);
    const held = takeRows(features, rows.held);
    for (const [i, setting] of settings.entries()) {
      const predicted = predictRows((await fit(known, setting, rows.fit)).head, held);
      putRows(predicted, rows.held, outOfFold[i]);
    }
  }
  const errors = outOfFold.map((predictions) => squaredError(predictions, residuals, 'all', data.weights));
  const chosen = argMin(errors);
  const all = allRows(residuals);
  return {
    name,
    settings: settings[chosen],
    outOfFold: outOfFold[chosen],
    fit: () => fit(takeFitData(data, all), settings[chosen], all),
  };
}
