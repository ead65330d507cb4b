import { readPrompt } from 'pointsman';
import {
  type AnswerBlock,
  type AnswerFeatureBlock,
  answerBlockLength,
  CHECK_NAMES,
  createAnswerExtractor,
  createNgramBlock,
  createNgramCounter,
  encodeNgramTable,
  encodeStandardisation,
  KEPT_BLOCKS,
  NUMERIC_SIGNAL_NAMES,
} from 'pointsman/internal';
import { createMatrix, type Matrix, takeRows } from '../fit/rows.ts';
import type { MatrixAnswers } from '../outcomes/matrix.ts';
import { fitStandardisation } from './fit-features.ts';
import { fitNgramTable, type NgramTableOptions } from './fit-ngrams.ts';

/** Answers as features are fitted on them: with what was computed of them where prompt and answer were both still there. */
export type ReadableAnswers = Pick<MatrixAnswers, 'checks' | 'length' | 'texts'>;

/** Features of answers, fitted on the fit split alone and computed for every answer. */
export interface FittedAnswerFeatures {
  /** Standardised, `[answers, length]`. */
  readonly features: Matrix;
  /** What each feature's penalty is multiplied by: `[length]`. */
  readonly penalties: Float32Array;
  /** As the manifest has them. */
  readonly blocks: readonly AnswerFeatureBlock[];
  readonly standardisation: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/**
 * Checks say what is wrong with an answer; what it looks like, and its words, say it to those who have seen many. Chosen by
 * cross-validation on the fit splits of five splits of 1,319 answered prompts (bench/experiments.md).
 */
const PENALTIES: Readonly<Record<AnswerBlock['kind'], number>> = { checks: 1, numeric: 3, ngrams: 2 };

const STANDARDISATION = 'answer-standardisation.bin';
const NGRAMS = 'answer-ngrams.bin';

/**
 * Fits the n-gram table and the standardisation on the answers of the fit split, of all candidates together. Checks and
 * numeric signals become z-scores; n-grams keep their relative spread, at a mean variance of 1.
 *
 * @param fit answers of the fit split; at least one
 * @param ngrams null leaves the block out; so does an answer whose words are not there
 */
export function fitAnswerFeatures(
  { checks, length, texts }: ReadableAnswers,
  fit: Int32Array,
  ngrams: NgramTableOptions | null,
): FittedAnswerFeatures {
  const blocks: AnswerFeatureBlock[] = [
    { kind: 'checks', names: CHECK_NAMES },
    { kind: 'numeric', names: NUMERIC_SIGNAL_NAMES },
  ];
  const files = new Map<string, Uint8Array>();
  const lengths = KEPT_BLOCKS.map(answerBlockLength);
  const words = ngrams === null ? null : wordsOf(texts);
  let features: Matrix = { rows: checks.length / length, columns: length, values: checks.slice() };
  if (ngrams !== null && words !== null) {
    const { buckets, characterFrom, characterTo, wordOrder } = ngrams;
    const table = fitNgramTable(
      Array.from(fit, (row) => words[row]),
      ngrams,
    );
    const { dimensions } = table;
    files.set(NGRAMS, encodeNgramTable(table));
    blocks.push({
      ...{ kind: 'ngrams', file: NGRAMS, dimensions },
      ...{ buckets, wordOrder, characterFrom, characterTo },
    });
    lengths.push(dimensions);
    const block: AnswerBlock = {
      kind: 'ngrams',
      dimensions,
      block: createNgramBlock(createNgramCounter(ngrams), table),
    };
    features = besides(features, ngramsOf(words, block));
  }
  const { columns } = features;
  let from = 0;
  const groups = blocks.map(({ kind }, i) => {
    const group = { from, to: from + lengths[i], variance: lengths[i], each: kind !== 'ngrams' };
    from = group.to;
    return group;
  });
  const standardisation = fitStandardisation(takeRows(features, fit).values, columns, groups);
  files.set(STANDARDISATION, encodeStandardisation(standardisation));
  for (let row = 0; row < features.rows; row++) standardisation.apply(features.values, row * columns);
  return {
    features,
    penalties: Float32Array.from(blocks.flatMap(({ kind }, i) => Array(lengths[i]).fill(PENALTIES[kind]))),
    blocks,
    standardisation: STANDARDISATION,
    files,
  };
}

/** Null where the words of an answer are not kept: what is learned of the others would be wrong of it. */
function wordsOf(texts: MatrixAnswers['texts']): readonly string[] | null {
  return texts?.every((text) => text !== null) ? texts : null;
}

/** What is served, computed by what serves it. */
function ngramsOf(texts: readonly string[], block: AnswerBlock): Matrix {
  const extractor = createAnswerExtractor([block], null);
  const question = extractor.readQuestion(readPrompt({ text: '' }));
  const out = createMatrix(texts.length, extractor.length);
  texts.forEach((text, row) => {
    extractor.extractInto(
      question,
      { text, finishReason: null, logprobs: null },
      out.values,
      row * out.columns,
    );
  });
  return out;
}

function besides(left: Matrix, right: Matrix): Matrix {
  const out = createMatrix(left.rows, left.columns + right.columns);
  for (let row = 0; row < out.rows; row++) {
    const at = row * out.columns;
    out.values.set(left.values.subarray(row * left.columns, (row + 1) * left.columns), at);
    out.values.set(right.values.subarray(row * right.columns, (row + 1) * right.columns), at + left.columns);
  }
  return out;
}
