import { takeNumbers } from '../outcomes/matrix.ts';
import {
  bestSingleCandidate,
  columnOf,
  costsOf,
  latenciesOf,
  listChoices,
  measureStrategies,
  type StrategySources,
} from './baselines.ts';
import {
  bootstrapMeans,
  type Comparison,
  compareRows,
  isReadOff,
  largestTasks,
  measureTasks,
} from './compare.ts';
import { measureCostQuality, measureStrongWeak } from './curves.ts';
import { setDial } from './dial.ts';
import type { CalibrationFigures, ChoiceCalibration, Evaluation, HeadCalibration } from './evaluation.ts';
import {
  checkEvaluationInput,
  columnMeans,
  type EvaluationInput,
  type EvaluationOptions,
  type TrainMeans,
  taskScores,
  trainMeans,
  trainRows,
} from './evaluation-input.ts';
import {
  amountByCandidate,
  amountError,
  bestCandidates,
  brierScore,
  calibrationBins,
  confusion,
  debiasedCalibrationError,
  expectedCalibrationError,
  logHistogram,
  negativeLogLikelihood,
  PROBABILITY_FLOOR,
  regret,
} from './metrics.ts';
import { nearestNeighbours } from './nearest.ts';
import { compareOffPolicy } from './off-policy.ts';
import { answererOf, isWithin, takePlans } from './plan-outcomes.ts';
import { measurePreferences, preferenceCaveats } from './preferences.ts';
import { describeVerdict } from './verdict.ts';

/** Most tasks that are reported one by one. */
const TASK_LIMIT = 200;

/**
 * Measures a router on the test split, beside every baseline, with paired bootstrap intervals. Says so, rather
 * than guess, where the outcomes cannot tell. The same input and options give the same result.
 *
 * @throws InvalidInputError when the predictions' shapes do not fit the test split
 * @example const evaluation = evaluate({ matrix, splits, groups, predictions, artifactId, policy: 'classifier' });
 */
export function evaluate(input: EvaluationInput, options: EvaluationOptions = {}): Evaluation {
  checkEvaluationInput(input);
  const { matrix, predictions, splits } = input;
  const settings = { ...options, seed: options.seed ?? 0, resamples: options.resamples ?? 2000 };
  const train = trainRows(splits);
  const means = input.means ?? trainMeans(matrix, train, input.propensities);
  const seen = compareRows(input, means);
  const tasks = largestTasks(
    Array.from(splits.test.rows, (row) => matrix.prompts[row].task),
    TASK_LIMIT,
  );
  const isEstimated = settings.offPolicy === 'always' || !isReadOff(matrix, splits.test.rows, seen.coverage);
  const canEstimate = input.propensities && seen.coverage.kind !== 'none';
  const comparison = isEstimated && canEstimate ? null : seen.comparison;
  const compared = comparison && compareAll(input, comparison, train, means, tasks.listed, settings);
  // What its heads are worth can be told where what comes of its plans cannot.
  const alone = { ...input, predictions: { ...predictions, plans: null } };
  const isUnknown = comparison === null && !isEstimated && predictions.plans;
  const beside = isUnknown ? compareRows(alone, means).comparison : comparison;
  const byHeads =
    compared ??
    (beside &&
      measureHeads(
        input,
        beside,
        taskScores(input.matrix, train, beside.prompts, means.quality),
        means,
        settings,
      ));
  const estimated =
    isEstimated && input.propensities && canEstimate
      ? compareOffPolicy(input, input.propensities, means, seen.coverage, tasks.listed, (rows) =>
          listChoices(rows, choiceSources(input, rows, train, means, settings)),
        )
      : null;
  const best = beside ? bestSingleCandidate(beside, means) : (estimated?.bestSingle ?? null);
  const coverage = estimated?.coverage ?? seen.coverage;
  const strategies = compared?.strategies ?? estimated?.strategies ?? [];
  const preferences = measurePreferences(input, best, settings);
  const verdict = describeVerdict({
    strategies,
    coverage,
    candidates: matrix.candidates,
    bestSingle: best === null ? null : matrix.candidates[best],
    offPolicy: estimated?.offPolicy ?? null,
  });
  const testCells = (cells: Float32Array) => takeNumbers(cells, matrix.candidates.length, splits.test.rows);
  return {
    schemaVersion: 1,
    artifactId: input.artifactId,
    policy: input.policy,
    seed: settings.seed,
    resamples: settings.resamples,
    config: input.config ?? null,
    candidates: matrix.candidates,
    prompts: {
      fit: splits.fit.rows.length,
      calibrate: splits.calibrate.rows.length,
      test: splits.test.rows.length,
    },
    coverage,
    verdict: { ...verdict, caveats: [...preferenceCaveats(matrix), ...verdict.caveats] },
    strategies,
    regret: compared?.regret ?? null,
    confusion: compared?.confusion ?? null,
    strongWeak: byHeads?.strongWeak ?? null,
    costQuality: byHeads?.costQuality ?? null,
    calibration: {
      success: measureSuccessCalibration(input, means, tasks.listed),
      choice: byHeads?.choiceCalibration ?? null,
    },
    amounts: {
      costs: amountByCandidate(matrix.candidates, predictions.expectedCostUsd, testCells(matrix.costUsd)),
      costUsd: amountError(predictions.expectedCostUsd, testCells(matrix.costUsd)),
      latencyMs: amountError(predictions.expectedLatencyMs, testCells(matrix.latencyMs)),
    },
    tasks: compared?.tasks ?? estimated?.tasks ?? [],
    tasksLeftOut: tasks.leftOut,
    decisionMicroseconds: predictions.decisionMicroseconds && logHistogram(predictions.decisionMicroseconds),
    routedLatencyMs: compared?.routedLatencyMs ?? null,
    dial: setDial(input, means, best, settings),
    ...(preferences === null ? {} : { preferences }),
    offPolicy: estimated?.offPolicy ?? null,
  };
}

type Settings = EvaluationOptions & { readonly seed: number; readonly resamples: number };

/** What baselines go by on the compared rows. */
function choiceSources(
  input: EvaluationInput,
  comparison: Comparison,
  train: Int32Array,
  means: TrainMeans,
  settings: Settings,
): StrategySources {
  const { embeddings, matrix, told } = input;
  const { compared, positions, prompts } = comparison;
  const task = taskScores(matrix, train, prompts, means.quality);
  const neighbours = settings.neighbours ?? 40;
  const maxTrainRows = settings.neighbourRows ?? 10_000;
  const nearest =
    embeddings && train.length > 0
      ? nearestNeighbours(matrix, embeddings, train, prompts, {
          neighbours,
          maxTrainRows,
          seed: settings.seed,
          fallback: means.quality,
        })
      : null;
  const nearestNote = `The best of the ${Math.min(neighbours, train.length)} most similar training prompts (cosine of embeddings, ${Math.min(maxTrainRows, train.length)} of ${train.length} training prompts).`;
  const allowed = new Set(compared);
  const isCompared = (position: number) =>
    isWithin(told!, position, allowed, matrix.candidates.length) && answererOf(told!, position) !== -1;
  const choice =
    told && positions.every(isCompared)
      ? {
          chosen: Int32Array.from(positions, (position) => answererOf(told, position)),
          ...(told.plans ? { plans: takePlans(told.plans, positions) } : {}),
        }
      : null;
  return { names: matrix.candidates, means, nearest, nearestNote, task, told: choice };
}

/** What the probabilities and costs that the router expects are worth, whatever its policy makes of them. */
function measureHeads(
  { matrix, predictions }: EvaluationInput,
  comparison: Comparison,
  taskMeans: Float64Array | null,
  means: TrainMeans,
  settings: Settings,
) {
  const names = matrix.candidates;
  const candidates = names.length;
  const { positions, quality } = comparison;
  const success = takeNumbers(predictions.success, candidates, positions);
  return {
    strongWeak: measureStrongWeak(comparison, names, means, success, taskMeans, settings),
    costQuality: measureCostQuality(
      comparison,
      names,
      success,
      expectedCosts(takeNumbers(predictions.expectedCostUsd, candidates, positions), comparison, means),
      settings,
    ),
    choiceCalibration:
      predictions.choice &&
      measureChoiceCalibration(
        takeNumbers(predictions.choice, candidates, positions),
        bestCandidates(quality, candidates),
        comparison.groups,
      ),
  };
}

function compareAll(
  input: EvaluationInput,
  comparison: Comparison,
  train: Int32Array,
  means: TrainMeans,
  listedTasks: readonly string[],
  settings: Settings,
) {
  const { matrix } = input;
  const names = matrix.candidates;
  const candidates = names.length;
  const { chosen, prompts, quality } = comparison;
  const tasksOfRows = Array.from(prompts, (prompt) => matrix.prompts[prompt].task);
  const sources = choiceSources(input, comparison, train, means, settings);
  const choices = listChoices(comparison, sources);
  const strategies = measureStrategies(comparison, choices, candidates, settings);
  const qualityOf = (id: string) =>
    columnOf(quality, choices.find((choice) => choice.id === id)!, candidates);
  const best = bestCandidates(quality, candidates);
  const lost = regret(quality, chosen, candidates);
  return {
    strategies,
    regret: {
      mean: bootstrapMeans([lost], { ...settings, clusters: comparison.groups })[0],
      noneShare: lost.filter((amount) => amount === 0).length / lost.length,
    },
    confusion: confusion(chosen, best, candidates),
    ...measureHeads(input, comparison, sources.task, means, settings),
    tasks: measureTasks(
      comparison,
      tasksOfRows,
      listedTasks,
      {
        router: qualityOf('router'),
        bestSingle: qualityOf('bestSingle'),
        oracle: qualityOf('oracle'),
        costUsd: comparison.costUsd && costsOf(comparison.costUsd, choices[0], candidates),
      },
      names,
      settings,
    ),
    routedLatencyMs: logHistogram(latenciesOf(comparison.latencyMs, choices[0], candidates)),
  };
}

/** Predicted costs; where the router has none, the candidate's mean: on the training rows, or on these. */
function expectedCosts(predicted: Float64Array, { costUsd }: Comparison, means: TrainMeans): Float64Array {
  if (!costUsd) return predicted;
  const candidates = means.costUsd.length;
  const seen = columnMeans(
    costUsd,
    candidates,
    Int32Array.from({ length: costUsd.length / candidates }, (_, i) => i),
  );
  const fallback = means.costUsd.map((mean, c) => (Number.isNaN(mean) ? seen[c] : mean));
  return predicted.map((cost, i) => (Number.isNaN(cost) ? fallback[i % candidates] : cost));
}

/**
 * How far each candidate's success probability can be trusted, on every test row where its quality was seen,
 * and on the rows of each listed task.
 */
function measureSuccessCalibration(
  { matrix, predictions, splits, groups }: EvaluationInput,
  means: TrainMeans,
  tasks: readonly string[],
): HeadCalibration[] {
  const candidates = matrix.candidates.length;
  const test = splits.test.rows;
  const positionsOfTask = new Map<string, number[]>(tasks.map((task) => [task, []]));
  test.forEach((row, i) => {
    positionsOfTask.get(matrix.prompts[row].task ?? '')?.push(i);
  });
  return matrix.candidates.map((candidate, c) => {
    const probability = (i: number) => predictions.success[i * candidates + c];
    const label = (i: number) => matrix.quality[test[i] * candidates + c];
    const group = (i: number) => groups[test[i]];
    const all = Array.from(test, (_, i) => i);
    const labels = all.map(label);
    const mean = means.quality[c];
    return {
      candidate,
      ...calibrationFigures(all.map(probability), labels, all.map(group)),
      brierOfMean: orNull(
        brierScore(
          labels.map(() => mean),
          labels,
        ),
      ),
      bins: calibrationBins(all.map(probability), labels, 10, all.map(group)),
      tasks: [...positionsOfTask].map(([task, positions]) => ({
        task,
        ...calibrationFigures(positions.map(probability), positions.map(label), positions.map(group)),
      })),
    };
  });
}

/**
 * How far the choice head can be trusted: the probability of its top choice against whether that one was best
 * (of k that tie, each 1/k); Brier score and NLL over all candidates.
 * @param choice `[rows, candidates]` on the compared rows @param best the same, of `bestCandidates`
 * @param groups near-duplicate group of each row
 */
function measureChoiceCalibration(
  choice: Float64Array,
  best: Float64Array,
  groups: Int32Array,
): ChoiceCalibration {
  const rows = groups.length;
  const candidates = choice.length / rows;
  const top = new Float64Array(rows);
  const label = new Float64Array(rows);
  let brier = 0;
  let nll = 0;
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < candidates; c++) {
      const p = choice[row * candidates + c];
      const y = best[row * candidates + c];
      brier += (p - y) ** 2 / rows;
      if (y > 0) nll -= (y * Math.log(Math.max(PROBABILITY_FLOOR, p))) / rows;
      if (c === 0 || p > top[row]) {
        top[row] = p;
        label[row] = y;
      }
    }
  }
  return {
    ...calibrationFigures(top, label, groups),
    brier: orNull(brier),
    nll: orNull(nll),
    bins: calibrationBins(top, label, 10, groups),
  };
}

/** All figures of one set of probabilities and labels; pairs with a NaN are left out. */
function calibrationFigures(
  probabilities: ArrayLike<number>,
  labels: ArrayLike<number>,
  groups: ArrayLike<number>,
): CalibrationFigures {
  const bins10 = calibrationBins(probabilities, labels, 10, groups);
  const bins15 = calibrationBins(probabilities, labels, 15, groups);
  return {
    rows: bins10.reduce((rows, bin) => rows + bin.rows, 0),
    ece10: orNull(expectedCalibrationError(bins10)),
    ece15: orNull(expectedCalibrationError(bins15)),
    debiasedEce: orNull(debiasedCalibrationError(bins15)),
    brier: orNull(brierScore(probabilities, labels)),
    nll: orNull(negativeLogLikelihood(probabilities, labels)),
  };
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
