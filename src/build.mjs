// Bundles each public entry of `src` (shared code goes into chunks), so that importing it opens few files.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const entries = [
  'index',
  'artifact/index',
  'calibrator/index',
  'embedder/index',
  'features/index',
  'head/index',
  'math/index',
  'node/index',
  'policy/index',
  'request/index',
  'text/index',
];

await build({
  absWorkingDir: here,
  entryPoints: entries.map((name) => ({ in: `${name}.ts`, out: name })),
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2023',
  chunkNames: 'chunks/[name]-[hash]',
  external: ['node:*', '@huggingface/transformers'],
  sourcemap: true,
  logLevel: 'warning',
});
