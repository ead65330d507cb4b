import type { Loss } from '../fit/loss.ts';

/** A stretch of rows of the targets and of what the head says of them. */
interface ResidualInput {
  readonly rows: number;
  readonly outputs: number;
  readonly logits: Float32Array; // [rows, outputs]
  readonly targets: Float32Array; // [rows, outputs], NaN: unobserved
  readonly weights: Float32Array; // [rows, outputs], 0: unobserved
}

/**
 * Loss and its slope by logit, in one pass. The slope is written by output, ready to be multiplied with the
 * features. Sums are in double precision.
 * @param out `[outputs, rows]`
 * @returns the sum of weight times loss
 */
export function residualsInto(loss: Loss, input: ResidualInput, out: Float32Array): number {
  switch (loss) {
    case 'softmax':
      return softmaxResiduals(input, out);
    case 'sigmoid':
      return sigmoidResiduals(input, out);
    case 'squared':
      return squaredResiduals(input, out);
  }
}

function softmaxResiduals(
  { rows, outputs, logits, targets, weights }: ResidualInput,
  out: Float32Array,
): number {
  const exps = new Float64Array(outputs);
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const start = row * outputs;
    let highest = Number.NEGATIVE_INFINITY;
    let weight = 0;
    for (let c = 0; c < outputs; c++) {
      if (weights[start + c] === 0) continue;
      weight = weights[start + c];
      if (logits[start + c] > highest) highest = logits[start + c];
    }
    if (weight === 0) {
      for (let c = 0; c < outputs; c++) out[c * rows + row] = 0;
      continue;
    }
    let sum = 0;
    for (let c = 0; c < outputs; c++) {
      exps[c] = weights[start + c] === 0 ? 0 : Math.exp(logits[start + c] - highest);
      sum += exps[c];
    }
    const logSum = highest + Math.log(sum);
    for (let c = 0; c < outputs; c++) {
      if (weights[start + c] === 0) {
        out[c * rows + row] = 0;
        continue;
      }
      const target = targets[start + c];
      out[c * rows + row] = weight * (exps[c] / sum - target);
      if (target > 0) total += weight * target * (logSum - logits[start + c]);
    }
  }
  return total;
}

function sigmoidResiduals(
  { rows, outputs, logits, targets, weights }: ResidualInput,
  out: Float32Array,
): number {
  let total = 0;
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < outputs; c++) {
      const i = row * outputs + c;
      const weight = weights[i];
      if (weight === 0) {
        out[c * rows + row] = 0;
        continue;
      }
      const z = logits[i];
      const e = Math.exp(-Math.abs(z));
      out[c * rows + row] = weight * ((z >= 0 ? 1 : e) / (1 + e) - targets[i]);
      // ln(1 + exp(z)) - y z
      total += weight * (Math.max(z, 0) + Math.log1p(e) - targets[i] * z);
    }
  }
  return total;
}

function squaredResiduals(
  { rows, outputs, logits, targets, weights }: ResidualInput,
  out: Float32Array,
): number {
  let total = 0;
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < outputs; c++) {
      const i = row * outputs + c;
      const difference = weights[i] === 0 ? 0 : logits[i] - targets[i];
      out[c * rows + row] = weights[i] * difference;
      total += 0.5 * weights[i] * difference * difference;
    }
  }
  return total;
}
