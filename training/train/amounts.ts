import {
  type AmountPart,
  argMin,
  type LatencyByTokens,
  type ManifestCandidate,
  type ManifestHeads,
  quantile,
} from 'pointsman/internal';
import { fitRatioScale } from '../calibrate/fit-calibrators.ts';
import { fitLinearPath } from '../fit/linear.ts';
import {
  chainHead,
  type DenseChain,
  type DenseLayer,
  eachFold,
  type Matrix,
  predictRows,
  searchPenalties,
  takeColumn,
  takeRows,
} from '../fit/rows.ts';
import { allRows, isFullyObserved, squaredError } from '../learners/learner.ts';
import { tuneSharedLinear } from '../learners/linear.ts';
import {
  countedTokens,
  fitSum,
  inputLengths,
  inputRate,
  learnTokens,
  paidPrices,
} from '../outcomes/amounts.ts';
import type { Splits } from '../split/split.ts';
import { outcomes, type TrainingRun } from './training-run.ts';

/** What answers cost and how long they take, as the manifest says it. */
export interface FittedAmounts {
  readonly heads: Pick<ManifestHeads, 'cost' | 'latency' | 'outputTokens' | 'costBesideInput'>;
  readonly chains: Readonly<Record<string, DenseChain>>;
  /** By candidate. */
  readonly learned: readonly Pick<ManifestCandidate, 'tokens' | 'paidPrices' | 'latencyByTokens'>[];
}

const STEP = 'fitting the cost and latency heads';

/**
 * Where a log holds tokens, how many a candidate writes is learned, and its cost is tokens times prices: those of the
 * config, or those that its bills agree on. Else the cost itself is learned: what goes with the length of the input, and
 * what stands beside it. Latency goes by tokens where that says it as well as a head of its own.
 */
export async function fitAmounts(run: TrainingRun): Promise<FittedAmounts> {
  const { config, matrix, onStep, splits } = run;
  const { candidates } = matrix;
  onStep(STEP);
  const rows = fitAndCalibrate(splits);
  const hasPrices = candidates.map((name) => {
    const { inputPricePerMillionTokens: input, outputPricePerMillionTokens: output } =
      config.candidates[name] ?? {};
    return input !== undefined && output !== undefined;
  });
  const counted = countedTokens(matrix);
  const tokens = candidates.map((_, c) => learnTokens(matrix, c, rows, counted));
  const output =
    matrix.outputTokens === undefined ? null : await fitAmount(run, matrix.outputTokens, { least: 1 });
  const paid = candidates.map((_, c) =>
    tokens[c] === undefined || hasPrices[c] ? undefined : (paidPrices(matrix, c, rows) ?? undefined),
  );
  const byTokens = candidates.map(
    (_, c) => tokens[c] !== undefined && (paid[c] !== undefined || hasPrices[c]),
  );
  const lengths = candidates.map((_, c) => inputLengths(matrix, c, tokens[c], counted));
  const cost = await fitCost(run, byTokens, lengths);
  const latency = await fitAmount(run, matrix.latencyMs);
  const timed = output && timedCandidates(run, lengths, output, latency);
  const needsLatency = candidates.some((_, c) => timed?.[c] === undefined);
  const chains: Record<string, DenseChain> = {};
  const keep = (name: string, { chain, scales }: FittedAmount): AmountPart => {
    chains[name] = chain;
    return { head: { kind: 'layers', output: name }, scales };
  };
  const keepBound = (name: string, fitted: FittedAmount) => ({
    ...keep(name, fitted),
    bounds: fitted.bounds,
  });
  const heads = {
    cost: cost !== null && cost.rates === null ? keep('cost', cost) : null,
    latency: latency !== null && needsLatency ? keep('latency', latency) : null,
    ...(output === null ? {} : { outputTokens: keepBound('outputTokens', output) }),
    ...(cost === null || cost.rates === null
      ? {}
      : { costBesideInput: { ...keepBound('costBesideInput', cost), perInputToken: cost.rates } }),
  };
  return {
    heads,
    chains,
    learned: candidates.map((_, c) => ({
      ...(tokens[c] === undefined ? {} : { tokens: tokens[c] }),
      ...(paid[c] === undefined ? {} : { paidPrices: paid[c] }),
      ...(timed?.[c] === undefined ? {} : { latencyByTokens: timed[c] }),
    })),
  };
}

function fitAndCalibrate({ fit, calibrate }: Splits): Int32Array {
  return Int32Array.from([...fit.rows, ...calibrate.rows]);
}

/** A head of costs, or of what stands beside `rates` dollars an input token. */
interface FittedCost extends FittedAmount {
  readonly rates: readonly number[] | null;
}

/** What does not vary with the input is held at this share of the cost at least, so that it has a logarithm. */
const LEAST_BESIDE = 0.02;

/** What the size of a request explains may be so much worse on the calibrate split, since it holds for longer ones, too. */
const ALLOWANCE = 1.02;

/** @returns null where no candidate needs it. */
async function fitCost(
  run: TrainingRun,
  byTokens: readonly boolean[],
  lengths: readonly Float64Array[],
): Promise<FittedCost | null> {
  const { config, matrix, splits } = run;
  const { candidates, costUsd } = matrix;
  const count = candidates.length;
  if (!costUsd.some((cost, cell) => !Number.isNaN(cost) && !byTokens[cell % count])) return null;
  const whole = await fitAmount(run, costUsd);
  if (whole === null) return null;
  const given = candidates.map((name) => config.candidates[name]?.inputPricePerMillionTokens);
  const rates = candidates.map((_, c) => {
    const price = given[c];
    if (byTokens[c]) return 0;
    return price === undefined ? inputRate(matrix, c, splits.fit.rows, lengths[c]) : price / 1e6;
  });
  if (rates.every((rate) => rate === 0)) return { ...whole, rates: null };
  const besides = costUsd.map((cost, cell) => {
    const rate = rates[cell % count];
    return rate === 0 ? cost : cost - rate * lengths[cell % count][Math.floor(cell / count)];
  });
  const held = besides.map((rest, cell) => Math.max(rest, LEAST_BESIDE * costUsd[cell]));
  const beside = await fitAmount(run, held, { means: besides });
  if (beside === null) return { ...whole, rates: null };
  const calibrate = splits.calibrate.rows;
  const error = (fitted: FittedAmount, ofInput: readonly number[]) => {
    const expected = expectedOf(fitted, run, calibrate);
    return meanLogError(
      expected.map((value, i) => {
        const c = i % count;
        return value + (ofInput[c] && ofInput[c] * lengths[c][calibrate[Math.floor(i / count)]]);
      }),
      takeRows(outcomes(matrix, costUsd), calibrate).values,
    );
  };
  const noRates = rates.map(() => 0);
  const isAsGood = !(error(beside, rates) > ALLOWANCE * error(whole, noRates));
  return isAsGood || given.some((price, c) => price !== undefined && !byTokens[c])
    ? { ...beside, rates }
    : { ...whole, rates: null };
}

/** scale * exp(output) of some rows: `[rows, candidates]` */
function expectedOf(
  { chain, scales }: FittedAmount,
  { features }: TrainingRun,
  rows: Int32Array,
): Float64Array {
  const { columns, values } = predictRows(chainHead(chain), takeRows(features.matrix, rows));
  return Float64Array.from(values, (log, i) => scales[i % columns] * Math.exp(log));
}

/** Mean of |ln(expected / seen)| where something was seen; NaN where nothing was. */
function meanLogError(expected: ArrayLike<number>, seen: ArrayLike<number>): number {
  let [sum, count] = [0, 0];
  for (let i = 0; i < seen.length; i++) {
    const error = Math.abs(Math.log(expected[i] / seen[i]));
    if (!Number.isFinite(error)) continue;
    sum += error;
    count++;
  }
  return sum / count;
}

/** With fewer answers, a latency is not taken apart. */
const FEWEST_TIMES = 20;

/** Latencies by tokens, of those candidates for which that is as near as a head of latencies, or nearly. */
function timedCandidates(
  run: TrainingRun,
  lengths: readonly Float64Array[],
  output: FittedAmount,
  latency: FittedAmount | null,
): (LatencyByTokens | undefined)[] {
  const { matrix, splits } = run;
  const { candidates, latencyMs, outputTokens } = matrix;
  const count = candidates.length;
  const rows = fitAndCalibrate(splits);
  const written = expectedOf(output, run, splits.calibrate.rows);
  const direct = latency && expectedOf(latency, run, splits.calibrate.rows);
  return candidates.map((_, c) => {
    const known = rows.filter(
      (row) =>
        latencyMs[row * count + c] > 0 &&
        (outputTokens?.[row * count + c] ?? Number.NaN) >= 0 &&
        !Number.isNaN(lengths[c][row]),
    );
    if (known.length < FEWEST_TIMES) return undefined;
    const [fixedMs, perInputTokenMs, perOutputTokenMs] = fitSum(
      [
        new Float64Array(known.length).fill(1),
        Float64Array.from(known, (row) => lengths[c][row]),
        Float64Array.from(known, (row) => outputTokens![row * count + c]),
      ],
      Float64Array.from(known, (row) => latencyMs[row * count + c]),
    );
    const seen = Float64Array.from(splits.calibrate.rows, (row) => latencyMs[row * count + c]);
    const expected = Float64Array.from(
      splits.calibrate.rows,
      (row, i) => fixedMs + perInputTokenMs * lengths[c][row] + perOutputTokenMs * written[i * count + c],
    );
    const scale = fitRatioScale(expected.map(Math.log), seen);
    const own = direct && seen.map((_, i) => direct[i * count + c]);
    const error = meanLogError(
      expected.map((value) => scale * value),
      seen,
    );
    if (own !== null && error > ALLOWANCE * meanLogError(own, seen)) return undefined;
    return {
      fixedMs: scale * fixedMs,
      perInputTokenMs: scale * perInputTokenMs,
      perOutputTokenMs: scale * perOutputTokenMs,
    };
  });
}

/** A head for ln(amount), and the ratio that makes the expected amounts add up on the calibrate split. */
interface FittedAmount {
  readonly chain: DenseChain;
  readonly scales: readonly number[];
  /** The least and the most that is expected of prompts like those of the fit split, but for one in a thousand. */
  readonly bounds: readonly (readonly [least: number, most: number])[];
}

const TAIL = 0.001;

interface AmountOptions {
  /** What expected amounts are to add up to, as the amounts. @default the amounts */
  readonly means?: Float32Array;
  /** What is less has the logarithm of this. @default a millionth of the candidate's mean */
  readonly least?: number;
}

/**
 * Ridge regression of the logarithm of a cost, latency or length, its penalty by cross-validation.
 *
 * @param amounts US dollars, milliseconds or tokens, `[prompts, candidates]`; NaN: unobserved
 * @returns null where nothing was observed on the fit split.
 */
async function fitAmount(
  run: TrainingRun,
  amounts: Float32Array,
  { means = amounts, least }: AmountOptions = {},
): Promise<FittedAmount | null> {
  const { matrix, splits } = run;
  const { fit, calibrate } = splits;
  // Of the fit rows alone: what amounts of nothing are held at must not come from others.
  const targets = logarithms(takeRows(outcomes(matrix, amounts), fit.rows), least);
  if (targets.values.every(Number.isNaN)) return null;
  const features = takeRows(run.features.matrix, fit.rows);
  const fitLayer = isFullyObserved(targets) ? fitComplete : fitShared;
  const layer = await fitLayer(run, features, targets);
  const head = chainHead([layer]);
  const predicted = predictRows(head, takeRows(run.features.matrix, calibrate.rows));
  const seen = takeRows(outcomes(matrix, means), calibrate.rows);
  const scales = Array.from({ length: targets.columns }, (_, c) =>
    fitRatioScale(takeColumn(predicted, c), takeColumn(seen, c)),
  );
  const ofTraffic = predictRows(head, features);
  const bounds = scales.map((scale, c) => {
    const expected = takeColumn(ofTraffic, c).map((log) => scale * Math.exp(log));
    return [quantile(expected, TAIL), quantile(expected, 1 - TAIL)] as const;
  });
  return { chain: [layer], scales, bounds };
}

/** Penalties tried, as shares of rows times feature variance; 100, the strongest there is, is "the mean and nothing else". */
const PENALTIES = { from: 1, to: 0.003 } as const;

async function fitComplete(run: TrainingRun, features: Matrix, targets: Matrix): Promise<DenseLayer> {
  const l2s = (some: readonly number[], rows: number) =>
    some.map((share) => share * rows * run.features.variance);
  const { shares, tried } = await searchPenalties(
    PENALTIES,
    (some) => crossValidatedErrors(run, features, targets, (rows) => l2s(some, rows)),
    (errors) => [argMin(errors)],
  );
  const [{ layer }] = await fitLinearPath({ features, targets }, 'squared', {
    l2s: l2s([shares[argMin(tried)]], features.rows),
  });
  return layer;
}

/**
 * Cross-validated squared error of ridge regression at each penalty.
 *
 * @param l2s penalties for so many rows, strong to weak
 */
async function crossValidatedErrors(
  { folds, onStep }: TrainingRun,
  features: Matrix,
  targets: Matrix,
  l2s: (rows: number) => number[],
): Promise<number[]> {
  const sums: number[] = l2s(1).map(() => 0);
  const all = eachFold(folds);
  for (const { fold, fit, held } of all) {
    const known = takeRows(targets, fit);
    if (known.values.every(Number.isNaN)) continue;
    const fits = await fitLinearPath({ features: takeRows(features, fit), targets: known }, 'squared', {
      l2s: l2s(fit.length),
      onProgress: ({ loss }) => onStep(STEP, { fold, folds: all.length, loss }),
    });
    const heldFeatures = takeRows(features, held);
    const heldTargets = takeRows(targets, held);
    fits.forEach(({ layer }, i) => {
      const error = squaredError(predictRows(chainHead([layer]), heldFeatures), heldTargets, 'all');
      if (!Number.isNaN(error)) sums[i] += error * held.length;
    });
  }
  return sums;
}

/** Where rows were seen with a candidate or two, what makes a prompt costly is learned from all of them together. */
async function fitShared(run: TrainingRun, features: Matrix, targets: Matrix): Promise<DenseLayer> {
  const means = Array.from({ length: targets.columns }, (_, c) => observedMean(takeColumn(targets, c)));
  const residuals = {
    ...targets,
    values: targets.values.map((value, i) => value - means[i % targets.columns]),
  };
  const shared = await tuneSharedLinear(
    { features, featureVariance: run.features.variance, folds: run.folds, residuals, weights: null },
    (progress) => run.onStep(STEP, progress),
  );
  const layer = await shared.fitOn(allRows(features));
  return { ...layer, bias: layer.bias.map((value, c) => value + means[c]) };
}

function observedMean(values: Float32Array): number {
  const seen = values.filter((value) => !Number.isNaN(value));
  return seen.length === 0 ? 0 : seen.reduce((sum, value) => sum + value, 0) / seen.length;
}

/** Amounts of nothing are held at a millionth of the column's mean, so that they have a logarithm. */
function logarithms({ rows, columns, values }: Matrix, least?: number): Matrix {
  const floors = Array.from({ length: columns }, (_, c) => {
    if (least !== undefined) return least;
    let [sum, count] = [0, 0];
    for (let i = c; i < values.length; i += columns)
      if (!Number.isNaN(values[i])) [sum, count] = [sum + values[i], count + 1];
    return count > 0 && sum > 0 ? (sum / count) * 1e-6 : 1e-12;
  });
  return { rows, columns, values: values.map((x, i) => Math.log(Math.max(x, floors[i % columns]))) };
}
