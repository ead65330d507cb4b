import {
  type AnswerBlock,
  type AnswerExtractor,
  answerBlockLength,
  createAnswerExtractor,
  createNgramBlock,
  createNgramCounter,
  type GivenAnswer,
  type Prompt,
} from 'pointsman/internal';
import { createMatrix, type Matrix, takeRows } from '../fit/rows.ts';
import { fitStandardisation } from './fit-features.ts';
import { fitNgramTable, type NgramTableOptions } from './fit-ngrams.ts';

/** Answers to prompts, `[prompts, candidates]`; null where there is none. */
export type GivenAnswers = readonly (GivenAnswer | null)[];

/** Features of answers, fitted on the fit split alone and computed for every answer. */
export interface FittedAnswerFeatures {
  /** Standardised, `[prompts * candidates, length]`; zeros where there is no answer. */
  readonly features: Matrix;
  /** What each feature's penalty is multiplied by: `[length]`. */
  readonly penalties: Float32Array;
  /** What each answer finally says, `[prompts * candidates]`; null where there is none. */
  readonly keys: readonly (string | null)[];
  readonly extractor: AnswerExtractor;
}

/**
 * Checks say what is wrong with an answer; what it looks like, and its words, say it to those who have seen many. Chosen by
 * cross-validation on the fit splits of five splits of 1,319 answered prompts (bench/experiments.md).
 */
const PENALTIES: Readonly<Record<AnswerBlock['kind'], number>> = { checks: 1, numeric: 3, ngrams: 2 };

/**
 * Fits the n-gram table and the standardisation on the answers of the fit split, of all candidates together. Checks and
 * numeric signals become z-scores; n-grams keep their relative spread, at a mean variance of 1.
 *
 * @param rows prompts of the fit split @param ngrams null leaves the block out: where texts are not kept
 */
export function fitAnswerFeatures(
  prompts: readonly Prompt[],
  answers: GivenAnswers,
  rows: Int32Array,
  ngrams: NgramTableOptions | null,
): FittedAnswerFeatures {
  const candidates = answers.length / prompts.length;
  const fitCells = Int32Array.from(
    [...rows].flatMap((row) => Array.from({ length: candidates }, (_, c) => row * candidates + c)),
  ).filter((cell) => answers[cell] !== null);
  const blocks: AnswerBlock[] = [{ kind: 'checks' }, { kind: 'numeric' }];
  if (ngrams !== null) {
    const table = fitNgramTable(
      Array.from(fitCells, (cell) => answers[cell]?.text ?? ''),
      ngrams,
    );
    const block = createNgramBlock(createNgramCounter(ngrams), table);
    blocks.push({ kind: 'ngrams', dimensions: table.dimensions, block });
  }
  const raw = createAnswerExtractor(blocks, null);
  const features = createMatrix(answers.length, raw.length);
  const keys = extractAll(raw, prompts, answers, features);
  const lengths = blocks.map(answerBlockLength);
  let from = 0;
  const groups = blocks.map(({ kind }, i) => {
    const group = { from, to: from + lengths[i], variance: lengths[i], each: kind !== 'ngrams' };
    from = group.to;
    return group;
  });
  const standardisation = fitStandardisation(takeRows(features, fitCells).values, raw.length, groups);
  answers.forEach((answer, cell) => {
    if (answer !== null) standardisation.apply(features.values, cell * raw.length);
  });
  return {
    features,
    penalties: Float32Array.from(blocks.flatMap(({ kind }, i) => Array(lengths[i]).fill(PENALTIES[kind]))),
    keys,
    extractor: createAnswerExtractor(blocks, standardisation),
  };
}

function extractAll(
  extractor: AnswerExtractor,
  prompts: readonly Prompt[],
  answers: GivenAnswers,
  out: Matrix,
): (string | null)[] {
  const candidates = answers.length / prompts.length;
  return prompts.flatMap((prompt, row) => {
    const question = extractor.readQuestion(prompt);
    return Array.from({ length: candidates }, (_, c) => {
      const cell = row * candidates + c;
      const answer = answers[cell];
      return answer === null
        ? null
        : extractor.extractInto(question, answer, out.values, cell * extractor.length);
    });
  });
}
