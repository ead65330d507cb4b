import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { io, Tensor } from '@tensorflow/tfjs';
import { useBackend } from '../fit/backend.ts';
import { usePackageFolder } from './use-package.ts';

/** Length of the encoder's vectors. */
export const USE_DIMENSIONS = 512;

/** Universal Sentence Encoder lite as a TF.js graph: from piece ids to unit vectors. */
export interface UseGraph {
  /**
   * @param batch piece ids of each text, none of them empty.
   * @returns `[batch, 512]`
   */
  run(batch: readonly ArrayLike<number>[]): Promise<Float32Array>;
  /** Frees the weights. */
  dispose(): void;
}

/** Loads the graph on the TF.js backend of `useBackend`. Source: Cer et al. 2018, arXiv 1803.11175. */
export async function loadUseGraph(): Promise<UseGraph> {
  const folder = usePackageFolder();
  const { tf } = await useBackend();
  const json = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8')) as io.ModelJSON;
  const model = await tf.loadGraphModel({
    load: () =>
      tf.io.getModelArtifactsForJSON(json, async (manifest) => {
        const paths = manifest.flatMap((group) => group.paths);
        const shards = await Promise.all(paths.map((path) => readFile(join(folder, path))));
        return [manifest.flatMap((group) => group.weights), new Uint8Array(Buffer.concat(shards)).buffer];
      }),
  });
  return {
    run: async (batch) => {
      const indices = batch.flatMap((ids, row) => Array.from(ids, (_, column) => [row, column]));
      const input = {
        indices: tf.tensor2d(indices, [indices.length, 2], 'int32'),
        values: tf.tensor1d(
          batch.flatMap((ids) => Array.from(ids)),
          'int32',
        ),
      };
      const output = (await model.executeAsync(input)) as Tensor; // [batch, 512]
      const vectors = (await output.data()) as Float32Array;
      tf.dispose([input.indices, input.values, output]);
      return vectors;
    },
    dispose: () => model.dispose(),
  };
}
