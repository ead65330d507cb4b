import { fitStack } from '../fit/stack-weights.ts';
import { createMatrix, type Matrix } from '../head/matrix.ts';
import { guardStrength } from '../member/guard.ts';
import { shrinkage } from '../member/shrinkage.ts';
import { splitLevels } from '../member/split-levels.ts';
import { isFullyObserved } from '../member/squared-error.ts';
import type { MemberData, TunedMember } from './learner.ts';

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

/** One part of the sum, weighed and shrunk. */
interface FittedPart {
  readonly weights: Float64Array;
  readonly strength: number;
}

/**
 * Weighs members by non-negative least squares on their out-of-fold predictions (Breiman 1996, "Stacked
 * regressions"), then shrinks the sum by how surely it says anything at all, levels and differences apart.
 */
export function stackMembers(members: readonly TunedMember[], data: MemberData): Stack {
  const { residuals } = data;
  const parts = members.map((member) => splitLevels(member.outOfFold));
  const levels = parts.map((part) => part.level);
  const deviations = parts.map((part) => part.deviation);
  const { level, deviation } = isFullyObserved(residuals)
    ? fitApart(levels, deviations, data)
    : fitTogether(levels, deviations, data);
  const guard = guardStrength(addUp(members, level.weights, deviation.weights, residuals), data);
  const guarded = deviation.weights.map((weight) => weight * guard);
  return {
    level: level.weights,
    deviation: guarded,
    signal: deviation.strength,
    guard,
    outOfFold: addUp(members, level.weights, guarded, residuals),
  };
}

interface FittedParts {
  readonly level: FittedPart;
  readonly deviation: FittedPart;
}

/** Rows with every outcome are in two parts themselves. */
function fitApart(levels: readonly Matrix[], deviations: readonly Matrix[], data: MemberData): FittedParts {
  const truth = splitLevels(data.residuals);
  return {
    deviation: fitPart(deviations, truth.deviation, data),
    level: fitPart(levels, truth.level, data),
  };
}

/** Of rows with an outcome or two, members alone can say what is level and what is difference. */
function fitTogether(
  levels: readonly Matrix[],
  deviations: readonly Matrix[],
  data: MemberData,
): FittedParts {
  const { residuals, weights, groups } = data;
  const fitted = fitStack([...levels, ...deviations], weighed(residuals, weights), 'squared').weights;
  const shrunk = (members: readonly Matrix[], own: readonly number[], truth: Matrix): FittedPart => {
    const strength = shrinkage(sumOf(members, own, truth), truth, weights, groups);
    return { weights: Float64Array.from(own, (weight) => weight * strength), strength };
  };
  const level = shrunk(levels, fitted.slice(0, levels.length), residuals);
  const explained = sumOf(levels, level.weights, residuals);
  const rest = { ...residuals, values: residuals.values.map((value, i) => value - explained.values[i]) };
  return { level, deviation: shrunk(deviations, fitted.slice(levels.length), rest) };
}

function fitPart(members: readonly Matrix[], truth: Matrix, { weights, groups }: MemberData): FittedPart {
  const fitted = fitStack(members, weighed(truth, weights), 'squared').weights;
  const strength = shrinkage(sumOf(members, fitted, truth), truth, weights, groups);
  return { weights: Float64Array.from(fitted, (w) => w * strength), strength };
}

function weighed(targets: Matrix, weights: Float32Array | null) {
  return weights === null ? { targets } : { targets, weights };
}

function sumOf(members: readonly Matrix[], weights: ArrayLike<number>, { rows, columns }: Matrix): Matrix {
  const sum = createMatrix(rows, columns);
  for (let i = 0; i < sum.values.length; i++)
    for (let j = 0; j < members.length; j++) sum.values[i] += weights[j] * members[j].values[i];
  return sum;
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
