import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTransformersEmbedder } from '../../../src/embedder/embedders.ts';
import { EmbeddingError } from '../../../src/errors.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { hasTransformers, writeTinyTransformer } from './tiny-transformer.ts';

describe('the transformers embedder', () => {
  const { folder } = temporaryFolder();
  beforeAll(async () => {
    await writeTinyTransformer(folder);
  });

  it.skipIf(!hasTransformers)('gives the mean of the token vectors, scaled to length 1', async () => {
    const embedder = await loadTransformersEmbedder({ model: folder });
    expect(embedder.dimensions).toBe(4);
    const [vector] = await embedder.embed(['Hello cats']);
    const ids = [2, 4, 7, 8, 3]; // [CLS] hello cat ##s [SEP]
    const sum = [0, 1, 2, 3].map((c) => ids.reduce((total, id) => total + Math.sin(1 + id * 4 + c), 0));
    const length = Math.hypot(...sum);
    for (let c = 0; c < 4; c++) expect(vector[c]).toBeCloseTo(sum[c] / length, 5);
  });

  it.skipIf(!hasTransformers)('says what a folder must hold when the model cannot be had', async () => {
    const missing = loadTransformersEmbedder({ model: join(folder, 'no-such-model'), localOnly: true });
    await expect(missing).rejects.toThrow(EmbeddingError);
    await expect(missing).rejects.toThrow(
      /no-such-model" \(fp32\) could not be loaded: .*or a folder with config.json/s,
    );
  });

  it('names the model when the hub cannot be reached', async () => {
    const library = { pipeline: () => Promise.reject(new TypeError('fetch failed')) };
    await expect(loadTransformersEmbedder({ model: 'org/model', library })).rejects.toThrow(
      'The model "org/model" (fp32) could not be loaded: fetch failed. Name a model',
    );
  });
});
