import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { loadedAtOnce } from '../../bench/loaded-at-once.ts';
import { root } from '../architecture/source-files.ts';

const BUDGET_BYTES = 40_000;

/** What a bundler would make of an entry, everything it exports included, but for what is imported when needed. */
async function bundle(entry: string) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: [`src/${entry}`],
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2023',
    external: ['node:*', '@huggingface/transformers', '@marcbachmann/cel-js'],
    write: false,
    metafile: true,
    outdir: 'out',
  });
  const parts = loadedAtOnce(metafile.outputs, `src/${entry}`);
  const external = parts.flatMap((part) => metafile.outputs[part].imports.map(({ path }) => path));
  const contents = outputFiles.filter(({ path }) => parts.some((part) => path.endsWith(part)));
  const bytes = contents.reduce((sum, file) => sum + gzipSync(file.contents, { level: 9 }).length, 0);
  return { bytes, external: external.filter((path) => !(path in metafile.outputs)) };
}

describe('the size of what a product loads', () => {
  // From the sources, and from what `npm run build` makes of them and npm gets.
  it.each(['index.ts', 'node/index.ts', 'dist/index.js', 'dist/node/index.js'])(
    '%s is at most 40 kB, minified and gzipped',
    async (entry) => {
      expect((await bundle(entry)).bytes).toBeLessThanOrEqual(BUDGET_BYTES);
    },
  );

  it('the core entry needs nothing of Node', async () => {
    const { external } = await bundle('index.ts');
    expect(external.filter((path) => path !== '@huggingface/transformers')).toEqual([]);
  });
});
