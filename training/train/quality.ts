import { argMin, type HeadSpec } from 'pointsman/internal';
import type { LearnerName } from '../config.ts';

import { encodeKnn } from '../fit/knn.ts';
import { fitLinear, searchPenalties } from '../fit/linear.ts';
import { meanLoss, softTargets } from '../fit/loss.ts';
import {
  chainHead,
  createMatrix,
  crossValidate,
  type DenseChain,
  type DenseLayer,
  type Matrix,
  predictRows,
  takeRows,
} from '../fit/rows.ts';
import { chooseLossShrinkage, fitStack } from '../fit/stack-weights.ts';
import {
  type FittedLearner,
  type LearnerData,
  splitDifficulty,
  type TunedLearner,
} from '../learners/learner.ts';
import { type Stack, stackLearners } from '../learners/stack.ts';
import { tuneLearners } from '../learners/tune-learners.ts';
import type { OnStep } from './training-run.ts';

/** The fitted quality of every candidate: how it is described, and the parts it is made of. */
export interface FittedQuality {
  /** Gives each candidate's expected quality as a difference to its mean. */
  readonly spec: HeadSpec;
  /** Chains of the LayersModel, by output name. */
  readonly chains: Readonly<Record<string, DenseChain>>;
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Out-of-fold, `[fit rows, candidates]`. */
  readonly outOfFold: Matrix;
  readonly report: QualityReport;
}

/** What cross-validation chose. */
export interface QualityReport {
  readonly members: readonly {
    readonly name: string;
    readonly levelWeight: number;
    readonly deviationWeight: number;
    readonly settings: Readonly<Record<string, number>>;
  }[];
  readonly signal: number;
  readonly guard: number;
}

/** Learners tuned by cross-validation, and how they add up. */
export interface TunedQuality {
  readonly learners: readonly TunedLearner[];
  readonly stack: Stack;
}

/** Tunes the named learners and stacks them: all of the cross-validation, and no fit on all rows yet. */
export async function tuneQuality(
  data: LearnerData,
  names: readonly LearnerName[],
  onStep: OnStep,
): Promise<TunedQuality> {
  const learners = await tuneLearners(data, names, (name, progress) =>
    onStep(`cross-validating the ${name} head`, progress),
  );
  return { learners, stack: stackLearners(learners, data) };
}

/** Fits the learners that take part on all rows. */
export async function fitTuned(
  { features, residuals }: LearnerData,
  { learners, stack }: TunedQuality,
  onStep: OnStep,
): Promise<FittedQuality> {
  const chains: Record<string, DenseChain> = {};
  const files = new Map<string, Uint8Array>();
  const parts: HeadSpec[] = [];
  for (const [i, learner] of learners.entries()) {
    const [level, deviation] = [stack.difficulty[i], stack.advantage[i]];
    if (level === 0 && deviation === 0) continue;
    onStep(`fitting the ${learner.name} head`);
    const head = keep(`quality_${learner.name}`, await learner.fit(), chains, files);
    parts.push({ kind: 'spread', head, level, deviation });
  }
  if (parts.length === 0) {
    // No signal at all: nothing to add to the candidates' means, whatever the prompt.
    chains.quality_none = [constantLayer(features.columns, new Float32Array(residuals.columns))];
    parts.push({ kind: 'layers', output: 'quality_none' });
  }
  return {
    spec:
      parts.length === 1 ? parts[0] : { kind: 'stack', members: parts.map((head) => ({ weight: 1, head })) },
    chains,
    files,
    outOfFold: stack.outOfFold,
    report: {
      members: learners.map(({ name, settings }, i) => ({
        name,
        levelWeight: stack.difficulty[i],
        deviationWeight: stack.advantage[i],
        settings,
      })),
      signal: stack.strength,
      guard: stack.guard,
    },
  };
}

function keep(
  name: string,
  fitted: FittedLearner,
  chains: Record<string, DenseChain>,
  files: Map<string, Uint8Array>,
): HeadSpec {
  if ('chain' in fitted) {
    chains[name] = fitted.chain;
    return { kind: 'layers', output: name };
  }
  const { neighbours, from, to, table } = fitted;
  const file = `${name}.bin`;
  files.set(file, encodeKnn(table));
  return { kind: 'knn', file, rows: table.rows, neighbours, from, to };
}

/** Soft targets: a candidate this much worse than another gets e times less of the mass. */
export const TARGET_TEMPERATURE = 0.1;

/** Penalties tried, as shares of feature variance; the loss is summed over rows. */
const PENALTIES = { from: 0.3, to: 0.03 } as const;

interface FittedChoice {
  readonly spec: HeadSpec;
  readonly chains: Readonly<Record<string, DenseChain>>;
}

/**
 * The choice head: softmax over candidates of base rates, plus a linear layer trained on soft targets, plus the
 * quality head's differences, the two weighed by out-of-fold cross-entropy and the sum shrunk to the base rates
 * unless it is sure to help.
 *
 * @param quality out of fold: predictions `[fit rows, candidates]`
 */
export async function fitChoice(
  data: LearnerData,
  { outOfFold, spec: quality }: Pick<FittedQuality, 'outOfFold' | 'spec'>,
  onStep: OnStep,
): Promise<FittedChoice> {
  const what = 'fitting the choice head';
  onStep(what);
  if (data.logged) return loggedChoice(data, quality);
  const { features, residuals, candidateMeans, folds, groups } = data;
  const { columns } = residuals;
  const utility: Matrix = {
    ...residuals,
    values: residuals.values.map((x, i) => x + candidateMeans[i % columns]),
  };
  const targets = softTargets(utility, TARGET_TEMPERATURE);
  const base = baseLogits(targets);
  const attempt = (some: readonly number[]) =>
    crossValidate(
      folds,
      async ({ fit, held, onProgress }) => {
        const known = { features: takeRows(features, fit), targets: takeRows(targets, fit) };
        const heldFeatures = takeRows(features, held);
        const path: Matrix[] = [];
        for (const share of some) {
          const l2 = share * data.featureVariance;
          const { layer } = await fitLinear(known, 'softmax', { l2, onProgress });
          path.push(without(predictRows(chainHead([layer]), heldFeatures), base));
        }
        return path;
      },
      (progress) => onStep(what, progress),
    );
  const least = (paths: readonly Matrix[]) =>
    argMin(paths.map((path) => meanLoss('softmax', add(path, base), { targets })));
  const { shares, tried } = await searchPenalties(PENALTIES, attempt, (paths) => [least(paths)]);
  const path = tried[least(tried)];
  const l2 = shares[least(tried)] * data.featureVariance;
  const differences = splitDifficulty(outOfFold).advantage;
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
  return { spec: choiceSpec(quality, strength * weights[1]), chains: { choice: [own] } };
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

/**
 * The choice head where rows were seen with a candidate or two: a softmax over what is observed of such a row teaches
 * nothing. It follows from the quality head instead: the expected qualities over the temperature that soft targets have.
 */
function loggedChoice({ features, candidateMeans }: LearnerData, quality: HeadSpec): FittedChoice {
  const bias = Float32Array.from(candidateMeans, (mean) => mean / TARGET_TEMPERATURE);
  return {
    spec: choiceSpec(quality, 1 / TARGET_TEMPERATURE),
    chains: { choice: [constantLayer(features.columns, bias)] },
  };
}

/** The choice's own layer, plus the quality head's differences between candidates. */
function choiceSpec(quality: HeadSpec, weight: number): HeadSpec {
  return {
    kind: 'stack',
    members: [
      { weight: 1, head: { kind: 'layers', output: 'choice' } },
      { weight, head: { kind: 'spread', level: 0, deviation: 1, head: quality } },
    ],
  };
}

/** Says the same of every prompt. */
function constantLayer(inputs: number, bias: Float32Array): DenseLayer {
  const kernel = new Float32Array(inputs * bias.length);
  return { inputs, outputs: bias.length, kernel, bias, activation: 'linear' };
}
