import { argMin } from 'pointsman/math';
import {
  chainHead,
  countFolds,
  createMatrix,
  type DenseLayer,
  fitLinearPath,
  foldRows,
  type Matrix,
  type OnFold,
  type OnProgress,
  predictRows,
  takeRows,
} from '../head/index.ts';
import type { FittedMember, MemberData, TunedMember } from './member.ts';
import { allRows, putRows, takeFitData } from './member-rows.ts';
import { tuneSharedLinear } from './shared-linear.ts';
import { isFullyObserved, type Part, squaredError } from './squared-error.ts';

/** Penalties tried, as shares of rows times feature variance; strong to weak. */
export const PENALTY_SHARES = [3, 1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001];

/**
 * Ridge regression of every candidate's quality on the features. How hard the prompt is (the candidates' mean) and
 * how the candidates differ get a penalty each, chosen by cross-validation, and one layer does both.
 */
export async function tuneLinearMember(data: MemberData, onFold?: OnFold): Promise<TunedMember> {
  const { residuals } = data;
  if (!isFullyObserved(residuals)) return sharedLinearMember(data, onFold);
  const path = await outOfFoldPath(data, onFold);
  const parts: readonly Part[] = ['level', 'deviation'];
  const [level, deviation] = parts.map((part) => best(path, residuals, part));
  let fitted: Promise<FittedMember> | undefined;
  return {
    name: 'linear',
    settings: { levelPenalty: PENALTY_SHARES[level], deviationPenalty: PENALTY_SHARES[deviation] },
    outOfFold: combine(path[level], path[deviation]),
    // The curve member is made of this one: both ask for the fit, and it is the same.
    fit: () => (fitted ??= fitCombined(data, level, deviation)),
  };
}

/** Where rows were seen with a candidate or two, the two parts are told apart by the model and not by the rows. */
async function sharedLinearMember(data: MemberData, onFold?: OnFold): Promise<TunedMember> {
  const { levelPenalty, deviationPenalty, outOfFold, fit } = await tuneSharedLinear(data, onFold);
  let fitted: Promise<FittedMember> | undefined;
  return {
    name: 'linear',
    settings: { levelPenalty, deviationPenalty },
    outOfFold,
    fit: () =>
      (fitted ??= fit().then((layer) => ({
        head: chainHead([layer]),
        form: { kind: 'chain', chain: [layer] },
      }))),
  };
}

async function fitCombined(data: MemberData, level: number, deviation: number): Promise<FittedMember> {
  const strongFirst = [...new Set([level, deviation])].sort((a, b) => a - b);
  const layers = await fitPath(data, allRows(data.residuals), strongFirst);
  const layer = combineLayers(layers.get(level)!, layers.get(deviation)!);
  return { head: chainHead([layer]), form: { kind: 'chain', chain: [layer] } };
}

async function outOfFoldPath(data: MemberData, onFold: OnFold = () => {}): Promise<Matrix[]> {
  const { features, residuals, folds } = data;
  const all = PENALTY_SHARES.map((_, i) => i);
  const path = all.map(() => createMatrix(residuals.rows, residuals.columns));
  const count = countFolds(folds);
  for (let fold = 0; fold < count; fold++) {
    const { fit, held } = foldRows(folds, fold);
    const layers = await fitPath(data, fit, all, ({ loss }) => onFold({ fold, folds: count, loss }));
    const heldFeatures = takeRows(features, held);
    for (const i of all) {
      const predicted = predictRows(chainHead([layers.get(i)!]), heldFeatures);
      putRows(predicted, held, path[i]);
    }
  }
  return path;
}

/** Layers for the named penalties, by their number. */
async function fitPath(
  data: MemberData,
  rows: Int32Array,
  penalties: readonly number[],
  onProgress: OnProgress = () => {},
): Promise<ReadonlyMap<number, DenseLayer>> {
  const { featureVariance } = data;
  const fits = await fitLinearPath(takeFitData(data, rows), 'squared', {
    l2s: penalties.map((i) => PENALTY_SHARES[i] * rows.length * featureVariance),
    onProgress,
  });
  return new Map(penalties.map((penalty, i) => [penalty, fits[i].layer]));
}

function best(path: readonly Matrix[], residuals: Matrix, part: Part): number {
  const errors = path.map((predictions) => squaredError(predictions, residuals, part));
  return argMin(errors);
}

/** Row means of one, differences to them of the other. */
function combine(level: Matrix, deviation: Matrix): Matrix {
  if (level === deviation) return level;
  const { rows, columns } = level;
  const combined = createMatrix(rows, columns);
  for (let row = 0; row < rows; row++)
    combineRow(level.values, deviation.values, combined.values, row * columns, columns);
  return combined;
}

/** The same for the layers themselves: a mean over outputs is linear in the kernel's columns. */
function combineLayers(level: DenseLayer, deviation: DenseLayer): DenseLayer {
  if (level === deviation) return level;
  const kernel = new Float32Array(level.kernel.length);
  for (let i = 0; i < level.inputs; i++)
    combineRow(level.kernel, deviation.kernel, kernel, i * level.outputs, level.outputs);
  const bias = new Float32Array(level.outputs);
  combineRow(level.bias, deviation.bias, bias, 0, level.outputs);
  return { ...level, kernel, bias };
}

function combineRow(
  level: Float32Array,
  deviation: Float32Array,
  out: Float32Array,
  from: number,
  columns: number,
) {
  let shift = 0;
  for (let i = from; i < from + columns; i++) shift += (level[i] - deviation[i]) / columns;
  for (let i = from; i < from + columns; i++) out[i] = deviation[i] + shift;
}
