import { describe, expect, it } from 'vitest';
import { bundledSize } from '../../bench/bundled-size.ts';

describe('the size of what a product loads', () => {
  // From the sources, and from what `npm run build` makes of them and npm gets.
  it.each([
    ['index.ts', 44],
    ['dist/index.js', 44],
    ['node/index.ts', 46],
    ['dist/node/index.js', 46],
    ['tiny.ts', 36],
    ['dist/tiny.js', 36],
  ])('%s is at most %i kB, everything that it exports, minified and gzipped', async (entry, kilobytes) => {
    const { bytes } = await bundledSize(entry);
    expect(bytes).toBeLessThanOrEqual(kilobytes * 1000);
    // Not by exporting less than a router takes.
    expect(bytes).toBeGreaterThan(25_000);
  });

  it('what reads rules comes on top when an artifact has some: 78 kB with its two packages', async () => {
    const alone = await bundledSize('policy/cel.ts', ['node:*']);
    expect(alone.bytes).toBeLessThanOrEqual(78_000);
    expect(alone.external).toEqual([]);
  });

  it.each(['index.ts', 'tiny.ts'])('%s needs nothing of Node, and no package', async (entry) => {
    expect((await bundledSize(entry)).external).toEqual([]);
  });
});
