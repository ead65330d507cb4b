import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { readPrompt } from 'pointsman';
import {
  argMax,
  type Calibrator,
  type EarlierAnswer,
  EVIDENCE_LENGTH,
  evidenceInto,
  type GivenAnswer,
} from 'pointsman/internal';
import { type SampleRow, sampleTraffic } from '../data/solvers/sample-traffic.ts';
import { chooseCalibrator } from '../training/calibrate/choose-calibrator.ts';
import { embedAll } from '../training/embed/embed.ts';
import { openEmbedder } from '../training/embed/embedders.ts';
import { type FittedAnswerFeatures, fitAnswerFeatures } from '../training/features/fit-answer-features.ts';
import { fitFeatures } from '../training/features/fit-features.ts';
import { chainHead, type DenseLayer, predictRows } from '../training/fit/chain.ts';
import { crossValidate, groupedFolds } from '../training/fit/folds.ts';
import { fitLinearPath } from '../training/fit/linear.ts';
import { meanLoss } from '../training/fit/loss.ts';
import { createMatrix, type Matrix, putRows, takeRows } from '../training/fit/rows.ts';
import {
  type AnswerSettings,
  answerLogits,
  fitAnswerHead,
  fitEarlierHead,
  type RatedAnswers,
  type TunedAnswers,
  takeAnswers,
  tuneAnswerHead,
} from '../training/learners/answer.ts';
import { type OutcomeMatrix, outcomeMatrixFromRows } from '../training/outcomes/matrix.ts';
import { groupPrompts } from '../training/split/split.ts';
import { DATA_FOLDER, type OutcomeSet, readOutcomeSet } from './outcome-sets.ts';

/** A public set whose answers are there. */
export interface AnsweredSet extends OutcomeSet {
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
  return { ...set, answers, embeddings: await embed(set.matrix) };
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
  return { name: 'solvers', matrix, groups: groupPrompts(matrix), answers, embeddings: await embed(matrix) };
}

async function embed({ prompts }: OutcomeMatrix): Promise<Matrix> {
  const { embedder } = await openEmbedder({ kind: 'static' });
  const texts = prompts.map(({ request }) => readPrompt(request).text);
  return { rows: texts.length, columns: embedder.dimensions, values: await embedAll(embedder, texts) };
}

/** A head that reads answers, fitted on some prompts, and what it says of all. */
export interface ReadAnswers {
  readonly settings: AnswerSettings;
  /** By themselves; of the prompts it was fitted on, out of fold: `[prompts, candidates]`. */
  readonly logits: Float32Array;
  /** Of the prompt alone, likewise. */
  readonly promptLogits: Float32Array;
  readonly features: FittedAnswerFeatures;
  readonly earlier: DenseLayer;
}

/**
 * Fits the answer head and what earlier answers say, on the prompts `fit`.
 *
 * @param order candidates, cheapest first @param settings chosen by cross-validation where left out
 */
export async function fitOnAnswers(
  set: AnsweredSet,
  fit: Int32Array,
  order: readonly number[],
  seed: number,
  settings?: AnswerSettings,
): Promise<ReadAnswers> {
  const { groups, matrix } = set;
  const columns = matrix.candidates.length;
  const folds = groupedFolds(
    fit.map((row) => groups.groups[row]),
    FOLDS,
    seed,
  );
  const promptLogits = await predictPrompts(set, fit, folds, seed);
  const prompts = matrix.prompts.map(({ request }) => readPrompt(request));
  const features = fitAnswerFeatures(prompts, set.answers, fit, { ...NGRAMS, seed });
  const all: RatedAnswers = {
    candidates: columns,
    of: Int32Array.from(set.answers, (_, cell) => cell % columns),
    features: features.features,
    penalties: features.penalties,
    prior: promptLogits,
    quality: matrix.quality,
  };
  const fitCells = Int32Array.from({ length: fit.length * columns }, (_, i) => cellOf(fit, i, columns));
  const answered = Int32Array.from(fitCells.keys()).filter((i) => set.answers[fitCells[i]] !== null);
  const cells = answered.map((i) => fitCells[i]);
  const rated = takeAnswers(all, cells);
  const foldOfCell = answered.map((i) => folds[Math.floor(i / columns)]);
  const tuned: AnswerSettings & Partial<TunedAnswers> = settings ?? (await tuneAnswerHead(rated, foldOfCell));
  const head = await fitAnswerHead(rated, tuned);
  const outOfFold = tuned.outOfFold ?? (await predictHeld(rated, foldOfCell, tuned));
  const logits = answerLogits(head, all);
  cells.forEach((cell, i) => {
    logits[cell] = outOfFold[i];
  });
  const earlier = await fitEarlierHead(
    {
      candidates: columns,
      logits: Float32Array.from(fitCells, (cell) => logits[cell]),
      keys: Array.from(fitCells, (cell) => features.keys[cell]),
      quality: Float32Array.from(fitCells, (cell) => matrix.quality[cell]),
    },
    order,
  );
  return { settings: { l2: tuned.l2, own: tuned.own }, logits, promptLogits, features, earlier };
}

async function predictHeld(
  rated: RatedAnswers,
  folds: Int32Array,
  settings: AnswerSettings,
): Promise<Float32Array> {
  const [held] = await crossValidate(folds, async ({ fit, held }) => {
    const values = answerLogits(
      await fitAnswerHead(takeAnswers(rated, fit), settings),
      takeAnswers(rated, held),
    );
    return [{ rows: values.length, columns: 1, values }];
  });
  return held.values;
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

/**
 * P(good) of each answer of a chain, in which every candidate is asked after those before it: `[prompts, candidates]`.
 *
 * @param calibrator of the first, which has nobody before it
 */
export function chainScores(
  { earlier, features, logits }: ReadAnswers,
  calibrator: Calibrator,
  order: readonly number[],
  columns: number,
): Float32Array {
  const scores = new Float32Array(logits.length);
  const evidence = createMatrix(1, EVIDENCE_LENGTH);
  const head = chainHead([earlier]);
  for (let at = 0; at < logits.length; at += columns) {
    const said: EarlierAnswer[] = [];
    for (const c of order) {
      const key = features.keys[at + c];
      if (key === null) continue; // no answer: 0
      const answer = { logit: logits[at + c], key };
      if (said.length === 0) scores[at + c] = calibrator.probability(answer.logit);
      else {
        evidenceInto(answer, said, evidence.values);
        scores[at + c] = 1 / (1 + Math.exp(-predictRows(head, evidence).values[0]));
      }
      said.push(answer);
    }
  }
  return scores;
}
