import { InvalidInputError, type Manifest } from 'pointsman';
import {
  argMin,
  type Calibrator,
  createCalibrator,
  createHead,
  type ManifestAnswer,
  type ManifestHeads,
  needsAnswers,
  successLogit,
  type ToldTask,
} from 'pointsman/internal';
import { chooseCalibrators } from '../calibrate/choose-calibrator.ts';
import { fitSoftmaxTemperature } from '../calibrate/fit-calibrators.ts';
import { type FoldedHeads, foldHeads, headContext, joinedLayer } from '../fit/fold-head.ts';
import { fitLinear } from '../fit/linear.ts';
import { meanLoss, softTargets } from '../fit/loss.ts';
import {
  chainHead,
  createMatrix,
  crossValidate,
  type DenseChain,
  type DenseLayer,
  type Matrix,
  predictRows,
  putRows,
  searchPenalties,
  takeRows,
} from '../fit/rows.ts';
import { chooseLossShrinkage, fitStack } from '../fit/stack-weights.ts';
import { exportRouter, type RouterModel } from '../fit/tensorflow.ts';
import { fitTaskClassifier } from '../learners/domain.ts';
import { isFullyObserved, type LearnerData, splitDifficulty, trainMeans } from '../learners/learner.ts';
import { tuneLinearLearner } from '../learners/linear.ts';
import {
  type FittedUncertainty,
  fitUncertainty,
  type HeldErrors,
  type LinearPenalties,
  widened,
} from '../learners/uncertainty.ts';
import { isByPreference } from '../outcomes/matrix.ts';
import { type FittedAmounts, fitAmounts } from './amounts.ts';
import { type AnswerReport, type FittedAnswers, fitAnswers } from './answer.ts';
import { type LogReport, learnQuality, logWeights } from './logged.ts';
import {
  againstTheField,
  baseLogits,
  choiceLayer,
  choiceSpec,
  describePreferences,
  type FittedChoice,
  type FittedQuality,
  type LearnedQuality,
  learnBesideScores,
  loggedChoice,
  type PreferenceReport,
  type QualityReport,
  TARGET_TEMPERATURE,
} from './quality.ts';
import { calibrateTold, fitToldOffsets, type ToldOffsets } from './told-task.ts';
import { type OnStep, onHalf, outcomes, type TrainingRun } from './training-run.ts';

/** All heads of a router, calibrated. */
export interface FittedHeads {
  readonly heads: ManifestHeads;
  /** Where the traffic has tasks. */
  readonly task?: Manifest['task'];
  /** What is known of each candidate's tokens, prices and times. */
  readonly learned: FittedAmounts['learned'];
  readonly model: RouterModel['model'];
  /** Where answers say more than prompts. */
  readonly answer?: ManifestAnswer;
  /** What is said of them; left out where the traffic has none. */
  readonly answers?: AnswerReport;
  /** The model's, and tables of neighbours. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Null where the config does not ask for it. */
  readonly uncertainty: FittedUncertainty | null;
  readonly report: QualityReport & { readonly temperature: number };
  /** How the traffic was learned from where a policy chose what was seen; null where it was not. */
  readonly log: LogReport | null;
  /** What was made of comparisons; null where nothing was compared. */
  readonly preferences: PreferenceReport | null;
}

/** All heads of a router, fitted and not calibrated. */
export interface LearnedHeads {
  readonly data: LearnerData;
  readonly quality: FittedQuality;
  /** What is expected of each candidate before its prompt is looked at. `[candidates]` */
  readonly prior: readonly number[];
  readonly choice: FittedChoice;
  readonly amounts: FittedAmounts;
  /** Tells tasks apart; null where the traffic has fewer than two. */
  readonly classifier: DenseLayer | null;
  readonly log: LogReport | null;
  /** Whether comparisons were learned from. */
  readonly used: boolean;
}

/** Fits every head on the fit split. */
export async function learnHeads(run: TrainingRun): Promise<LearnedHeads> {
  const learned = await learn(run);
  const { data, quality } = learned;
  const choice = await fitChoice(data, quality, run.onStep);
  const amounts = await fitAmounts(run);
  // The domain head is a classifier of tasks times their means: its first layer is worth an output of its own.
  const classifier = quality.chains.quality_domain?.[0] ?? (await fitTaskClassifier(data));
  return { ...learned, prior: trainMeans(data), choice, amounts, classifier };
}

/** The heads as they are asked, those of layers in one layer each. */
export function foldLearned({ amounts, choice, classifier, prior, quality }: LearnedHeads): FoldedHeads {
  const chains: Record<string, DenseChain> = {
    ...quality.chains,
    choice: [choice.layer],
    ...amounts.chains,
    ...(classifier === null ? {} : { task: [classifier] }),
  };
  const outputs = new Map(Object.entries(chains).map(([name, chain]) => [name, joinedLayer(chain)]));
  const heads: ManifestHeads = {
    choice: { head: choice.spec, temperature: 1 },
    success: { head: { kind: 'logit', prior, head: quality.spec }, calibrators: [] },
    ...amounts.heads,
  };
  return foldHeads({ heads, outputs }, classifier === null ? undefined : 'task');
}

/**
 * Calibrates heads on the calibrate split, and makes what is served of them.
 * @param found calibrators and temperature that were found on other rows. @default they are found here
 */
export async function finishHeads(
  run: TrainingRun,
  learned: LearnedHeads,
  found?: FoundCalibration,
): Promise<FittedHeads> {
  const { amounts, classifier, data, log, quality, used } = learned;
  const task = classifier === null ? undefined : 'task';
  run.onStep('calibrating');
  const offsets = task === undefined ? null : await fitToldOffsets(data, quality.outOfFold);
  const calibrated = calibrateHeads(run, foldLearned(learned), quality.files, log, offsets, found);
  const uncertainty =
    run.config.uncertainty === true ? await fitUnsure(run, { data, quality }, calibrated) : null;
  const { heads, outputs: layers } = foldHeads(calibrated, task);
  const { told } = calibrated;
  const { model, files } = await exportRouter({ heads, outputs: layers });
  const answers = await fitAnswers(run, () => expectedSuccess(run, calibrated, data, quality.outOfFold));
  checkAnswerPolicy(run, answers);
  return {
    heads,
    ...(task === undefined
      ? {}
      : { task: { output: task, names: run.tasks, ...(told === null ? {} : { told }) } }),
    learned: amounts.learned,
    model,
    files: new Map([
      ...quality.files,
      ...files,
      ...(answers?.files ?? []),
      ...(uncertainty === null ? [] : [[uncertainty.spec.file, uncertainty.bytes] as const]),
    ]),
    uncertainty,
    ...(answers?.answer ? { answer: answers.answer } : {}),
    ...(answers === null ? {} : { answers: answers.report }),
    report: { ...quality.report, temperature: calibrated.heads.choice.temperature },
    log,
    preferences: describePreferences(run, used),
  };
}

async function learn(run: TrainingRun) {
  const fair = { ...run, matrix: againstTheField(run.matrix, run.splits.fit.rows) };
  return learnBesideScores(run, await learnQuality(fair));
}

/** How unsure the heads are, by what is left of prompts and by what half of them would have said. */
async function fitUnsure(
  run: TrainingRun,
  learned: LearnedQuality,
  { heads, held }: CalibratedHeads,
): Promise<FittedUncertainty> {
  run.onStep('fitting how unsure the heads are');
  const calibrators = heads.success.calibrators.map(createCalibrator);
  const { columns } = held;
  const said = { ...held, values: held.values.map((x, i) => calibrators[i % columns].probability(x)) };
  const fitted = await unsureOf(run, learned, said);
  const halfRun = await onHalf(run);
  if (halfRun === null) return fitted;
  const features = takeRows(run.features.matrix, run.splits.calibrate.rows);
  const half = await learn(halfRun);
  const before = expectedQuality(half, features);
  return widened(fitted, {
    ...{ half: await unsureOf(halfRun, half, before), features },
    ...{ before, after: expectedQuality(learned, features) },
  });
}

/** @param said of the calibrate split: `[rows, candidates]` */
async function unsureOf(run: TrainingRun, { data, quality }: LearnedQuality, said: Matrix) {
  const penalties = await linearPenalties(data, quality.report);
  return fitUncertainty(data, quality.outOfFold, penalties, heldErrors(run, said));
}

/** What quality heads expect of prompts, not calibrated: `[rows, candidates]` */
function expectedQuality(
  { data, quality: { chains, files, spec } }: LearnedQuality,
  features: Matrix,
): Matrix {
  const outputs = new Map(Object.entries(chains).map(([name, chain]) => [name, joinedLayer(chain)]));
  const differences = predictRows(createHead(spec, headContext(outputs, files, features.columns)), features);
  const means = trainMeans(data);
  return { ...differences, values: differences.values.map((x, i) => x + means[i % means.length]) };
}

/** Before hours go into what cannot be served. @throws InvalidInputError */
function checkAnswerPolicy({ config: { policy } }: TrainingRun, answers: FittedAnswers | null): void {
  if (answers?.answer || !needsAnswers(policy)) return;
  throw new InvalidInputError(
    `\`policy\` of the training config asks a head that reads answers, and there is none. ${
      answers?.report.summary ?? 'The traffic has no answers, or `answers` of the config is false.'
    } Use another test, or train on logs with more rated answers.`,
  );
}

/** Calibrated, of rows of the fit split out of fold; NaN in the test split. */
function expectedSuccess(
  { matrix, splits }: TrainingRun,
  { heads, held }: CalibratedHeads,
  data: Pick<LearnerData, 'candidateMeans' | 'trainMeans'>,
  outOfFold: Matrix,
): Matrix {
  const columns = matrix.candidates.length;
  const calibrators = heads.success.calibrators.map(createCalibrator);
  const success = createMatrix(matrix.prompts.length, columns);
  success.values.fill(Number.NaN);
  const means = trainMeans(data);
  const expected = outOfFold.values.map((x, i) => Math.min(1, Math.max(0, means[i % columns] + x)));
  const fit = { ...outOfFold, values: expected.map(successLogit) };
  const put = (logits: Matrix, rows: Int32Array) => {
    const values = logits.values.map((x, i) => calibrators[i % columns].probability(x));
    putRows({ ...logits, values }, rows, success);
  };
  put(fit, splits.fit.rows);
  put(held, splits.calibrate.rows);
  return success;
}

/**
 * How far off what is said of the calibrate split is. Where calibrators were fitted on it, those are two numbers a candidate.
 * @param said `[rows, candidates]`
 */
function heldErrors({ features, groups, matrix, splits }: TrainingRun, said: Matrix): HeldErrors {
  const { rows } = splits.calibrate;
  const quality = takeRows(outcomes(matrix, matrix.quality), rows);
  return {
    features: takeRows(features.matrix, rows),
    errors: { ...quality, values: quality.values.map((value, i) => value - said.values[i]) },
    groups: rows.map((row) => groups[row]),
    share: 1,
  };
}

/** Those of the linear learner, whether it takes part or not. */
async function linearPenalties(data: LearnerData, { members }: QualityReport): Promise<LinearPenalties> {
  const { settings } = members.find(({ name }) => name === 'linear') ?? (await tuneLinearLearner(data));
  return { difficulty: settings.levelPenalty, advantage: settings.deviationPenalty };
}

/** Calibrators of every candidate's success, and the choice head's temperature. */
export interface FoundCalibration {
  readonly calibrators: readonly Calibrator[];
  readonly temperature: number;
}

interface CalibratedHeads extends FoldedHeads {
  readonly told: ToldTask | null;
  /** What the success head says of the calibrate split, not calibrated: `[rows, candidates]`. */
  readonly held: Matrix;
}

/**
 * With the choice head's temperature and the calibrators of every candidate's success, told the task or not, fitted on the
 * calibrate split.
 */
function calibrateHeads(
  { config, features, groups, matrix, propensities, splits, tasks }: TrainingRun,
  { heads, outputs }: FoldedHeads,
  tables: ReadonlyMap<string, Uint8Array>,
  log: LogReport | null,
  offsets: ToldOffsets | null,
  found?: FoundCalibration,
): CalibratedHeads {
  const { rows } = splits.calibrate;
  const context = headContext(outputs, tables, features.matrix.columns);
  const held = takeRows(features.matrix, rows);
  const quality = takeRows(outcomes(matrix, matrix.quality), rows);
  // A row with a candidate or two has no choice to compare with.
  // Of a comparison it has: Bradley and Terry's odds of the two, a tie being half a win of either.
  const areCompared = isByPreference(matrix);
  const targets = areCompared ? quality : softTargets(quality, TARGET_TEMPERATURE);
  const temperature =
    found?.temperature ??
    (areCompared || isFullyObserved(quality)
      ? fitSoftmaxTemperature(predictRows(createHead(heads.choice.head, context), held), { targets })
      : 1);
  // What was won against whom depends on how pairs were drawn: where that is logged, weights undo it.
  const isDrawn = areCompared && propensities?.source === 'logged';
  const isWeighed = propensities !== null && log !== null && (log.method !== 'none' || isDrawn);
  const weights = isWeighed
    ? logWeights(propensities, rows, matrix.candidates.length, log.clip).inverse
    : null;
  const groupOfRow = rows.map((row) => groups[row]);
  const success = predictRows(createHead(heads.success.head, context), held);
  const options = { groups: groupOfRow, seed: config.seed };
  const calibrators = found?.calibrators ?? chooseCalibrators(success, quality, weights, options).calibrators;
  const taskOfRow = rows.map((row) => tasks.indexOf(matrix.prompts[row].task ?? ''));
  const given = { features: held, quality, weights, tasks: taskOfRow, groups: groupOfRow };
  return {
    heads: {
      ...heads,
      choice: { ...heads.choice, temperature },
      success: { ...heads.success, calibrators: calibrators.map(({ parameters }) => parameters) },
    },
    outputs,
    told: offsets && calibrateTold(offsets, heads.success.head, context, given, config.seed),
    held: success,
  };
}

/** Penalties tried, as shares of feature variance; the loss is summed over rows. */
const PENALTIES = { from: 0.3, to: 0.03 } as const;

/**
 * The choice head: softmax over candidates of base rates, plus a linear layer trained on soft targets, plus the
 * quality head's differences, the two weighed by out-of-fold cross-entropy and the sum shrunk to the base rates
 * unless it is sure to help.
 *
 * @param quality out of fold: predictions `[fit rows, candidates]`
 */
async function fitChoice(
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
  const descent = { layer, l2, base, scale: strength * weights[0] };
  return { spec: choiceSpec(quality, strength * weights[1]), layer: choiceLayer(descent), descent };
}

function without(logits: Matrix, base: readonly number[]): Matrix {
  return { ...logits, values: logits.values.map((x, i) => x - base[i % base.length]) };
}

function add(logits: Matrix, base: readonly number[]): Matrix {
  return { ...logits, values: logits.values.map((x, i) => x + base[i % base.length]) };
}
