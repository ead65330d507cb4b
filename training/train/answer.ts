import {
  binaryCrossEntropy,
  createCalibrator,
  dot,
  EVIDENCE_LENGTH,
  evidenceInto,
  type ManifestAnswer,
  mean,
  successLogit,
} from 'pointsman/internal';
import { chooseCalibrator, chooseCalibrators, gainIsWorth } from '../calibrate/choose-calibrator.ts';
import { columnMeans, trainRows } from '../evaluate/evaluation-input.ts';
import { fitAnswerFeatures, type ReadableAnswers } from '../features/fit-features.ts';
import {
  chainHead,
  createMatrix,
  crossValidate,
  type DenseLayer,
  type Matrix,
  predictRows,
  takeRows,
} from '../fit/rows.ts';
import { exportLayersModel } from '../fit/tensorflow.ts';
import {
  type AnsweredPrompts,
  answerLogits,
  type EarlierExamples,
  earlierExamples,
  fitAnswerHead,
  fitEarlierHead,
  fitUnaskedHead,
  type RatedAnswers,
  takeAnswers,
  tuneAnswerHead,
  unaskedExamples,
} from '../learners/answer.ts';
import type { MatrixAnswers, OutcomeMatrix } from '../outcomes/matrix.ts';
import { plural } from '../words.ts';
import type { TrainingRun } from './training-run.ts';

/** A head that reads answers, or why there is none. */
export interface FittedAnswers {
  /** Null where answers say no more than their prompts do. */
  readonly answer: ManifestAnswer | null;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly report: AnswerReport;
}

/** What training says of the answers in its traffic. */
export interface AnswerReport {
  /** What came of them, in a sentence. */
  readonly summary: string;
  /** Rated answers that were learned from. */
  readonly answers: number;
  /** Mean log-loss in nats of these, out of fold: of the head that reads them, and of the success head, calibrated. Null: not tried. */
  readonly loss: number | null;
  readonly promptLoss: number | null;
  /** What cross-validation chose; null where no head is kept. */
  readonly settings: { readonly l2: number; readonly own: number } | null;
  /** Whether what earlier answers say is kept too. */
  readonly earlier: boolean;
  /** Likewise what answers say of candidates that were not asked. Absent from what earlier versions wrote. */
  readonly unasked?: boolean;
  /** What `tuned` of the policy stands for, where it is what it stood for before, in a sentence. */
  readonly carriedOver?: string;
}

/** On answers to fewer prompts that differ nothing is learned. */
const FEWEST_GROUPS = 20;
/** Examples of a further answer that what earlier ones say is learned from. */
const FEWEST_EXAMPLES = 100;
/** Of more answers every k-th prompt's are used: by then the head hardly changes. */
const MOST_ANSWERS = 50_000;

/**
 * Fits the head that reads answers on the answers of the fit split, calibrates it on those of the calibrate split, and keeps it
 * where out of fold it is better than the prompt alone by two standard errors.
 *
 * @param success asked for where answers are read alone. Calibrated, as the prompt alone tells it, of rows of the fit split out of
 * fold; NaN elsewhere than in the fit and the calibrate split: `[prompts, candidates]`
 * @returns null where the traffic has no answers, or the config wants none to be read
 */
export async function fitAnswers(run: TrainingRun, success: () => Matrix): Promise<FittedAnswers | null> {
  const { config, folds, matrix, onStep, splits } = run;
  if (config.answers === false || matrix.answers === undefined) return null;
  onStep('reading answers');
  const foldOf = new Map([...splits.fit.rows].map((row, i) => [row, folds[i]]));
  const fit = ratedCells(matrix, splits.fit.rows);
  const groups = fit.map(({ row }) => run.groups[row]);
  if (new Set(groups).size < FEWEST_GROUPS || new Set(fit.map(({ row }) => foldOf.get(row))).size < 2)
    return without(
      `There are too few rated answers to learn from: ${fit.length}, and a head that reads them needs some of ` +
        `${FEWEST_GROUPS} prompts that differ.`,
      fit.length,
    );
  const held = ratedCells(matrix, splits.calibrate.rows);
  const names = matrix.candidates.filter((_, c) => fit.some((cell) => cell.candidate === c));
  const expected = success();
  const all = ratedAnswers(run, [...fit, ...held], fit.length, expected, names);
  const rows = Int32Array.from(fit.keys());
  const rated = takeAnswers(all.rated, rows);
  const what = 'cross-validating the answer head';
  onStep(what);
  const cellFolds = Int32Array.from(fit, ({ row }) => foldOf.get(row) ?? 0);
  const tuned = await tuneAnswerHead(rated, cellFolds, (progress) => onStep(what, progress));
  const [own, prompt] = [losses(tuned.outOfFold, rated.quality), losses(rated.prior, rated.quality)];
  const [loss, promptLoss] = [mean(own), mean(prompt)];
  const compared = `log-loss of ${loss.toFixed(3)} against ${promptLoss.toFixed(3)} nats, out of fold`;
  if (
    !gainIsWorth(
      prompt.map((value, i) => value - own[i]),
      null,
      groups,
    )
  )
    return without(
      `${plural(rated.of.length, 'rated answer')} in the traffic: a head that reads them is not surely better than the prompt ` +
        `alone (${compared}), so there is none.`,
      rated.of.length,
      { loss, promptLoss },
    );
  onStep('fitting the answer head');
  const layer = await fitAnswerHead(rated, tuned);
  const calibrators = calibratorsOf(run, layer, all.rated, held, fit.length, names.length);
  const answered = answeredPrompts(run, fit, tuned.outOfFold, names);
  const earlier = await earlierOf(run, answered, names);
  const unasked = await unaskedOf(run, answered, expected, names, calibrators, earlier);
  const { modelJson, weights } = await exportLayersModel({ answer: [layer] }, { path: 'answer.bin' });
  const { blocks, features, files, standardisation } = all.features;
  return {
    answer: {
      version: 1,
      candidates: names,
      features: { blocks, length: features.columns, standardisation },
      model: { topology: 'answer.json', weights: 'answer.bin' },
      calibrators,
      ...(earlier === null ? {} : { earlier: linearOf(earlier) }),
      ...(unasked === null ? {} : { unasked: linearOf(unasked) }),
    },
    files: new Map([...files, ['answer.json', new TextEncoder().encode(modelJson)], ['answer.bin', weights]]),
    report: {
      summary:
        `Answers tell more than their prompts do: a head that reads them is kept, learned from ${plural(rated.of.length, 'rated answer')} ` +
        `(${compared}).`,
      answers: rated.of.length,
      loss,
      promptLoss,
      settings: { l2: tuned.l2, own: Number.isFinite(tuned.own) ? tuned.own : 0 },
      earlier: earlier !== null,
      unasked: unasked !== null,
    },
  };
}

function linearOf({ bias, kernel }: DenseLayer) {
  return { weights: [...kernel], bias: bias[0] };
}

function without(
  summary: string,
  answers: number,
  found: Pick<AnswerReport, 'loss' | 'promptLoss'> = { loss: null, promptLoss: null },
): FittedAnswers {
  const report = { summary, answers, ...found, settings: null, earlier: false, unasked: false };
  return { answer: null, files: new Map(), report };
}

/** An answer that was rated. */
interface RatedCell {
  readonly row: number;
  readonly candidate: number;
  /** Of the matrix's answers. */
  readonly answer: number;
  readonly quality: number;
}

function ratedCells({ answers, candidates, quality }: OutcomeMatrix, rows: Int32Array): RatedCell[] {
  const columns = candidates.length;
  const cells: RatedCell[] = [];
  for (const row of rows)
    for (let candidate = 0; candidate < columns; candidate++) {
      const cell = row * columns + candidate;
      const answer = answers?.places[cell] ?? Number.NaN;
      if (Number.isNaN(answer) || Number.isNaN(quality[cell])) continue;
      cells.push({ row, candidate, answer, quality: quality[cell] });
    }
  if (cells.length <= MOST_ANSWERS) return cells;
  const every = Math.ceil(cells.length / MOST_ANSWERS);
  const kept = new Set([...new Set(cells.map(({ row }) => row))].filter((_, i) => i % every === 0));
  return cells.filter(({ row }) => kept.has(row));
}

/** @param fitted how many of the cells, the first, features are fitted on */
function ratedAnswers(
  { config, matrix }: TrainingRun,
  cells: readonly RatedCell[],
  fitted: number,
  success: Matrix,
  names: readonly string[],
) {
  const answers = answersOf(matrix.answers as MatrixAnswers, cells);
  const ngrams = config.ngrams.dimensions === 0 ? null : { ...config.ngrams, seed: config.seed };
  const features = fitAnswerFeatures(
    answers,
    Int32Array.from({ length: fitted }, (_, i) => i),
    ngrams,
  );
  const output = new Map(names.map((name, i) => [name, i]));
  const rated: RatedAnswers = {
    candidates: names.length,
    // Whoever was seen in the calibrate split alone is one of all others.
    of: Int32Array.from(cells, ({ candidate }) => output.get(matrix.candidates[candidate]) ?? names.length),
    features: features.features,
    penalties: features.penalties,
    prior: Float32Array.from(cells, ({ candidate, row }) =>
      successLogit(success.values[row * success.columns + candidate]),
    ),
    quality: Float32Array.from(cells, ({ quality }) => quality),
  };
  return { rated, features };
}

/** Of the cells alone, in their order. */
function answersOf(
  { checks, keys, length, texts }: MatrixAnswers,
  cells: readonly RatedCell[],
): ReadableAnswers {
  const { values } = takeRows(
    { rows: keys.length, columns: length, values: checks },
    cells.map(({ answer }) => answer),
  );
  return {
    length,
    checks: values,
    ...(texts === undefined ? {} : { texts: cells.map(({ answer }) => texts[answer]) }),
  };
}

/** @returns one for each named candidate, and one for all others */
function calibratorsOf(
  { config, groups }: TrainingRun,
  layer: DenseLayer,
  rated: RatedAnswers,
  held: readonly RatedCell[],
  from: number,
  candidates: number,
): ManifestAnswer['calibrators'] {
  const answers = takeAnswers(
    rated,
    Int32Array.from(held, (_, i) => from + i),
  );
  const logits = answerLogits(layer, answers);
  const numbers = new Map([...new Set(held.map(({ row }) => row))].map((row, i) => [row, i]));
  const [scores, labels] = [createMatrix(numbers.size, candidates), createMatrix(numbers.size, candidates)];
  labels.values.fill(Number.NaN);
  held.forEach(({ row }, i) => {
    if (answers.of[i] === candidates) return;
    const cell = (numbers.get(row) ?? 0) * candidates + answers.of[i];
    scores.values[cell] = logits[i];
    labels.values[cell] = answers.quality[i];
  });
  const { calibrators } = chooseCalibrators(scores, labels, null, {
    groups: Int32Array.from(numbers.keys(), (row) => groups[row]),
    seed: config.seed,
  });
  const together = chooseCalibrator(
    { logits, labels: answers.quality },
    { groups: held.map(({ row }) => groups[row]), seed: config.seed },
  );
  return [...calibrators, together.calibrator].map(({ parameters }) => parameters);
}

/** What is said of the answers to each prompt of the fit split by heads that have not seen it. */
function answeredPrompts(
  { matrix, splits }: TrainingRun,
  cells: readonly RatedCell[],
  outOfFold: Float32Array,
  names: readonly string[],
): AnsweredPrompts {
  const { rows } = splits.fit;
  const at = new Map([...rows].map((row, i) => [row, i]));
  const columns = names.length;
  const output = new Map(names.map((name, i) => [name, i]));
  const keys: (string | null)[] = Array(rows.length * columns).fill(null);
  const [logits, quality] = [new Float32Array(keys.length), new Float32Array(keys.length).fill(Number.NaN)];
  cells.forEach(({ answer, candidate, quality: rating, row }, i) => {
    const cell = (at.get(row) ?? 0) * columns + (output.get(matrix.candidates[candidate]) ?? 0);
    keys[cell] = matrix.answers?.keys[answer] ?? null;
    logits[cell] = outOfFold[i];
    quality[cell] = rating;
  });
  return { candidates: columns, keys, logits, quality };
}

/** What earlier answers say, where it is surely more than the further answer's own logit does. */
async function earlierOf(
  run: TrainingRun,
  answered: AnsweredPrompts,
  names: readonly string[],
): Promise<DenseLayer | null> {
  const order = cheapestFirst(run.matrix, trainRows(run.splits), names);
  return fittedWhereSure(run, earlierExamples(answered, order), fitEarlierHead);
}

/** What answers say of candidates that were not asked, where it is surely more than what the prompt does. */
async function unaskedOf(
  run: TrainingRun,
  answered: AnsweredPrompts,
  success: Matrix,
  names: readonly string[],
  calibrators: ManifestAnswer['calibrators'],
  earlier: DenseLayer | null,
): Promise<DenseLayer | null> {
  const { matrix, splits } = run;
  const from = names.map((name) => matrix.candidates.indexOf(name));
  const cellsOf = (value: (cell: number) => number) =>
    Float32Array.from(answered.logits, (_, i) => {
      const row = splits.fit.rows[Math.floor(i / names.length)];
      return value(row * matrix.candidates.length + from[i % names.length]);
    });
  const known = {
    success: cellsOf((cell) => {
      const probability = success.values[cell];
      return Number.isNaN(probability) ? probability : successLogit(probability);
    }),
    scored: cellsOf((cell) => matrix.quality[cell]),
  };
  const read = calibrators.map(createCalibrator);
  const evidence = new Float32Array(EVIDENCE_LENGTH);
  const examples = unaskedExamples(answered, known, (answers) =>
    answers.map((own) => {
      if (earlier === null || answers.length === 1)
        return successLogit(read[own.candidate].probability(own.logit));
      evidenceInto(
        own,
        answers.filter((other) => other !== own),
        evidence,
      );
      return earlier.bias[0] + dot(earlier.kernel, evidence);
    }),
  );
  return fittedWhereSure(run, examples, fitUnaskedHead);
}

/** Rows of which the first feature is what is known without the others. */
type Examples = EarlierExamples & { readonly weights?: Float32Array };

/** What is fitted on examples, where out of fold it is surely better than their first feature alone. */
async function fittedWhereSure<E extends Examples>(
  { folds, groups, splits }: TrainingRun,
  examples: E,
  fit: (examples: E) => Promise<DenseLayer>,
): Promise<DenseLayer | null> {
  const { evidence, prompts, quality, weights = null } = examples;
  const groupOf = prompts.map((i) => groups[splits.fit.rows[i]]);
  const foldOf = prompts.map((i) => folds[i]);
  if (prompts.length < FEWEST_EXAMPLES || new Set(groupOf).size < FEWEST_GROUPS || new Set(foldOf).size < 2)
    return null;
  const [said] = await crossValidate(foldOf, async ({ fit: rows, held }) => {
    const take = (values: Float32Array) => Float32Array.from(rows, (i) => values[i]);
    const layer = await fit({
      ...examples,
      evidence: takeRows(evidence, rows),
      quality: take(quality),
      ...(weights === null ? {} : { weights: take(weights) }),
    });
    return [predictRows(chainHead([layer]), takeRows(evidence, held))];
  });
  const alone = losses(
    Float32Array.from(prompts, (_, i) => evidence.values[i * evidence.columns]),
    quality,
  );
  const together = losses(said.values, quality);
  const gains = alone.map((loss, i) => loss - together[i]);
  return gainIsWorth(gains, weights, groupOf) ? fit(examples) : null;
}

/** By mean cost; where costs are not known, the worse first. */
function cheapestFirst(
  { candidates, costUsd, importance, quality }: OutcomeMatrix,
  rows: Int32Array,
  names: readonly string[],
) {
  const [costs, qualities] = [costUsd, quality].map((values) =>
    columnMeans(values, candidates.length, rows, importance),
  );
  const known = names.every((name) => !Number.isNaN(costs[candidates.indexOf(name)]));
  const by = known ? costs : qualities;
  return [...names.keys()].sort(
    (a, b) => by[candidates.indexOf(names[a])] - by[candidates.indexOf(names[b])],
  );
}

function losses(logits: Float32Array, quality: Float32Array): Float64Array {
  return Float64Array.from(logits, (z, i) => binaryCrossEntropy(z, quality[i]));
}
