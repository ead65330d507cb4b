import { type Artifact, type Embedder, InvalidInputError, type Request, readPrompt } from 'pointsman';
import { embedderSource, readFeatures } from 'pointsman/internal';
import { type EmbedAllOptions, embedAll } from '../embed/embed.ts';
import { fitFeatures } from '../features/fit-features.ts';
import { createMatrix, type Matrix } from '../fit/rows.ts';
import type { OutcomeMatrix } from '../outcomes/matrix.ts';

/** Whether words of some prompts are not kept, so that nothing but embeddings can be learned from. */
export function areHashed({ prompts }: Pick<OutcomeMatrix, 'prompts'>): boolean {
  return prompts.some(({ promptHash, embedding }) => promptHash !== undefined || embedding !== undefined);
}

/**
 * The embedding of every prompt: the one that the table keeps, where it keeps no words, else the embedder's.
 * @returns `[prompts, dimensions]`
 * @throws InvalidInputError when a kept embedding is missing, or is of another length.
 */
export async function embedPrompts(
  { prompts }: Pick<OutcomeMatrix, 'prompts'>,
  embedder: Embedder,
  options: EmbedAllOptions = {},
): Promise<Matrix> {
  const { dimensions } = embedder;
  const texts = prompts.map(({ request }) => readPrompt(request).text);
  const worded = prompts.flatMap(({ promptHash, embedding }, row) =>
    promptHash === undefined && embedding === undefined ? [row] : [],
  );
  const made = await embedAll(
    embedder,
    worded.map((row) => texts[row]),
    options,
  );
  if (worded.length === prompts.length) return { rows: prompts.length, columns: dimensions, values: made };
  const values = new Float32Array(prompts.length * dimensions);
  worded.forEach((row, i) => {
    values.set(made.subarray(i * dimensions, (i + 1) * dimensions), row * dimensions);
  });
  for (const [row, { embedding, promptHash, requestId }] of prompts.entries()) {
    if (embedding?.length === dimensions) values.set(embedding, row * dimensions);
    else if (embedding !== undefined || promptHash !== undefined) {
      throw new InvalidInputError(
        `The prompt of request "${requestId}" is kept as ${embedding === undefined ? 'a hash without an embedding' : `an embedding of ${embedding.length} numbers`}, ` +
          `and the embedder "${embedder.id}" gives ${dimensions}. Train with the embedder that the prompts were kept with (--embedder), or log embeddings too.`,
      );
    }
  }
  return { rows: prompts.length, columns: dimensions, values };
}

/** The embeddings that the table keeps, `[prompts, dimensions]`; null unless each prompt has one, all of one length. */
export function keptEmbeddings({ prompts }: Pick<OutcomeMatrix, 'prompts'>): Matrix | null {
  const columns = prompts[0]?.embedding?.length ?? 0;
  if (columns === 0 || prompts.some(({ embedding }) => embedding?.length !== columns)) return null;
  const values = new Float32Array(prompts.length * columns);
  for (const [row, { embedding = [] }] of prompts.entries()) values.set(embedding, row * columns);
  return { rows: prompts.length, columns, values };
}

export interface RequestFeaturesOptions {
  /** The one that the router was trained with. @default the static one that the artifact carries */
  readonly embedder?: Embedder;
}

/**
 * What the heads of a router read of requests: the rows that `predict` of its TF.js models takes.
 *
 * @returns `[requests, manifest.features.length]`, standardised
 * @throws InvalidInputError when the embedder is another one, or is missing
 * @example
 * const { rows, columns, values } = await requestFeatures(artifact, [{ text: 'What is 17 * 23?' }]);
 * const probabilities = model.predict(tf.tensor2d(values, [rows, columns]));
 */
export async function requestFeatures(
  artifact: Artifact,
  requests: readonly Request[],
  options: RequestFeaturesOptions = {},
): Promise<Matrix> {
  const { dimensions, id, kind, table } = artifact.manifest.embedder;
  const embedder =
    options.embedder ?? (table === undefined ? undefined : embedderSource(kind).read?.(artifact.file(table)));
  if (embedder === undefined || embedder.id !== id || embedder.dimensions !== dimensions) {
    throw new InvalidInputError(
      `\`embedder\` of requestFeatures must be the one that the router was trained with, "${id}" (${kind}) of ` +
        `${dimensions} dimensions. Got ${embedder === undefined ? 'none' : `"${embedder.id}" of ${embedder.dimensions}`}.`,
    );
  }
  const extractor = readFeatures(artifact.manifest.features, (path) => artifact.file(path));
  const prompts = requests.map(readPrompt);
  const worded = prompts.filter(({ text }) => text.trim() !== '');
  const vectors = await embedAll(
    embedder,
    worded.map(({ text }) => text),
  );
  const features = createMatrix(requests.length, extractor.length);
  let at = 0;
  for (const [row, prompt] of prompts.entries()) {
    const vector =
      prompt.text.trim() === ''
        ? await vectorOfNothing(embedder, prompt.text)
        : vectors.subarray(at++ * dimensions, at * dimensions);
    extractor.extractInto(prompt, vector, features.values, row * extractor.length);
  }
  return features;
}

/** As a router has it: of no words some embedders make a mean of nothing. */
async function vectorOfNothing(embedder: Embedder, text: string): Promise<Float32Array> {
  const [vector] = await embedder.embed([text]);
  return vector.every(Number.isFinite) ? vector : new Float32Array(embedder.dimensions);
}

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
  const { matrix: features } = fitFeatures(
    matrix.prompts.map(({ request }) => readPrompt(request)),
    embeddings,
    { role: 'fit', rows },
    { embedder: '', dimensions: embeddings.columns, ngrams: null, numeric: !areHashed(matrix) },
  );
  return features;
}
