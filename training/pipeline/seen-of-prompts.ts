import { readPrompt } from 'pointsman/request';
import { fitFeatures } from '../features/fit-features.ts';
import type { Matrix } from '../head/matrix.ts';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import { areHashed } from '../train/embed-prompts.ts';

/**
 * What can be seen of prompts whatever router is asked: their embedding, and, where their words are kept, the numeric
 * signals. Who answered which prompt may have gone by any of it, so missing propensities are fitted on it.
 *
 * @param embeddings of every prompt: `[prompts, dimensions]` @param rows prompts that say how much each feature varies
 * @returns standardised, `[prompts, features]`
 */
export function seenOfPrompts(
  matrix: Pick<OutcomeMatrix, 'prompts'>,
  embeddings: Matrix,
  rows: Int32Array = Int32Array.from(matrix.prompts.keys()),
): Matrix {
  const { features } = fitFeatures(
    matrix.prompts.map(({ request }) => readPrompt(request)),
    embeddings,
    { role: 'fit', rows },
    { embedder: '', dimensions: embeddings.columns, ngrams: null, numeric: !areHashed(matrix) },
  );
  return features;
}
