import type { HeadSpec } from 'pointsman/head';
import { argMin } from 'pointsman/math';
import { fitStack } from '../fit/stack-weights.ts';
import { chooseLossShrinkage } from '../head/choose-loss-shrinkage.ts';
import { crossValidate } from '../head/cross-validate.ts';
import { chainHead, type DenseChain, predictRows } from '../head/dense-chain.ts';
import { fitLinear } from '../head/fit-linear.ts';
import type { OnFold } from '../head/fit-progress.ts';
import { countFolds } from '../head/grouped-folds.ts';
import { createMatrix, type Matrix, takeRows } from '../head/matrix.ts';
import { meanLoss } from '../head/mean-loss.ts';
import { searchPenalties } from '../head/search-penalties.ts';
import { softTargets } from '../head/soft-targets.ts';
import type { MemberData } from '../learners/learner.ts';
import { splitLevels } from '../member/split-levels.ts';
import { loggedChoice } from '../pipeline/logged-choice.ts';

/** Soft targets: a candidate this much worse than another gets e times less of the mass. */
export const TARGET_TEMPERATURE = 0.1;

/** Penalties tried, as shares of feature variance; the loss is summed over rows. */
const PENALTIES = { from: 0.3, to: 0.03 } as const;

export interface FittedChoice {
  readonly spec: HeadSpec;
  readonly chains: Readonly<Record<string, DenseChain>>;
  /** Weight of the choice layer's own logits and of the quality differences. */
  readonly weights: readonly [number, number];
}

/**
 * The choice head: softmax over candidates of base rates, plus a linear layer trained on soft targets, plus the
 * quality head's differences, the two weighed by out-of-fold cross-entropy and the sum shrunk to the base rates
 * unless it is sure to help.
 *
 * @param quality the quality head's spec; `outOfFold` its predictions `[fit rows, candidates]`
 */
export async function fitChoice(
  data: MemberData,
  quality: HeadSpec,
  outOfFold: Matrix,
  onFold: OnFold = () => {},
): Promise<FittedChoice> {
  if (data.logged) return loggedChoice(data, quality, TARGET_TEMPERATURE);
  const { features, residuals, prior, folds, groups } = data;
  const { columns } = residuals;
  const utility: Matrix = { ...residuals, values: residuals.values.map((x, i) => x + prior[i % columns]) };
  const targets = softTargets(utility, TARGET_TEMPERATURE);
  const base = baseLogits(targets);
  const count = countFolds(folds);
  const attempt = async (some: readonly number[]) => {
    const paths: Matrix[] = [];
    for (const [i, share] of some.entries())
      paths.push(
        await crossValidate(folds, columns, async (fit, held, fold) => {
          const known = { features: takeRows(features, fit), targets: takeRows(targets, fit) };
          const { layer } = await fitLinear(known, 'softmax', {
            l2: share * data.featureVariance,
            onProgress: ({ loss }) => onFold({ fold: i * count + fold, folds: some.length * count, loss }),
          });
          return without(predictRows(chainHead([layer]), takeRows(features, held)), base);
        }),
      );
    return paths;
  };
  const least = (paths: readonly Matrix[]) =>
    argMin(paths.map((path) => meanLoss('softmax', add(path, base), { targets })));
  const { shares, tried } = await searchPenalties(PENALTIES, attempt, (paths) => [least(paths)]);
  const path = tried[least(tried)];
  const l2 = shares[least(tried)] * data.featureVariance;
  const differences = splitLevels(outOfFold).deviation;
  const { weights } = fitStack([path, differences], { targets }, 'softmax', base);
  const sum = createMatrix(residuals.rows, columns);
  for (let i = 0; i < sum.values.length; i++)
    sum.values[i] = base[i % columns] + weights[0] * path.values[i] + weights[1] * differences.values[i];
  const { strength } = chooseLossShrinkage(sum, base, { targets }, 'softmax', { groups });
  const { layer } = await fitLinear({ features, targets }, 'softmax', { l2 });
  // Shrinkage and weight go into the layer, the base rates into its bias: one layer to ask at serving time.
  const scale = strength * weights[0];
  const own = {
    ...layer,
    kernel: layer.kernel.map((x) => scale * x),
    bias: layer.bias.map((x, c) => base[c] + scale * (x - base[c])),
  };
  const spec: HeadSpec = {
    kind: 'stack',
    members: [
      { weight: 1, head: { kind: 'layers', output: 'choice' } },
      { weight: strength * weights[1], head: { kind: 'spread', level: 0, deviation: 1, head: quality } },
    ],
  };
  return { spec, chains: { choice: [own] }, weights: [weights[0], weights[1]] };
}

/** Logarithms of the mean targets, smoothed: what to say without looking at the prompt. */
function baseLogits({ rows, columns, values }: Matrix): number[] {
  const sums = new Array<number>(columns).fill(0.5);
  for (let i = 0; i < values.length; i++) if (!Number.isNaN(values[i])) sums[i % columns] += values[i];
  return sums.map((sum) => Math.log(sum / (rows + columns / 2)));
}

function without(logits: Matrix, base: readonly number[]): Matrix {
  return { ...logits, values: logits.values.map((x, i) => x - base[i % base.length]) };
}

function add(logits: Matrix, base: readonly number[]): Matrix {
  return { ...logits, values: logits.values.map((x, i) => x + base[i % base.length]) };
}
