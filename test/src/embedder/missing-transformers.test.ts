import { expect, it, vi } from 'vitest';
import { loadTransformersEmbedder } from '../../../src/embedder/embedders.ts';

vi.mock('@huggingface/transformers', () => {
  throw new Error('Cannot find package');
});

it('says which package to install when transformers.js is missing', async () => {
  await expect(loadTransformersEmbedder({ model: 'org/model' })).rejects.toThrow(
    'The `transformers` embedder needs the package "@huggingface/transformers". ' +
      'Install it: npm install @huggingface/transformers',
  );
});
