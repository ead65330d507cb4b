import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { root } from '../architecture/source-files.ts';

const BUDGET_BYTES = 40_000;

/** One file that a bundler would make of an entry, everything it exports included. */
async function bundle(entry: string) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: [`src/${entry}`],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2023',
    external: ['node:*', '@huggingface/transformers'],
    write: false,
    metafile: true,
    outdir: 'out',
  });
  const external = Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path));
  return { bytes: gzipSync(outputFiles[0].contents, { level: 9 }).length, external };
}

describe('the size of what a product loads', () => {
  it.each(['index.ts', 'node/index.ts'])('%s is at most 40 kB, minified and gzipped', async (entry) => {
    expect((await bundle(entry)).bytes).toBeLessThanOrEqual(BUDGET_BYTES);
  });

  it('the core entry needs nothing of Node', async () => {
    const { external } = await bundle('index.ts');
    expect(external.filter((path) => path !== '@huggingface/transformers')).toEqual([]);
  });
});
