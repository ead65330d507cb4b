import { argMin, createRandom } from 'pointsman/math';
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
import type { MemberData, TunedMember } from './member.ts';
import { allRows, putRows, takeFitData, weightPerCandidate } from './member-rows.ts';
import { isFullyObserved, squaredError } from './squared-error.ts';

const HIDDEN = 64;
/** Penalties tried, as shares of the outcomes of a candidate. */
const PENALTY_SHARES = [3, 1, 0.3, 0.1, 0.03, 0.01];

/**
 * Quality as a smooth function of what the linear member expects of every candidate. Candidates differ most on
 * prompts of middling difficulty (on easy ones all are right, on hopeless ones all are wrong), so their differences
 * are humped where the linear member can only slope. One hidden layer of fixed random tanh units, then ridge
 * regression: smooth, convex and cheap (Rahimi and Recht 2008).
 *
 * It is fitted on the linear member's out-of-fold predictions, since those on its own rows are too sure of themselves.
 */
export async function tuneCurveMember(
  data: MemberData,
  linear: TunedMember,
  onFold: OnFold = () => {},
): Promise<TunedMember> {
  const { residuals, folds } = data;
  const hidden = hiddenLayer(linear.outOfFold, data.seed);
  const activations = predictRows(chainHead([hidden]), linear.outOfFold);
  const outOfFold = PENALTY_SHARES.map(() => createMatrix(residuals.rows, residuals.columns));
  const count = countFolds(folds);
  for (let fold = 0; fold < count; fold++) {
    const { fit, held } = foldRows(folds, fold);
    const layers = await fitOutput(data, activations, fit, PENALTY_SHARES, ({ loss }) =>
      onFold({ fold, folds: count, loss }),
    );
    const heldActivations = takeRows(activations, held);
    layers.forEach((layer, i) => {
      const predicted = predictRows(chainHead([layer]), heldActivations);
      putRows(predicted, held, outOfFold[i]);
    });
  }
  const part = isFullyObserved(residuals) ? 'deviation' : 'all';
  const errors = outOfFold.map((predictions) => squaredError(predictions, residuals, part, data.weights));
  const chosen = argMin(errors);
  return {
    name: 'curve',
    settings: { penalty: PENALTY_SHARES[chosen] },
    outOfFold: outOfFold[chosen],
    async fit() {
      const fitted = await linear.fit();
      if (fitted.form.kind !== 'chain') throw new TypeError('The curve member reads a chain.');
      const rows = allRows(residuals);
      const [output] = await fitOutput(data, activations, rows, [PENALTY_SHARES[chosen]]);
      const chain = [...fitted.form.chain, hidden, output];
      return { head: chainHead(chain), form: { kind: 'chain', chain } };
    },
  };
}

async function fitOutput(
  data: MemberData,
  activations: Matrix,
  rows: Int32Array,
  shares: readonly number[],
  onProgress: OnProgress = () => {},
): Promise<DenseLayer[]> {
  const fits = await fitLinearPath(takeFitData({ ...data, features: activations }, rows), 'squared', {
    l2s: shares.map((share) => share * weightPerCandidate(data, rows)),
    onProgress,
  });
  return fits.map((fit) => fit.layer);
}

/**
 * Random tanh units over two kinds of coordinate, each standardised: the predictions' mean over candidates, and each
 * candidate's difference to it. Both are linear in the predictions, so the layer reads those directly.
 */
function hiddenLayer(predictions: Matrix, seed: number): DenseLayer {
  const { columns } = predictions;
  const random = createRandom(seed);
  const spread = spreads(predictions);
  const kernel = new Float32Array(columns * HIDDEN);
  const bias = new Float32Array(HIDDEN);
  for (let h = 0; h < HIDDEN; h++) {
    const toLevel = random.normal() / spread.level.scale;
    const toDeviation = Array.from(
      spread.deviations,
      ({ scale }) => random.normal() / (scale * Math.sqrt(columns)),
    );
    const meanDeviation = toDeviation.reduce((sum, x) => sum + x, 0) / columns;
    bias[h] = 3 * (random.next() - 0.5) - toLevel * spread.level.mean;
    for (let c = 0; c < columns; c++) {
      kernel[c * HIDDEN + h] = toLevel / columns + toDeviation[c] - meanDeviation;
      bias[h] -= toDeviation[c] * spread.deviations[c].mean;
    }
  }
  return { inputs: columns, outputs: HIDDEN, kernel, bias, activation: 'tanh' };
}

interface Moments {
  readonly mean: number;
  /** Standard deviation, or 1 where there is none. */
  readonly scale: number;
}

function spreads({ rows, columns, values }: Matrix): { level: Moments; deviations: Moments[] } {
  const level = new Float64Array(rows);
  for (let row = 0; row < rows; row++)
    for (let c = 0; c < columns; c++) level[row] += values[row * columns + c] / columns;
  const deviations = Array.from({ length: columns }, (_, c) =>
    moments(level.map((mean, row) => values[row * columns + c] - mean)),
  );
  return { level: moments(level), deviations };
}

function moments(values: Float64Array): Moments {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
  return { mean, scale: variance > 1e-12 ? Math.sqrt(variance) : 1 };
}
