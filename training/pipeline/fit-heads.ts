import type { Manifest, ManifestHeads } from 'pointsman/artifact';
import { createHead, readLayersModel } from 'pointsman/head';
import type { FittedFeatures } from '../features/index.ts';
import {
  type DenseChain,
  type ExportedModel,
  exportLayersModel,
  groupedFolds,
  type Matrix,
  takeRows,
} from '../head/index.ts';
import { fitTaskClassifier, type MemberData, type MemberName } from '../member/index.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import type { Splits } from '../split/split.ts';
import { calibrateHeads } from './calibrate-heads.ts';
import { type FittedAmount, fitAmount } from './fit-amount.ts';
import { fitChoice } from './fit-choice.ts';
import { fitQuality, type QualityReport } from './fit-quality.ts';
import type { OnStep } from './train-progress.ts';

export interface HeadsInput {
  readonly matrix: OutcomeMatrix;
  readonly splits: Splits;
  /** Near-duplicate group of each prompt. */
  readonly groups: Int32Array;
  readonly fitted: FittedFeatures;
  readonly members: readonly MemberName[];
  readonly folds: number;
  readonly seed: number;
  readonly onStep: OnStep;
}

/** All heads of a router, calibrated. */
export interface FittedHeads {
  readonly heads: ManifestHeads;
  /** Where the traffic has tasks. */
  readonly task?: Manifest['task'];
  readonly model: ExportedModel;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly report: QualityReport;
}

/** Fits every head on the fit split, and its calibrator on the calibrate split. */
export async function fitHeads(input: HeadsInput): Promise<FittedHeads> {
  const { matrix, splits, fitted, onStep } = input;
  const data = memberData(input);
  const quality = await fitQuality(data, input.members, onStep);
  onStep('fitting the choice head');
  const choice = await fitChoice(data, quality.spec, quality.outOfFold, (progress) =>
    onStep('fitting the choice head', progress),
  );
  onStep('fitting the cost and latency heads');
  const amountOf = (values: Float32Array) =>
    fitAmount({
      features: fitted.features,
      featureVariance: fitted.variance,
      amounts: outcomes(matrix, values),
      fit: splits.fit.rows,
      calibrate: splits.calibrate.rows,
      folds: data.folds,
      onFold: (progress) => onStep('fitting the cost and latency heads', progress),
    });
  const cost = await amountOf(matrix.costUsd);
  const latency = await amountOf(matrix.latencyMs);
  const chains: Record<string, DenseChain> = { ...quality.chains, ...choice.chains };
  if (cost !== null) chains.cost = cost.chain;
  if (latency !== null) chains.latency = latency.chain;
  // The domain head is a classifier of tasks times their means: its first layer is worth an output of its own.
  const names = taskNames(matrix, splits.fit.rows);
  const classifier = quality.chains.quality_domain?.[0] ?? (await fitTaskClassifier(data));
  if (classifier !== null) chains.task = [classifier];
  const model = await exportLayersModel(chains);

  onStep('calibrating');
  const success = { kind: 'logit', prior: data.prior, head: quality.spec } as const;
  const context = {
    layers: readLayersModel(JSON.parse(model.modelJson), model.weights),
    file: (path: string) => quality.files.get(path)!,
  };
  const calibrated = calibrateHeads({
    choice: createHead(choice.spec, context),
    success: createHead(success, context),
    features: takeRows(fitted.features, splits.calibrate.rows),
    quality: takeRows(outcomes(matrix, matrix.quality), splits.calibrate.rows),
    groups: splits.calibrate.rows.map((row) => input.groups[row]),
    seed: input.seed,
  });
  return {
    heads: {
      choice: { head: choice.spec, temperature: calibrated.temperature },
      success: { head: success, calibrators: calibrated.calibrators },
      cost: amountHead('cost', cost),
      latency: amountHead('latency', latency),
    },
    ...(classifier === null ? {} : { task: { output: 'task', names } }),
    model,
    files: quality.files,
    report: quality.report,
  };
}

function memberData({ matrix, splits, groups, fitted, folds, seed }: HeadsInput): MemberData {
  const rows = splits.fit.rows;
  const quality = takeRows(outcomes(matrix, matrix.quality), rows);
  const prior = columnMeans(quality);
  const columns = quality.columns;
  const fitGroups = rows.map((row) => groups[row]);
  const names = taskNames(matrix, rows);
  const numbers = new Map(names.map((name, i) => [name, i]));
  return {
    features: takeRows(fitted.features, rows),
    featureVariance: fitted.variance,
    embedding: fitted.embedding,
    residuals: { ...quality, values: quality.values.map((x, i) => x - prior[i % columns]) },
    weights: null,
    tasks:
      names.length < 2
        ? null
        : Int32Array.from(rows, (row) => numbers.get(matrix.prompts[row].task ?? '') ?? -1),
    taskCount: names.length,
    prior,
    groups: fitGroups,
    folds: groupedFolds(fitGroups, folds, seed),
    seed,
  };
}

function taskNames({ prompts }: OutcomeMatrix, rows: Int32Array): string[] {
  const names = new Set(Array.from(rows, (row) => prompts[row].task));
  return [...names].filter((task) => task !== null).sort();
}

function outcomes({ prompts, candidates }: OutcomeMatrix, values: Float32Array): Matrix {
  return { rows: prompts.length, columns: candidates.length, values };
}

/** Mean of what was observed; a candidate with no outcome gets the mean of the others. */
function columnMeans({ columns, values }: Matrix): number[] {
  const sums = new Float64Array(columns);
  const counts = new Float64Array(columns);
  values.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    sums[i % columns] += value;
    counts[i % columns]++;
  });
  const total =
    sums.reduce((a, b) => a + b, 0) /
    Math.max(
      1,
      counts.reduce((a, b) => a + b, 0),
    );
  return Array.from(sums, (sum, c) => (counts[c] > 0 ? sum / counts[c] : total));
}

function amountHead(output: string, fitted: FittedAmount | null): ManifestHeads['cost'] {
  return fitted === null ? null : { head: { kind: 'layers', output }, scales: fitted.scales };
}
