import { type Manifest, readPrompt } from 'pointsman';
import {
  type AnswerBlock,
  type AnswerFeatureBlock,
  answerBlockLength,
  CHECK_NAMES,
  createAnswerExtractor,
  createFeatureExtractor,
  createNgramBlock,
  createNgramCounter,
  createStandardisation,
  type ExtractorBlock,
  type FeatureBlock,
  KEPT_BLOCKS,
  NUMERIC_SIGNAL_NAMES,
  type Prompt,
  quantileSorted,
  readNovelty,
  type Standardisation,
} from 'pointsman/internal';
import { createMatrix, type Matrix, principalDirections, takeRows } from '../fit/rows.ts';
import type { MatrixAnswers } from '../outcomes/matrix.ts';
import type { Split } from '../split/split.ts';
import { encodeNgramTable, fitNgramTable, type NgramTableOptions } from './fit-ngrams.ts';

interface FeatureOptions {
  /** Id and length of the embedding. */
  readonly embedder: string;
  readonly dimensions: number;
  /** Null leaves the n-gram block out. */
  readonly ngrams: NgramTableOptions | null;
  /** Whether what a prompt shows is counted; not where its words are not kept. @default true */
  readonly numeric?: boolean;
}

/** Features, fitted on the fit split alone and computed for every prompt. */
export interface FittedFeatures {
  /** Standardised, `[prompts, length]`. */
  readonly matrix: Matrix;
  /** Sum of the features' variances on the fit split. */
  readonly variance: number;
  /** The range of the embedding in the feature vector, which neighbours are compared by. */
  readonly embedding: { readonly from: number; readonly to: number };
  /** For the manifest. */
  readonly blocks: readonly FeatureBlock[];
  readonly standardisation: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

const NGRAM_FILE = 'ngrams.bin';
const STANDARDISATION_FILE = 'standardisation.bin';

/**
 * Fits the n-gram table and the standardisation on the fit split. Every block ends up with the same total variance,
 * so that one penalty treats them alike: within the embedding and the n-grams the directions keep their relative
 * spread, numeric signals become z-scores.
 *
 * @param embeddings `[prompts, dimensions]`
 */
export function fitFeatures(
  prompts: readonly Prompt[],
  embeddings: Matrix,
  fit: Split<'fit'>,
  options: FeatureOptions,
): FittedFeatures {
  const fitted = fitBlocks(prompts, fit, options);
  const extractor = createFeatureExtractor(fitted.extractorBlocks, null);
  const { length } = extractor;
  const features = createMatrix(prompts.length, length);
  prompts.forEach((prompt, row) => {
    const embedding = embeddings.values.subarray(row * options.dimensions, (row + 1) * options.dimensions);
    extractor.extractInto(prompt, embedding, features.values, row * length);
  });
  return standardised(features, fit, fitted, options);
}

/**
 * The same where features are computed elsewhere, from the fitted blocks.
 *
 * @param extract features that are not standardised, of all prompts in their order: `[prompts, length]`
 */
export async function fitFeaturesElsewhere(
  prompts: readonly Prompt[],
  fit: Split<'fit'>,
  options: FeatureOptions,
  extract: (blocks: readonly FeatureBlock[], ngrams: Uint8Array | null) => Promise<Matrix>,
): Promise<FittedFeatures> {
  const fitted = fitBlocks(prompts, fit, options);
  const features = await extract(fitted.blocks, fitted.files.get(NGRAM_FILE) ?? null);
  return standardised(features, fit, fitted, options);
}

function standardised(
  features: Matrix,
  fit: Split<'fit'>,
  { blocks, files }: FittedBlocks,
  options: FeatureOptions,
): FittedFeatures {
  const length = features.columns;
  const groups = scaleGroups(blocks);
  const standardisation = fitStandardisation(takeRows(features, fit.rows).values, length, groups);
  for (let row = 0; row < features.rows; row++) standardisation.apply(features.values, row * length);
  files.set(STANDARDISATION_FILE, encodeStandardisation(standardisation));
  return {
    matrix: features,
    variance: groups.reduce((sum, group) => sum + group.variance, 0),
    embedding: { from: 0, to: options.dimensions },
    blocks,
    standardisation: STANDARDISATION_FILE,
    files,
  };
}

/** What features are computed by. */
interface FittedBlocks {
  readonly blocks: readonly FeatureBlock[];
  readonly extractorBlocks: readonly ExtractorBlock[];
  readonly files: Map<string, Uint8Array>;
}

function fitBlocks(prompts: readonly Prompt[], fit: Split<'fit'>, options: FeatureOptions): FittedBlocks {
  const files = new Map<string, Uint8Array>();
  const { embedder, dimensions, ngrams, numeric = true } = options;
  const blocks: FeatureBlock[] = [{ kind: 'embedding', embedder, dimensions }];
  const extractorBlocks: ExtractorBlock[] = [{ kind: 'embedding', dimensions }];
  if (ngrams !== null) {
    const texts = Array.from(fit.rows, (row) => prompts[row].text);
    const table = fitNgramTable(texts, ngrams);
    files.set(NGRAM_FILE, encodeNgramTable(table));
    const { buckets, wordOrder, characterFrom, characterTo } = ngrams;
    const spec = { buckets, wordOrder, characterFrom, characterTo };
    blocks.push({ kind: 'ngrams', file: NGRAM_FILE, dimensions: table.dimensions, ...spec });
    const block = createNgramBlock(createNgramCounter(spec), table);
    extractorBlocks.push({ kind: 'ngrams', dimensions: table.dimensions, block });
  }
  if (numeric) {
    blocks.push({ kind: 'numeric', names: NUMERIC_SIGNAL_NAMES });
    extractorBlocks.push({ kind: 'numeric' });
  }
  return { blocks, extractorBlocks, files };
}

function scaleGroups(blocks: readonly FeatureBlock[]): ScaleGroup[] {
  const variance = NUMERIC_SIGNAL_NAMES.length;
  let from = 0;
  return blocks.map((block) => {
    const to = from + (block.kind === 'numeric' ? block.names.length : block.dimensions);
    const group = { from, to, variance, each: block.kind === 'numeric' };
    from = to;
    return group;
  });
}

/** A group of neighbouring features that share one scale: their spread relative to each other says something. */
interface ScaleGroup {
  readonly from: number;
  readonly to: number;
  /** What the group's features shall have as their total variance. */
  readonly variance: number;
  /** Whether each feature gets a scale of its own (z-scores) or all share one. */
  readonly each: boolean;
}

/**
 * Means and scales over the rows of the fit split. A constant feature gets scale 0, so that a value never seen
 * in training cannot move a decision.
 *
 * @param features `[rows, length]`, raw.
 */
export function fitStandardisation(
  features: Float32Array,
  length: number,
  groups: readonly ScaleGroup[],
): Standardisation {
  const rows = features.length / length;
  const mean = new Float32Array(length);
  const variance = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += features[row * length + i];
    mean[i] = rows > 0 ? sum / rows : 0;
    let squares = 0;
    for (let row = 0; row < rows; row++) squares += (features[row * length + i] - mean[i]) ** 2;
    variance[i] = rows > 0 ? squares / rows : 0;
  }
  const scale = new Float32Array(length);
  for (const group of groups) {
    const size = group.to - group.from;
    let total = 0;
    for (let i = group.from; i < group.to; i++) total += variance[i];
    for (let i = group.from; i < group.to; i++) {
      const ratio = group.each ? group.variance / size / variance[i] : group.variance / total;
      // A shared scale may be any; what varies less than rounding does is constant.
      const least = group.each ? 1e-10 : 1e-12 * mean[i] ** 2;
      scale[i] = variance[i] > least ? Math.sqrt(ratio) : 0;
    }
  }
  return createStandardisation(mean, scale);
}

interface FittedNovelty {
  readonly spec: NonNullable<Manifest['novelty']>;
  readonly bytes: Uint8Array;
}

const NOVELTY_FILE = 'novelty.bin';

/** Directions weighed apart; what lies outside of them counts with one variance. */
const COMPONENTS = 32;

/** A covariance needs no more. */
const MOST_ROWS = 4_000;

/** Share of unseen prompts of the same traffic that may count as novel. */
const FALSE_ALARMS = 0.01;

/**
 * Probabilistic PCA of the fit split's features (Tipping and Bishop 1999); its threshold is the distance that all but
 * one in a hundred prompts of the calibrate split, which it has not seen, stay under.
 *
 * @param features standardised, `[prompts, features]`
 * @returns null where the fit split's features do not vary: nothing can be told from what it has seen
 */
export function fitNovelty(
  features: Matrix,
  fit: Split<'fit'>,
  calibrate: Split<'calibrate'>,
  seed: number,
): FittedNovelty | null {
  const every = Math.ceil(fit.rows.length / MOST_ROWS);
  const sample = takeRows(
    features,
    fit.rows.filter((_, i) => i % every === 0),
  );
  const length = features.columns;
  const total = sample.values.reduce((sum, x) => sum + x * x, 0) / sample.rows;
  if (!(total > 0)) return null;
  const components = Math.min(COMPONENTS, Math.floor(sample.rows / 4), length - 1);
  const { directions, variances } = principalDirections(sample, components, seed);
  const explained = variances.reduce((sum, variance) => sum + variance, 0);
  // A tenth of the mean variance at least: directions that the fit split does not use at all would decide alone.
  const floor = (0.1 * total) / length;
  const residual = Math.max(floor, (total - explained) / (length - components));
  const numbers = [...variances.map((variance) => 1 / Math.max(variance, floor)), ...directions];
  const bytes = new Uint8Array(4 * numbers.length);
  const view = new DataView(bytes.buffer);
  numbers.forEach((value, i) => {
    view.setFloat32(4 * i, value, true);
  });
  const spec = { file: NOVELTY_FILE, components, residualPrecision: 1 / residual, threshold: 1 };
  const score = readNovelty(spec, length, bytes);
  const rows = calibrate.rows.length > 0 ? calibrate.rows : fit.rows;
  const scores = Float64Array.from(rows, (row) =>
    score(features.values.subarray(row * length, (row + 1) * length)),
  );
  const threshold = Math.max(1e-6, quantileSorted(scores.sort(), 1 - FALSE_ALARMS));
  return { spec: { ...spec, threshold }, bytes };
}

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

/** Little-endian float32: the means, then the scales. */
function encodeStandardisation({ mean, scale }: Standardisation): Uint8Array {
  const bytes = new Uint8Array((mean.length + scale.length) * 4);
  const view = new DataView(bytes.buffer);
  mean.forEach((value, i) => {
    view.setFloat32(i * 4, value, true);
  });
  scale.forEach((value, i) => {
    view.setFloat32((mean.length + i) * 4, value, true);
  });
  return bytes;
}
