import { InvalidInputError } from 'pointsman';

/** One head output's logits on the calibrate split, and what came of them. */
export interface CalibrationData {
  readonly logits: ArrayLike<number>; // [rows]
  /** 0 to 1, fractions allowed; NaN: unobserved. `[rows]` */
  readonly labels: ArrayLike<number>;
  /** Importance of each row, >= 0. `[rows]` @default 1 each */
  readonly weights?: ArrayLike<number>;
}

/** What was observed, with finite logits and weights above 0, in the order of the rows. */
export interface ObservedRows {
  readonly logits: Float64Array;
  readonly labels: Float64Array;
  readonly weights: Float64Array;
  /** Which rows they were. */
  readonly rows: Int32Array;
  readonly totalWeight: number;
}

/** Probabilities this close to 0 or 1 tell calibrators nothing more. */
const furthest = 30;

/** @throws InvalidInputError where lengths disagree or a label is not in [0, 1] */
export function observedRows({ logits, labels, weights }: CalibrationData): ObservedRows {
  if (logits.length !== labels.length || (weights !== undefined && weights.length !== logits.length)) {
    throw new InvalidInputError(
      `\`logits\`, \`labels\` and \`weights\` of a calibrator must be as long as each other. ` +
        `Got ${logits.length}, ${labels.length} and ${weights?.length ?? 'none'}.`,
    );
  }
  const rows: number[] = [];
  let totalWeight = 0;
  for (let i = 0; i < logits.length; i++) {
    if (Number.isNaN(labels[i]) || Number.isNaN(logits[i])) continue;
    if (!(labels[i] >= 0 && labels[i] <= 1)) {
      throw new InvalidInputError(`\`labels\` of a calibrator must be in [0, 1]. Got ${labels[i]} at ${i}.`);
    }
    const weight = weights?.[i] ?? 1;
    if (!(weight > 0)) continue;
    rows.push(i);
    totalWeight += weight;
  }
  return {
    logits: Float64Array.from(rows, (i) => Math.min(furthest, Math.max(-furthest, logits[i]))),
    labels: Float64Array.from(rows, (i) => labels[i]),
    weights: Float64Array.from(rows, (i) => weights?.[i] ?? 1),
    rows: Int32Array.from(rows),
    totalWeight,
  };
}
