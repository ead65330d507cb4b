import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { memoryFiles, readArtifact, readPrompt } from 'pointsman';
import { createAnswerScorer } from 'pointsman/execution';
import {
  type AnswerScorer,
  argMax,
  type Calibrator,
  type EarlierAnswer,
  type GivenAnswer,
} from 'pointsman/internal';
import { type SampleRow, sampleTraffic } from '../data/solvers/sample-traffic.ts';
import { keptAnswers } from '../test/fixtures/kept-answers.ts';
import { chooseCalibrator } from '../training/calibrate/choose-calibrator.ts';
import { fitAnswerFeatures, fitFeatures } from '../training/features/fit-features.ts';
import { fitLinearPath } from '../training/fit/linear.ts';
import { meanLoss } from '../training/fit/loss.ts';
import {
  chainHead,
  crossValidate,
  groupedFolds,
  type Matrix,
  predictRows,
  putRows,
  takeRows,
} from '../training/fit/rows.ts';
import {
  answerLogits,
  fitAnswerHead,
  type RatedAnswers,
  takeAnswers,
  tuneAnswerHead,
} from '../training/learners/answer.ts';
import {
  type MatrixAnswers,
  type OutcomeMatrix,
  outcomeMatrixFromRows,
} from '../training/outcomes/matrix.ts';
import { groupPrompts, type Splits } from '../training/split/split.ts';
import { openKeptAnswers, routingFamily } from '../training/tune/answer-scores.ts';
import type { RoutingFamily } from '../training/tune/settings.ts';
import { DATA_FOLDER, embedPrompts, type OutcomeSet, readOutcomeSet } from './outcome-sets.ts';
import { trainOn } from './train-once.ts';

/** A public set whose answers are there. */
export interface AnsweredSet extends OutcomeSet {
  readonly matrix: OutcomeMatrix & { readonly answers: MatrixAnswers };
  readonly answers: readonly (GivenAnswer | null)[]; // [prompts, candidates]; null: none
  readonly embeddings: Matrix; // [prompts, dimensions]
}

const NGRAMS = { buckets: 2 ** 15, wordOrder: 2, characterFrom: 0, characterTo: 0, dimensions: 64 };
const FOLDS = 5;
/** Of the prompt's head, which here is a ridge logistic regression a candidate; strong to weak. */
const PROMPT_L2S = [100, 30, 10, 3, 1];

/** @returns null where the file is absent. */
export async function readAnsweredSet(name: string): Promise<AnsweredSet | null> {
  const set = await readOutcomeSet(name);
  if (set === null) return null;
  const lines = gunzipSync(await readFile(join(DATA_FOLDER, `${name}.jsonl.gz`)))
    .toString('utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { id: string; outcomes: Record<string, { answer: string }> });
  const outcomesOf = new Map(lines.map(({ id, outcomes }) => [id, outcomes]));
  const answers = set.matrix.prompts.flatMap(({ requestId }) =>
    set.matrix.candidates.map((candidate) => ({
      text: outcomesOf.get(requestId)?.[candidate]?.answer ?? '',
      finishReason: null,
      logprobs: null,
    })),
  );
  const matrix = withAnswers(set.matrix, answers);
  return { ...set, matrix, answers, embeddings: await embedPrompts(matrix) };
}

/** The sample traffic: answers of local programs, some of which have none. */
export async function sampleAnswers(prompts: number): Promise<AnsweredSet> {
  const rows: SampleRow[] = [];
  for await (const row of sampleTraffic({ prompts, seed: 0 })) rows.push(row);
  const matrix = outcomeMatrixFromRows(
    rows.map((row) => ({
      ...row,
      messages: row.messages?.map((message) => ({ ...message })) ?? null,
      tier: null,
      propensity: null,
    })),
  );
  const answerOf = new Map(rows.map((row) => [`${row.requestId} ${row.candidate}`, row.metadata.answer]));
  const answers = matrix.prompts.flatMap(({ requestId }) =>
    matrix.candidates.map((candidate) => {
      const text = answerOf.get(`${requestId} ${candidate}`) ?? '';
      return text === '' ? null : { text, finishReason: null, logprobs: null };
    }),
  );
  return {
    name: 'solvers',
    matrix: withAnswers(matrix, answers),
    groups: groupPrompts(matrix),
    answers,
    embeddings: await embedPrompts(matrix),
  };
}

function withAnswers(matrix: OutcomeMatrix, answers: AnsweredSet['answers']): AnsweredSet['matrix'] {
  const texts = answers.map((answer) => answer?.text ?? null);
  return { ...matrix, answers: keptAnswers(matrix, texts) };
}

/** A head that reads answers, fitted on some prompts, and what it says of all. */
export interface ReadAnswers {
  /** By themselves; of the prompts it was fitted on, out of fold: `[prompts, candidates]`. */
  readonly logits: Float32Array;
  /** Of the prompt alone, likewise. */
  readonly promptLogits: Float32Array;
}

/** Fits the answer head on the prompts `fit`, settings chosen by cross-validation. */
export async function fitOnAnswers(set: AnsweredSet, fit: Int32Array, seed: number): Promise<ReadAnswers> {
  const { groups, matrix } = set;
  const columns = matrix.candidates.length;
  const folds = groupedFolds(
    fit.map((row) => groups.groups[row]),
    FOLDS,
    seed,
  );
  const promptLogits = await predictPrompts(set, fit, folds, seed);
  const { places } = matrix.answers;
  const cellsOf = (rows: Int32Array) =>
    Int32Array.from({ length: rows.length * columns }, (_, i) => cellOf(rows, i, columns));
  const answered = cellsOf(fit).filter((cell) => !Number.isNaN(places[cell]));
  const fitted = fitAnswerFeatures(
    matrix.answers,
    answered.map((cell) => places[cell]),
    { ...NGRAMS, seed },
  );
  const all: RatedAnswers = {
    candidates: columns,
    of: Int32Array.from(places, (_, cell) => cell % columns),
    features: takeRows(
      fitted.features,
      // Where there is no answer nothing is read of what is said.
      places.map((place) => (Number.isNaN(place) ? 0 : place)),
    ),
    penalties: fitted.penalties,
    prior: promptLogits,
    quality: matrix.quality,
  };
  const foldOfRow = new Map([...fit].map((row, i) => [row, folds[i]]));
  const rated = takeAnswers(all, answered);
  const tuned = await tuneAnswerHead(
    rated,
    answered.map((cell) => foldOfRow.get(Math.floor(cell / columns)) ?? 0),
  );
  const logits = answerLogits(await fitAnswerHead(rated, tuned), all);
  answered.forEach((cell, i) => {
    logits[cell] = tuned.outOfFold[i];
  });
  return { logits, promptLogits };
}

function cellOf(rows: Int32Array, i: number, columns: number): number {
  return rows[Math.floor(i / columns)] * columns + (i % columns);
}

/** Logits of each candidate's success by the prompt alone; of `fit`, out of fold. */
async function predictPrompts(
  { embeddings, matrix }: AnsweredSet,
  fit: Int32Array,
  folds: Int32Array,
  seed: number,
): Promise<Float32Array> {
  const columns = matrix.candidates.length;
  const prompts = matrix.prompts.map(({ request }) => readPrompt(request));
  const { matrix: features } = fitFeatures(
    prompts,
    embeddings,
    { role: 'fit', rows: fit },
    {
      embedder: 'static',
      dimensions: embeddings.columns,
      ngrams: { ...NGRAMS, seed },
    },
  );
  const quality = { rows: matrix.prompts.length, columns, values: matrix.quality };
  const learn = async (rows: Int32Array, l2s: readonly number[]) => {
    const data = { features: takeRows(features, rows), targets: takeRows(quality, rows) };
    const fits = await fitLinearPath(data, 'sigmoid', { l2s });
    return fits.map(({ layer }) => chainHead([layer]));
  };
  const outOfFold = await crossValidate(folds, async ({ fit: inFold, held }) => {
    const heldFeatures = takeRows(
      features,
      held.map((i) => fit[i]),
    );
    const heads = await learn(
      inFold.map((i) => fit[i]),
      PROMPT_L2S,
    );
    return heads.map((head) => predictRows(head, heldFeatures));
  });
  const targets = takeRows(quality, fit);
  const losses = outOfFold.map((logits) => meanLoss('sigmoid', logits, { targets }));
  const best = argMax(losses.map((loss) => -loss));
  const [head] = await learn(fit, [PROMPT_L2S[best]]);
  const out = predictRows(head, features);
  putRows(outOfFold[best], fit, out);
  return out.values;
}

/** One calibrator for all candidates, fitted on the prompts `rows`. */
export function calibrate(
  set: AnsweredSet,
  logits: Float32Array,
  rows: Int32Array,
  seed: number,
): Calibrator {
  const columns = set.matrix.candidates.length;
  const cells = Int32Array.from({ length: rows.length * columns }, (_, i) => cellOf(rows, i, columns));
  const answered = cells.filter((cell) => set.answers[cell] !== null);
  const take = (values: Float32Array) => Float32Array.from(answered, (cell) => values[cell]);
  return chooseCalibrator(
    { logits: take(logits), labels: take(set.matrix.quality) },
    { seed, groups: answered.map((cell) => set.groups.groups[Math.floor(cell / columns)]) },
  ).calibrator;
}

/** What a router's artifact says of the answers to prompts of its test split. */
export interface ArtifactScores {
  /** By the answer alone, `[test, candidates]`; 0: no answer. */
  readonly alone: Float32Array;
  /** Of each answer of a chain, in which every candidate is asked after those before it, likewise. */
  readonly inTurn: Float32Array;
  /** By the prompt alone, likewise. */
  readonly byPrompt: Float32Array;
  readonly scorer: AnswerScorer;
  /** What cascade routing over all candidates does with the test prompts. */
  readonly routing: RoutingFamily;
}

/**
 * Trains as `pointsman train` does, exports, and has the exported artifact score the answers to the test prompts.
 *
 * @param order candidates, in the order of the chain
 */
export async function scoreByArtifact(
  { answers, groups, matrix }: AnsweredSet,
  splits: Splits,
  order: readonly number[],
  seed: number,
): Promise<ArtifactScores> {
  const { artifact: built, predictions } = await trainOn(matrix, groups, splits, seed);
  const artifact = await readArtifact(memoryFiles(built.files));
  const scorer = await createAnswerScorer(artifact);
  const kept = await openKeptAnswers(artifact, matrix);
  if (typeof kept === 'string')
    throw new Error(`The answers of ${matrix.prompts.length} prompts lack ${kept}.`);
  const columns = matrix.candidates.length;
  const byPrompt = Float32Array.from(predictions.success);
  const [alone, inTurn] = [new Float32Array(byPrompt.length), new Float32Array(byPrompt.length)];
  splits.test.rows.forEach((row, i) => {
    const question = scorer.readQuestion(matrix.prompts[row].request);
    const earlier: EarlierAnswer[] = [];
    for (const c of order) {
      const answer = answers[row * columns + c];
      if (answer === null) continue;
      const cell = i * columns + c;
      const given = { question, candidate: matrix.candidates[c], success: byPrompt[cell], answer };
      inTurn[cell] = scorer.score({ ...given, earlier }).probability;
      const own = scorer.score(given);
      alone[cell] = own.probability;
      earlier.push(own);
    }
  });
  const said = { ...predictions, rows: splits.test.rows };
  return { alone, inTurn, byPrompt, scorer, routing: routingFamily(kept, matrix.candidates, said, order) };
}
