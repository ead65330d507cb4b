import { describe, expect, it } from 'vitest';
import { bundledSize } from '../../bench/bundled-size.ts';

const BUDGET_BYTES = 44_000;

describe('the size of what a product loads', () => {
  // From the sources, and from what `npm run build` makes of them and npm gets.
  it.each(['index.ts', 'node/index.ts', 'dist/index.js', 'dist/node/index.js'])(
    '%s is at most 44 kB, minified and gzipped',
    async (entry) => {
      expect((await bundledSize(entry)).bytes).toBeLessThanOrEqual(BUDGET_BYTES);
    },
  );

  it('the core entry needs nothing of Node', async () => {
    const { external } = await bundledSize('index.ts');
    expect(external.filter((path) => path !== '@huggingface/transformers')).toEqual([]);
  });
});
