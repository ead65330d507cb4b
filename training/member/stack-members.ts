import { createMatrix, fitStack, type Matrix } from '../head/index.ts';
import { guardStrength } from './guard.ts';
import type { MemberData, TunedMember } from './member.ts';
import { shrinkage } from './shrinkage.ts';
import { splitLevels } from './split-levels.ts';
import { isFullyObserved } from './squared-error.ts';

/** How the members add up. */
export interface Stack {
  /** Weight of each member's row means and of its differences to them, shrinkage included: `[members]` */
  readonly level: Float64Array;
  readonly deviation: Float64Array;
  /** How much of the differences is told from noise, 0 to 1: 0 is "no signal, use the best single". */
  readonly signal: number;
  /** How far they may be believed without harm, 0 to 1; see `guardStrength`. */
  readonly guard: number;
  /** What the stack says of each row by fits that did not see its fold: `[rows, candidates]` */
  readonly outOfFold: Matrix;
}

/**
 * Weighs members by non-negative least squares on their out-of-fold predictions (Breiman 1996, "Stacked
 * regressions"), then shrinks the sum by how surely it says anything at all. Levels and differences are weighed
 * apart where outcomes are complete, together where they are not.
 */
export function stackMembers(members: readonly TunedMember[], data: MemberData): Stack {
  const { residuals } = data;
  const apart = isFullyObserved(residuals);
  const parts = members.map((member) => splitParts(member.outOfFold, apart));
  const truth = splitParts(residuals, apart);
  const deviation = fitPart(
    parts.map((part) => part.deviation),
    truth.deviation,
    data,
  );
  const level = apart
    ? fitPart(
        parts.map((part) => part.level),
        truth.level,
        data,
      )
    : deviation;
  const guard = guardStrength(addUp(members, level.weights, deviation.weights, residuals), data);
  const guarded = deviation.weights.map((weight) => weight * guard);
  // Without parts to tell apart, what holds back the differences holds back everything.
  const levels = apart ? level.weights : guarded;
  return {
    level: levels,
    deviation: guarded,
    signal: deviation.strength,
    guard,
    outOfFold: addUp(members, levels, guarded, residuals),
  };
}

interface Parts {
  readonly level: Matrix;
  readonly deviation: Matrix;
}

/** Row means and differences to them; where they cannot be told apart, everything is a difference. */
function splitParts(matrix: Matrix, apart: boolean): Parts {
  if (apart) return splitLevels(matrix);
  return { level: createMatrix(matrix.rows, matrix.columns), deviation: matrix };
}

function fitPart(
  members: readonly Matrix[],
  truth: Matrix,
  { weights, folds }: MemberData,
): { weights: Float64Array; strength: number } {
  const data = { targets: truth, ...(weights === null ? {} : { weights }) };
  const fitted = fitStack(members, data, 'squared').weights;
  const sum = createMatrix(truth.rows, truth.columns);
  for (let i = 0; i < sum.values.length; i++)
    for (let j = 0; j < members.length; j++) sum.values[i] += fitted[j] * members[j].values[i];
  const strength = shrinkage(sum, truth, weights, folds.length);
  return { weights: Float64Array.from(fitted, (w) => w * strength), strength };
}

function addUp(
  members: readonly TunedMember[],
  level: Float64Array,
  deviation: Float64Array,
  { rows, columns }: Matrix,
): Matrix {
  const sum = createMatrix(rows, columns);
  members.forEach(({ outOfFold: { values } }, j) => {
    for (let row = 0; row < rows; row++) {
      const from = row * columns;
      let mean = 0;
      for (let c = 0; c < columns; c++) mean += values[from + c] / columns;
      for (let c = 0; c < columns; c++)
        sum.values[from + c] += level[j] * mean + deviation[j] * (values[from + c] - mean);
    }
  });
  return sum;
}
