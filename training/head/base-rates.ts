import { type FitData, type Loss, targetWeights } from '../fit/loss.ts';

/** What is known of each output without looking at the features. */
interface BaseRates {
  /** Weighted mean of what was observed; NaN where nothing was. `[outputs]` */
  readonly rates: Float64Array;
  /** Share of the total weight that the output was observed with. `[outputs]` */
  readonly observed: Float64Array;
  /** The constant that predicts best: of a `softmax` or `sigmoid`, its logits. `[outputs]` */
  readonly logits: Float64Array;
}

/** Half a success and half a failure beside the data, so that a rate of 0 or 1 still has a logit. */
const smoothing = 0.5;

export function baseRates(data: Omit<FitData, 'features'>, loss: Loss): BaseRates {
  const { rows, columns, values } = data.targets;
  const weights = targetWeights(data, loss);
  const sums = new Float64Array(columns);
  const totals = new Float64Array(columns);
  let whole = 0;
  for (let row = 0; row < rows; row++) {
    let highest = 0;
    for (let c = 0; c < columns; c++) {
      const weight = weights[row * columns + c];
      if (weight === 0) continue;
      sums[c] += weight * values[row * columns + c];
      totals[c] += weight;
      highest = Math.max(highest, weight);
      if (loss !== 'softmax') whole += weight;
    }
    if (loss === 'softmax') whole += highest;
  }
  const rates = sums.map((sum, c) => sum / totals[c]);
  return {
    rates,
    observed: totals.map((total) => (whole > 0 ? total / whole : 0)),
    logits: rates.map((rate, c) => {
      if (loss === 'squared') return Number.isNaN(rate) ? 0 : rate;
      const smoothed = (sums[c] + smoothing) / (totals[c] + 2 * smoothing);
      return loss === 'softmax' ? Math.log(smoothed) : Math.log(smoothed / (1 - smoothed));
    }),
  };
}
