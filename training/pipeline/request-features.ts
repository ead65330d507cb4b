import { InvalidInputError, type Request } from 'pointsman';
import type { Artifact } from 'pointsman/artifact';
import { decodeStaticTable, type Embedder, StaticEmbedder } from 'pointsman/embedder';
import { readFeatures } from 'pointsman/features';
import { readPrompt } from 'pointsman/request';
import { embedAll } from '../embedder/embed-all.ts';
import { createMatrix, type Matrix } from '../head/matrix.ts';

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
    options.embedder ??
    (table === undefined ? undefined : new StaticEmbedder(decodeStaticTable(artifact.file(table))));
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
