import type { FeatureBlock } from 'pointsman/artifact';
import {
  createFeatureExtractor,
  createNgramBlock,
  createNgramCounter,
  type ExtractorBlock,
  encodeNgramTable,
  encodeStandardisation,
  NUMERIC_SIGNAL_NAMES,
} from 'pointsman/features';
import type { Prompt } from 'pointsman/request';
import { createMatrix, type Matrix, takeRows } from '../head/matrix.ts';
import type { Split } from '../split/split.ts';
import { fitNgramTable, type NgramTableOptions } from './fit-ngram-table.ts';
import { fitStandardisation, type ScaleGroup } from './fit-standardisation.ts';

export interface FeatureOptions {
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
  readonly features: Matrix;
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
  const files = new Map<string, Uint8Array>();
  const { blocks, extractorBlocks } = fitBlocks(prompts, fit, options, files);
  const extractor = createFeatureExtractor(extractorBlocks, null);
  const { length } = extractor;
  const features = createMatrix(prompts.length, length);
  prompts.forEach((prompt, row) => {
    const embedding = embeddings.values.subarray(row * options.dimensions, (row + 1) * options.dimensions);
    extractor.extractInto(prompt, embedding, features.values, row * length);
  });
  const groups = scaleGroups(blocks);
  const standardisation = fitStandardisation(takeRows(features, fit.rows).values, length, groups);
  for (let row = 0; row < prompts.length; row++) standardisation.apply(features.values, row * length);
  files.set(STANDARDISATION_FILE, encodeStandardisation(standardisation));
  return {
    features,
    variance: groups.reduce((sum, group) => sum + group.variance, 0),
    embedding: { from: 0, to: options.dimensions },
    blocks,
    standardisation: STANDARDISATION_FILE,
    files,
  };
}

function fitBlocks(
  prompts: readonly Prompt[],
  fit: Split<'fit'>,
  options: FeatureOptions,
  files: Map<string, Uint8Array>,
): { blocks: FeatureBlock[]; extractorBlocks: ExtractorBlock[] } {
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
  return { blocks, extractorBlocks };
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
