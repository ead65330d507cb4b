import { type HeadSpec, type KnnTable, knnHeaderBytes, knnMagic, knnVersion } from 'pointsman/internal';
import type { LearnerName } from '../config.ts';
import { expectedScore, fieldScores, fitBradleyTerry } from '../evaluate/preferences.ts';
import { clusteredMean, type DenseChain, type DenseLayer, type Matrix } from '../fit/rows.ts';
import {
  type FittedLearner,
  type LearnerData,
  squaredError,
  type TunedLearner,
  trainMeans,
} from '../learners/learner.ts';
import { type Stack, stackLearners } from '../learners/stack.ts';
import { tuneLearners } from '../learners/tune-learners.ts';
import { comparisonsOf, isByPreference, type OutcomeMatrix } from '../outcomes/matrix.ts';
import type { OnStep, TrainingRun } from './training-run.ts';

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

/** Writes a neighbour file: the mirror of `readKnnFile`, which describes the format. */
export function encodeKnn(table: KnnTable): Uint8Array {
  const arrays = [table.scales, table.weights, table.prior, table.outcomes];
  const floats = arrays.reduce((sum, array) => sum + array.length, 0);
  const bytes = new Uint8Array(knnHeaderBytes + 4 * floats + table.vectors.length);
  const view = new DataView(bytes.buffer);
  const header = [knnMagic, knnVersion, table.rows, table.dimensions, table.outputs, 0];
  header.forEach((value, i) => {
    view.setUint32(4 * i, value, true);
  });
  view.setFloat32(24, table.shrinkage, true);
  view.setFloat32(28, table.sharpness, true);
  let offset = knnHeaderBytes;
  for (const array of arrays) {
    for (const value of array) {
      view.setFloat32(offset, value, true);
      offset += 4;
    }
  }
  bytes.set(new Uint8Array(table.vectors.buffer, table.vectors.byteOffset, table.vectors.length), offset);
  return bytes;
}

/** Soft targets: a candidate this much worse than another gets e times less of the mass. */
export const TARGET_TEMPERATURE = 0.1;

/** Says the same of every prompt. */
export function constantLayer(inputs: number, bias: Float32Array): DenseLayer {
  const kernel = new Float32Array(inputs * bias.length);
  return { inputs, outputs: bias.length, kernel, bias, activation: 'linear' };
}

/** The choice head: the quality head's differences, and a layer of its own. */
export interface FittedChoice {
  readonly spec: HeadSpec;
  /** The output `choice`. */
  readonly layer: DenseLayer;
  /** How its layer was made; null where it was not learned by descent. */
  readonly descent: ChoiceDescent | null;
}

/** A softmax layer that was learned from soft targets, and what is taken of it. */
export interface ChoiceDescent {
  readonly layer: DenseLayer;
  readonly l2: number;
  /** Logarithms of base rates. `[candidates]` */
  readonly base: readonly number[];
  /** How much of what the layer says beyond base rates is said. */
  readonly scale: number;
}

/** Logarithms of the mean targets, smoothed: what to say without looking at the prompt. */
export function baseLogits({ rows, columns, values }: Matrix): number[] {
  const sums = new Array<number>(columns).fill(0.5);
  for (let i = 0; i < values.length; i++) if (!Number.isNaN(values[i])) sums[i % columns] += values[i];
  return sums.map((sum) => Math.log(sum / (rows + columns / 2)));
}

/** Shrinkage and weight go into the layer, the base rates into its bias: one layer to ask at serving time. */
export function choiceLayer({ base, layer, scale }: ChoiceDescent): DenseLayer {
  return {
    ...layer,
    kernel: layer.kernel.map((x) => scale * x),
    bias: layer.bias.map((x, c) => base[c] + scale * (x - base[c])),
  };
}

/**
 * The choice head where rows were seen with a candidate or two: a softmax over what is observed of such a row teaches
 * nothing. It follows from the quality head instead: the expected qualities over the temperature that soft targets have.
 */
export function loggedChoice({ features, candidateMeans }: LearnerData, quality: HeadSpec): FittedChoice {
  return {
    spec: choiceSpec(quality, 1 / TARGET_TEMPERATURE),
    layer: loggedChoiceLayer(features.columns, candidateMeans),
    descent: null,
  };
}

export function loggedChoiceLayer(inputs: number, means: readonly number[]): DenseLayer {
  return constantLayer(
    inputs,
    Float32Array.from(means, (mean) => mean / TARGET_TEMPERATURE),
  );
}

/** The choice's own layer, plus the quality head's differences between candidates. */
export function choiceSpec(quality: HeadSpec, weight: number): HeadSpec {
  return {
    kind: 'stack',
    members: [
      { weight: 1, head: { kind: 'layers', output: 'choice' } },
      { weight, head: { kind: 'spread', level: 0, deviation: 1, head: quality } },
    ],
  };
}

export interface LearnedQuality {
  /** What the quality was fitted on in the end. */
  readonly data: LearnerData;
  readonly quality: FittedQuality;
}

/** Mean of what is known of each candidate; 0 where nothing of it weighs. @param weights as `values` @returns `[candidates]` */
export function weightedMeans({ columns, values }: Matrix, weights: Float32Array): Float64Array {
  const sums = new Float64Array(columns);
  const totals = new Float64Array(columns);
  values.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    sums[i % columns] += weights[i] * value;
    totals[i % columns] += weights[i];
  });
  return sums.map((sum, c) => (totals[c] > 0 ? sum / totals[c] : 0));
}

/** What training made of comparisons. */
export interface PreferenceReport {
  /** Of the fit split. */
  readonly comparisons: number;
  /** Whether they are all that there is, and quality is the share of them won; else they teach beside scores. */
  readonly alone: boolean;
  /** Whether heads were learned from them: beside scores, only where they predict these no worse. */
  readonly used: boolean;
  /** Bradley and Terry's, whatever the prompt: logarithms with mean 0. */
  readonly strengths: Readonly<Record<string, number>>;
  /** Davidson's ν: how often equals tie, against how often one of them wins. */
  readonly ties: number;
}

/**
 * Where quality is by preference: the matrix with what each comparison says of a candidate against all others, and not against the one
 * that it met. Who met a strong one is not the worse for it: the score is raised by what Bradley and Terry's model, with ties, expects
 * more of the candidate against the field than against that opponent. So comparisons teach the same however pairs were drawn.
 *
 * @param rows prompts to learn from: only these are changed, and they alone tell strengths
 */
export function againstTheField(matrix: OutcomeMatrix, rows: Int32Array): OutcomeMatrix {
  const columns = matrix.candidates.length;
  if (!isByPreference(matrix) || columns < 3) return matrix;
  const compared = comparisonsOf(matrix, rows);
  const model = fitBradleyTerry(compared, columns);
  const field = fieldScores(model);
  const quality = matrix.quality.slice();
  for (const { a, b, first, second } of compared)
    for (const [cell, own, other] of [
      [first, a, b],
      [second, b, a],
    ])
      quality[cell] += field[own] - expectedScore(model, own, other);
  return { ...matrix, quality };
}

/** @returns null where nothing was compared */
export function describePreferences(run: TrainingRun, used: boolean): PreferenceReport | null {
  const { matrix, splits } = run;
  const compared = comparisonsOf(matrix, splits.fit.rows);
  if (compared.length === 0) return null;
  const { strengths, ties } = fitBradleyTerry(compared, matrix.candidates.length);
  const rounded = (x: number) => Number(x.toFixed(4));
  return {
    comparisons: compared.length,
    alone: isByPreference(matrix),
    used,
    strengths: Object.fromEntries(matrix.candidates.map((name, c) => [name, rounded(strengths[c])])),
    ties: rounded(ties),
  };
}

/** A preference is worth between a quarter and four times what it is where each answer is either good or bad. */
const MOST_WORTH = 4;

/** Of a normal distribution, so many standard deviations below the mean are 95 %. */
const SURELY = 1.645;

/** As many comparisons as hold the worth of a preference to 1, times the variance of what they are compared with. */
const PRIOR = 2;

/**
 * Learns from comparisons beside scores. What scores alone teach says what to expect of the opponent; a comparison then says of
 * a candidate: as good as that, and better or worse by what a preference is worth. How much that is, the slope of comparisons
 * on expected differences says, of candidates that both have scores: of others the difference is not known. Each counts as its
 * noise allows, and as half, for it speaks of two candidates.
 *
 * @returns what was learned from the scores, where comparisons make it predict scores worse; surely so, where a candidate has none
 */
export async function learnBesideScores<Learned extends LearnedQuality>(
  run: TrainingRun,
  learned: Learned,
): Promise<Learned & { readonly used: boolean }> {
  const { matrix, splits } = run;
  const { data, quality } = learned;
  const { residuals, candidateMeans } = data;
  const columns = matrix.candidates.length;
  const placeOf = new Map(Array.from(splits.fit.rows, (row, i) => [row, i]));
  const compared = comparisonsOf(matrix, splits.fit.rows).filter(({ first, second }) =>
    [first, second].every((cell) => Number.isNaN(matrix.quality[cell])),
  );
  if (isByPreference(matrix) || compared.length === 0) return { ...learned, used: isByPreference(matrix) };
  const known = quality.outOfFold.values;
  const pairs = compared.map((one) => {
    const from = placeOf.get(one.row)! * columns;
    const [a, b] = [from + one.a, from + one.b];
    const gap = candidateMeans[a % columns] + known[a] - candidateMeans[b % columns] - known[b];
    return { a, b, gap, preferred: 2 * one.won - 1 };
  });
  const scored = scoredColumns(residuals.values, columns);
  const judged = pairs.filter(({ a, b }) => scored.has(a % columns) && scored.has(b % columns));
  const products = judged.reduce((sum, { gap, preferred }) => sum + gap * preferred, PRIOR);
  const squares = judged.reduce((sum, { gap }) => sum + gap * gap, PRIOR);
  const worth = 1 / Math.min(MOST_WORTH, Math.max(1 / MOST_WORTH, products / squares));
  const noise = pairs.reduce((sum, { gap, preferred }) => sum + (worth * preferred - gap) ** 2, 0);
  const error = squaredError(quality.outOfFold, residuals, 'all', data.weights);
  const weight = Math.min(1, error / (2 * Math.max(noise / pairs.length, 1e-6)));

  const values = residuals.values.slice();
  const weights = data.weights?.slice() ?? new Float32Array(values.length).fill(1);
  for (const { a, b, preferred } of pairs)
    for (const [own, other, won] of [
      [a, b, preferred],
      [b, a, -preferred],
    ]) {
      const opponent = candidateMeans[other % columns] + known[other];
      values[own] = opponent + worth * won - candidateMeans[own % columns];
      weights[own] = weight;
    }
  const { means, centred } = centreUnscored(
    { ...residuals, values },
    weights,
    residuals.values,
    candidateMeans,
  );
  const levels = {
    candidateMeans: means,
    trainMeans: trainMeans(data).map((mean, c) => mean + means[c] - candidateMeans[c]),
  };
  const both = {
    ...data,
    ...levels,
    residuals: { ...residuals, values: centred },
    weights,
    logged: true,
  };
  const again = await fitTuned(both, await tuneQuality(both, run.config.heads, run.onStep), run.onStep);
  const worse = clusteredMean(
    Float64Array.from(
      residuals.values,
      (score, i) => (score - again.outOfFold.values[i]) ** 2 - (score - known[i]) ** 2,
    ),
    Array.from(residuals.values, (_, i) => run.groups[splits.fit.rows[Math.floor(i / columns)]]),
    data.weights,
  );
  // Of a candidate without a score nothing is known but by comparisons: they are left out only if they surely do harm.
  const used = worse.mean <= (scored.size < columns ? SURELY * worse.standardError : 0);
  return used ? { ...learned, data: { ...data, ...levels }, quality: again, used } : { ...learned, used };
}

/** A candidate without a score has the mean of what its comparisons say. */
function centreUnscored(
  said: Matrix,
  weights: Float32Array,
  scores: Float32Array,
  candidateMeans: readonly number[],
): { readonly means: number[]; readonly centred: Float32Array } {
  const { columns, values } = said;
  const scored = scoredColumns(scores, columns);
  const shifts = weightedMeans(said, weights).map((mean, c) => (scored.has(c) ? 0 : mean));
  return {
    means: candidateMeans.map((mean, c) => mean + shifts[c]),
    centred: values.map((value, i) => value - shifts[i % columns]),
  };
}

/** Candidates with a score. */
function scoredColumns(scores: Float32Array, columns: number): ReadonlySet<number> {
  const scored = new Set<number>();
  scores.forEach((score, i) => {
    if (!Number.isNaN(score)) scored.add(i % columns);
  });
  return scored;
}
