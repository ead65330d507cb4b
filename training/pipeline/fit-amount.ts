import { argMin, quantile } from 'pointsman/math';
import { fitRatioScale } from '../calibrator/fit-ratio-scale.ts';
import { chainHead, type DenseChain, type DenseLayer, predictRows } from '../head/dense-chain.ts';
import { fitLinearPath } from '../head/fit-linear.ts';
import type { OnFold } from '../head/fit-progress.ts';
import { type Matrix, takeColumn, takeRows } from '../head/matrix.ts';
import { searchPenalties } from '../head/search-penalties.ts';
import { tuneSharedLinear } from '../learners/shared-linear.ts';
import { isFullyObserved } from '../member/squared-error.ts';
import { crossFitLinear } from './cross-fit-linear.ts';

/** Penalties tried, as shares of rows times feature variance; 100, the strongest there is, is "the mean and nothing else". */
const PENALTIES = { from: 1, to: 0.003 } as const;

export interface AmountData {
  readonly features: Matrix; // [prompts, features]
  readonly featureVariance: number;
  /** US dollars, milliseconds or tokens, `[prompts, candidates]`; NaN: unobserved. */
  readonly amounts: Matrix;
  /** What expected amounts are to add up to, as `amounts`. @default `amounts` */
  readonly means?: Matrix;
  /** What is less has the logarithm of this. @default a millionth of the candidate's mean */
  readonly least?: number;
  readonly fit: Int32Array;
  readonly calibrate: Int32Array;
  /** Fold of each fit row. */
  readonly folds: Int32Array;
  readonly onFold?: OnFold;
}

/** A head for ln(amount), and the ratio that makes the expected amounts add up on the calibrate split. */
export interface FittedAmount {
  readonly chain: DenseChain;
  readonly scales: readonly number[];
  /** The least and the most that is expected of prompts like those of the fit split, but for one in a thousand. */
  readonly bounds: readonly (readonly [least: number, most: number])[];
}

const TAIL = 0.001;

/**
 * Ridge regression of the logarithm of a cost, latency or length, its penalty by cross-validation.
 *
 * @returns null where nothing was observed on the fit split.
 */
export async function fitAmount(data: AmountData): Promise<FittedAmount | null> {
  // Of the fit rows alone: what amounts of nothing are held at must not come from others.
  const targets = logarithms(takeRows(data.amounts, data.fit), data.least);
  if (targets.values.every(Number.isNaN)) return null;
  const features = takeRows(data.features, data.fit);
  const layer = isFullyObserved(targets)
    ? await fitComplete(features, targets, data)
    : await fitShared(features, targets, data);
  const head = chainHead([layer]);
  const predicted = predictRows(head, takeRows(data.features, data.calibrate));
  const seen = takeRows(data.means ?? data.amounts, data.calibrate);
  const scales = Array.from({ length: targets.columns }, (_, c) =>
    fitRatioScale(takeColumn(predicted, c), takeColumn(seen, c)),
  );
  const ofTraffic = predictRows(head, features);
  const bounds = scales.map((scale, c) => {
    const expected = takeColumn(ofTraffic, c).map((log) => scale * Math.exp(log));
    return [quantile(expected, TAIL), quantile(expected, 1 - TAIL)] as const;
  });
  return { chain: [layer], scales, bounds };
}

async function fitComplete(features: Matrix, targets: Matrix, data: AmountData): Promise<DenseLayer> {
  const l2s = (some: readonly number[], rows: number) =>
    some.map((share) => share * rows * data.featureVariance);
  const { shares, tried } = await searchPenalties(
    PENALTIES,
    (some) => crossFitLinear(features, targets, data.folds, (rows) => l2s(some, rows), data.onFold),
    (errors) => [argMin(errors)],
  );
  const [{ layer }] = await fitLinearPath({ features, targets }, 'squared', {
    l2s: l2s([shares[argMin(tried)]], data.fit.length),
  });
  return layer;
}

/** Where rows were seen with a candidate or two, what makes a prompt costly is learned from all of them together. */
async function fitShared(features: Matrix, targets: Matrix, data: AmountData): Promise<DenseLayer> {
  const means = Array.from({ length: targets.columns }, (_, c) => observedMean(takeColumn(targets, c)));
  const shared = await tuneSharedLinear(
    {
      features,
      featureVariance: data.featureVariance,
      folds: data.folds,
      residuals: {
        ...targets,
        values: targets.values.map((value, i) => value - means[i % targets.columns]),
      },
      weights: null,
    },
    data.onFold,
  );
  const layer = await shared.fitOn(Int32Array.from({ length: features.rows }, (_, row) => row));
  return { ...layer, bias: layer.bias.map((value, c) => value + means[c]) };
}

function observedMean(values: Float32Array): number {
  const seen = values.filter((value) => !Number.isNaN(value));
  return seen.length === 0 ? 0 : seen.reduce((sum, value) => sum + value, 0) / seen.length;
}

/** Amounts of nothing are held at a millionth of the column's mean, so that they have a logarithm. */
function logarithms({ rows, columns, values }: Matrix, least?: number): Matrix {
  const floors = Array.from({ length: columns }, (_, c) => {
    if (least !== undefined) return least;
    let [sum, count] = [0, 0];
    for (let i = c; i < values.length; i += columns)
      if (!Number.isNaN(values[i])) [sum, count] = [sum + values[i], count + 1];
    return count > 0 && sum > 0 ? (sum / count) * 1e-6 : 1e-12;
  });
  return { rows, columns, values: values.map((x, i) => Math.log(Math.max(x, floors[i % columns]))) };
}
