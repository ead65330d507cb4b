import { argMin } from 'pointsman/math';
import { chainHead, type DenseLayer } from '../fit/chain.ts';
import type { OnFold } from '../fit/folds.ts';
import { fitLinearPath, type OnProgress, searchPenalties } from '../fit/linear.ts';
import { createMatrix, type Matrix } from '../fit/rows.ts';
import {
  allRows,
  crossValidateLayers,
  type FittedMember,
  isFullyObserved,
  type MemberData,
  type Part,
  squaredError,
  type TunedMember,
  takeFitData,
} from './learner.ts';
import { tuneSharedLinear } from './shared-linear.ts';

/** Penalties tried, as shares of rows times feature variance. */
const PENALTIES = { from: 3, to: 0.003 } as const;

/** A linear member, which the curve member is made of. */
export interface LinearMember extends TunedMember {
  /** The same with the penalties that were chosen, fitted on these rows alone. */
  fitOn(rows: Int32Array): Promise<DenseLayer>;
}

/**
 * Ridge regression of every candidate's quality on the features. How hard the prompt is (the candidates' mean) and
 * how the candidates differ get a penalty each, chosen by cross-validation, and one layer does both.
 */
export async function tuneLinearMember(data: MemberData, onFold?: OnFold): Promise<LinearMember> {
  const { residuals } = data;
  if (!isFullyObserved(residuals)) return sharedLinearMember(data, onFold);
  const parts: readonly Part[] = ['level', 'deviation'];
  const { shares, tried } = await searchPenalties(
    PENALTIES,
    (some) => crossValidateLayers(data, (rows, onProgress) => fitPath(data, rows, some, onProgress), onFold),
    (path) => parts.map((part) => best(path, residuals, part)),
  );
  const [level, deviation] = parts.map((part) => best(tried, residuals, part));
  const fitOn = (rows: Int32Array) => fitCombined(data, shares[level], shares[deviation], rows);
  let fitted: Promise<FittedMember> | undefined;
  return {
    name: 'linear',
    settings: { levelPenalty: shares[level], deviationPenalty: shares[deviation] },
    outOfFold: combine(tried[level], tried[deviation]),
    // The curve member is made of this one: both ask for the fit, and it is the same.
    fit: () => (fitted ??= asMember(fitOn(allRows(residuals)))),
    fitOn,
  };
}

/** Where rows were seen with a candidate or two, the two parts are told apart by the model and not by the rows. */
async function sharedLinearMember(data: MemberData, onFold?: OnFold): Promise<LinearMember> {
  const { levelPenalty, deviationPenalty, outOfFold, fitOn } = await tuneSharedLinear(data, onFold);
  let fitted: Promise<FittedMember> | undefined;
  return {
    name: 'linear',
    settings: { levelPenalty, deviationPenalty },
    outOfFold,
    fit: () => (fitted ??= asMember(fitOn(allRows(data.residuals)))),
    fitOn,
  };
}

async function asMember(fitting: Promise<DenseLayer>): Promise<FittedMember> {
  const layer = await fitting;
  return { head: chainHead([layer]), form: { kind: 'chain', chain: [layer] } };
}

async function fitCombined(
  data: MemberData,
  level: number,
  deviation: number,
  rows: Int32Array,
): Promise<DenseLayer> {
  const strongFirst = [...new Set([level, deviation])].sort((a, b) => b - a);
  const layers = await fitPath(data, rows, strongFirst);
  return combineLayers(layers[strongFirst.indexOf(level)], layers[strongFirst.indexOf(deviation)]);
}

/** Layers for these penalties, strong to weak. */
async function fitPath(
  data: MemberData,
  rows: Int32Array,
  shares: readonly number[],
  onProgress?: OnProgress,
): Promise<DenseLayer[]> {
  const { featureVariance } = data;
  const fits = await fitLinearPath(takeFitData(data, rows), 'squared', {
    l2s: shares.map((share) => share * rows.length * featureVariance),
    onProgress,
  });
  return fits.map(({ layer }) => layer);
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
