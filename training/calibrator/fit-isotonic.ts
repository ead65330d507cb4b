import { IsotonicCalibrator } from 'pointsman/calibrator';
import { type CalibrationData, observedRows } from './calibration-data.ts';

/** A run of rows that share one probability. */
interface Block {
  logit: number;
  label: number;
  weight: number;
}

/** Rows that each block is smoothed with: without them a block of three successes would promise certainty. */
const pseudoRows = 1;

/**
 * Pool adjacent violators (Ayer et al. 1955): the non-decreasing steps of least squared error, a point at each step's
 * mean logit and straight lines between. Each step is smoothed towards the overall mean. No rows give 1/2 everywhere.
 */
export function fitIsotonic(data: CalibrationData): IsotonicCalibrator {
  const { logits, labels, weights, totalWeight } = observedRows(data);
  if (logits.length === 0)
    return new IsotonicCalibrator({ kind: 'isotonic', logits: [0], probabilities: [0.5] });
  const order = Int32Array.from(logits.keys()).sort((a, b) => logits[a] - logits[b] || a - b);
  let sum = 0;
  for (let i = 0; i < labels.length; i++) sum += weights[i] * labels[i];
  const overall = (sum + 0.5 * pseudoRows) / (totalWeight + pseudoRows);
  const blocks: Block[] = [];
  for (const i of order) {
    let block: Block = { logit: logits[i], label: labels[i], weight: weights[i] };
    for (let last = blocks.at(-1); last !== undefined && mustPool(last, block); last = blocks.at(-1)) {
      blocks.pop();
      block = pooled(last, block);
    }
    blocks.push(block);
  }
  const smooth = ({ label, weight }: Block) =>
    (label * weight + overall * pseudoRows) / (weight + pseudoRows);
  // Smoothing pulls small steps further than large ones, so the order is made good once more.
  const probabilities: number[] = [];
  for (const block of blocks) probabilities.push(Math.max(smooth(block), probabilities.at(-1) ?? 0));
  return new IsotonicCalibrator({
    kind: 'isotonic',
    logits: blocks.map((block) => block.logit),
    probabilities: probabilities.map((p) => Math.min(1, p)),
  });
}

function mustPool(left: Block, right: Block): boolean {
  return left.label >= right.label || left.logit === right.logit;
}

function pooled(left: Block, right: Block): Block {
  const weight = left.weight + right.weight;
  return {
    logit: (left.logit * left.weight + right.logit * right.weight) / weight,
    label: (left.label * left.weight + right.label * right.weight) / weight,
    weight,
  };
}
