import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { loadedAtOnce } from './loaded-at-once.ts';

/** Of Node, and what rules are read with: they are loaded when an artifact has some. */
const NOT_BUNDLED = ['node:*', '@marcbachmann/cel-js', 're2js'];

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** What a bundler would make of an entry, everything it exports included, but for what is imported when needed. */
export interface BundledSize {
  /** Minified and gzipped, file by file. */
  readonly bytes: number;
  /** What it imports that is not in the bundle. */
  readonly external: readonly string[];
}

/**
 * @param entry in `src`: `index.ts`, or `dist/index.js`.
 * @param external what is not bundled.
 */
export async function bundledSize(entry: string, external = NOT_BUNDLED): Promise<BundledSize> {
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [`src/${entry}`],
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2023',
    external,
    write: false,
    metafile: true,
    outdir: 'out',
    logLevel: 'error',
  });
  const parts = loadedAtOnce(metafile.outputs, `src/${entry}`);
  const imported = parts.flatMap((part) => metafile.outputs[part].imports.map(({ path }) => path));
  const loaded = outputFiles.filter(({ path }) => parts.some((part) => path.endsWith(part)));
  return {
    bytes: loaded.reduce((sum, file) => sum + gzipSync(file.contents, { level: 9 }).length, 0),
    external: imported.filter((path) => !(path in metafile.outputs)),
  };
}
