import type { Candidate, Manifest } from 'pointsman';
import {
  type CalibratorParameters,
  createHead,
  type Head,
  type HeadContext,
  type ManifestHeads,
} from 'pointsman/internal';
import { chooseCalibrator, gainIsWorth } from '../calibrate/choose-calibrator.ts';
import { fitSoftmaxTemperature } from '../calibrate/fit-calibrators.ts';
import type { LearnerName, TrainConfig } from '../config.ts';
import type { FittedFeatures } from '../features/fit-features.ts';
import { type DenseChain, predictRows } from '../fit/chain.ts';
import { exportRouter, type RouterModel } from '../fit/export.ts';
import { foldHeads, joinedHead, joinedLayer, type ModelOutputs } from '../fit/fold-head.ts';
import { softTargets } from '../fit/loss.ts';
import { type Matrix, takeColumn, takeRows } from '../fit/rows.ts';
import { fitTaskClassifier } from '../learners/domain.ts';
import { isFullyObserved } from '../learners/learner.ts';
import { highestWeight } from '../off-policy/estimate.ts';
import type { LoggingPropensities } from '../off-policy/propensities.ts';
import type { OutcomeMatrix } from '../outcomes/matrix.ts';
import type { Splits } from '../split/split.ts';
import { type FittedAmounts, fitAmounts } from './amounts.ts';
import { learnerData, type OnStep, outcomes, taskKinds } from './data.ts';
import { fitLoggedQuality, type LogReport, logWeights } from './logged.ts';
import { fitChoice, fitTuned, type QualityReport, TARGET_TEMPERATURE, tuneQuality } from './quality.ts';

interface HeadsInput {
  readonly matrix: OutcomeMatrix;
  readonly splits: Splits;
  /** Near-duplicate group of each prompt. */
  readonly groups: Int32Array;
  readonly fitted: FittedFeatures;
  readonly members: readonly LearnerName[];
  readonly folds: number;
  readonly seed: number;
  /** Null where every prompt with an outcome has one of every candidate. */
  readonly propensities: LoggingPropensities | null;
  readonly offPolicy: TrainConfig['offPolicy'];
  /** What the config says of candidates. */
  readonly candidates: Readonly<Record<string, Partial<Candidate>>>;
  readonly onStep: OnStep;
}

/** All heads of a router, calibrated. */
export interface FittedHeads {
  readonly heads: ManifestHeads;
  /** Where the traffic has tasks. */
  readonly task?: Manifest['task'];
  /** What is known of each candidate's tokens, prices and times. */
  readonly learned: FittedAmounts['learned'];
  readonly model: RouterModel['model'];
  /** The model's, and tables of neighbours. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly report: QualityReport & { readonly temperature: number };
  /** How the traffic was learned from where a policy chose what was seen; null where it was not. */
  readonly log: LogReport | null;
}

/** Fits every head on the fit split, and its calibrator on the calibrate split. */
export async function fitHeads(input: HeadsInput): Promise<FittedHeads> {
  const { matrix, splits, fitted, onStep } = input;
  const { data, quality, log } = await learnQuality(input);
  onStep('fitting the choice head');
  const choice = await fitChoice(data, quality.spec, quality.outOfFold, (progress) =>
    onStep('fitting the choice head', progress),
  );
  onStep('fitting the cost and latency heads');
  const amounts = await fitAmounts({
    matrix,
    splits,
    features: fitted.features,
    featureVariance: fitted.variance,
    folds: data.folds,
    configured: input.candidates,
    onFold: (progress) => onStep('fitting the cost and latency heads', progress),
  });
  const chains: Record<string, DenseChain> = { ...quality.chains, ...choice.chains, ...amounts.chains };
  // The domain head is a classifier of tasks times their means: its first layer is worth an output of its own.
  const { names } = taskKinds(matrix, splits.fit.rows, input.groups);
  const classifier = quality.chains.quality_domain?.[0] ?? (await fitTaskClassifier(data));
  if (classifier !== null) chains.task = [classifier];
  const task = classifier === null ? undefined : 'task';
  const outputs = new Map(Object.entries(chains).map(([name, chain]) => [name, joinedLayer(chain)]));
  const success = { kind: 'logit', prior: data.candidateMeans, head: quality.spec } as const;
  const raw = {
    choice: { head: choice.spec, temperature: 1 },
    success: { head: success, calibrators: [] },
    ...amounts.heads,
  };
  const folded = foldHeads({ heads: raw, outputs }, task);

  onStep('calibrating');
  const context: HeadContext = {
    layers: layersOf(folded.outputs, fitted.features.columns),
    file: (path) => quality.files.get(path)!,
  };
  const { temperature, calibrators } = calibrateHeads({
    choice: createHead(folded.heads.choice.head, context),
    success: createHead(folded.heads.success.head, context),
    features: takeRows(fitted.features, splits.calibrate.rows),
    quality: takeRows(outcomes(matrix, matrix.quality), splits.calibrate.rows),
    weights: calibrationWeights(input, log),
    groups: splits.calibrate.rows.map((row) => input.groups[row]),
    seed: input.seed,
  });
  const heads = {
    ...folded.heads,
    choice: { ...folded.heads.choice, temperature },
    success: { ...folded.heads.success, calibrators },
  };
  const calibrated = foldHeads({ heads, outputs: folded.outputs }, task);
  const { model, files } = await exportRouter(calibrated);
  return {
    heads: calibrated.heads,
    ...(task === undefined ? {} : { task: { output: task, names } }),
    learned: amounts.learned,
    model,
    files: new Map([...quality.files, ...files]),
    report: { ...quality.report, temperature },
    log,
  };
}

/** The outputs as the model that they will be. */
function layersOf(outputs: ModelOutputs, inputs: number): HeadContext['layers'] {
  return {
    inputs,
    outputNames: [...outputs.keys()],
    head: (name) => joinedHead(outputs.get(name)!, inputs),
  };
}

/** Inverse propensities of the calibrate split's outcomes, where the quality was fitted with them. */
function calibrationWeights(
  { matrix, propensities, splits }: HeadsInput,
  log: LogReport | null,
): Float32Array | null {
  if (propensities === null || log === null || log.method === 'none') return null;
  return logWeights(propensities, splits.calibrate.rows, matrix.candidates.length, log.clip).inverse;
}

async function learnQuality(input: HeadsInput) {
  const { matrix, members, offPolicy, onStep, propensities, splits } = input;
  // Whoever asks for weights asks for the log alone.
  const data = learnerData({ ...input, priorStrength: offPolicy.weights === 'auto' ? offPolicy.memory : 0 });
  if (propensities === null || (!data.logged && offPolicy.weights === 'auto')) {
    const quality = await fitTuned(data, await tuneQuality(data, members, onStep), onStep);
    return { data, quality, log: null };
  }
  const clip = offPolicy.clip ?? highestWeight(propensities.values, propensities.source, propensities.policy);
  const weights = logWeights(propensities, splits.fit.rows, matrix.candidates.length, clip);
  const learned = await fitLoggedQuality(
    data,
    weights,
    propensities,
    { ...offPolicy, clip, members },
    onStep,
  );
  return { data: learned.data, quality: learned.quality, log: learned.report };
}

interface CalibrateInput {
  readonly choice: Head;
  readonly success: Head;
  /** Of the calibrate split, `[rows, features]`. */
  readonly features: Matrix;
  readonly quality: Matrix; // [rows, candidates], NaN: unobserved
  /** Importance of each outcome, `[rows, candidates]`; null: all alike. */
  readonly weights: Float32Array | null;
  /** Near-duplicate group of each row. */
  readonly groups: Int32Array;
  readonly seed: number;
}

/**
 * Fits the choice head's temperature and a calibrator for every candidate's success, on the calibrate split.
 *
 * Candidates get one calibrator together unless apart they are better by two standard errors of cross-validated log-loss,
 * both out of fold and of the kind that would serve: a shared one keeps the order of candidates, and has all their rows to
 * learn from.
 */
export function calibrateHeads({
  choice,
  success,
  features,
  quality,
  weights,
  groups,
  seed,
}: CalibrateInput): {
  readonly temperature: number;
  readonly calibrators: readonly CalibratorParameters[];
} {
  // A row with a candidate or two has no choice to compare with.
  const temperature = isFullyObserved(quality)
    ? fitSoftmaxTemperature(predictRows(choice, features), {
        targets: softTargets(quality, TARGET_TEMPERATURE),
      })
    : 1;
  const logits = predictRows(success, features);
  const { columns } = quality;
  const groupOfCell = Int32Array.from(logits.values, (_, i) => groups[Math.floor(i / columns)]);
  const together = chooseCalibrator(
    { logits: logits.values, labels: quality.values, ...(weights === null ? {} : { weights }) },
    { seed, groups: groupOfCell },
  );
  const apart = Array.from({ length: columns }, (_, c) =>
    chooseCalibrator(
      {
        logits: takeColumn(logits, c),
        labels: takeColumn(quality, c),
        ...(weights === null ? {} : { weights: takeColumn({ ...quality, values: weights }, c) }),
      },
      { seed, groups },
    ),
  );
  const saved = together.rowLosses.map(
    (shared, i) => shared - apart[i % columns].rowLosses[Math.floor(i / columns)],
  );
  const better = gainIsWorth(saved, weights, groupOfCell);
  return {
    temperature,
    calibrators: apart.map(({ calibrator }) => (better ? calibrator : together.calibrator).parameters),
  };
}
