// Bundles `src` with one file an entry, and what entries share in chunks beside them: a class is the same class whichever
// entry it came through, and what is imported when it is needed is a file of its own.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const { exports } = JSON.parse(await readFile(`${here}package.json`, 'utf8'));
/** `dist/policy/index.js` is bundled from `policy/index.ts`. */
const entryPoints = Object.values(exports)
  .filter((entry) => typeof entry === 'object')
  .map((entry) => entry.default.replace('./dist/', '').replace(/\.js$/, '.ts'));

await rm(`${here}dist/chunks`, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: here,
  entryPoints,
  outdir: 'dist',
  outbase: '.',
  bundle: true,
  splitting: true,
  minifySyntax: true,
  chunkNames: 'chunks/[name]-[hash]',
  format: 'esm',
  platform: 'neutral',
  target: 'es2023',
  // Resilience and JSON schemas are bundled too: as packages they are some forty small files.
  mainFields: ['module', 'main'],
  sourcemap: true,
  metafile: true,
  external: [
    'node:*',
    '@huggingface/transformers',
    '@marcbachmann/cel-js',
    're2js',
    'eld/*',
    'gpt-tokenizer/*',
    '@opentelemetry/api',
  ],
  logLevel: 'warning',
});

// Chunks that are imported for nothing but their order, though none does anything when it is imported: bundlers warn of them.
for (const path of Object.keys(metafile.outputs).filter((name) => name.endsWith('.js'))) {
  const code = await readFile(`${here}${path}`, 'utf8');
  // A line stays, so that the source map fits.
  const lean = code.replace(/^import "\.[^"]*";$/gm, '');
  if (lean !== code) await writeFile(`${here}${path}`, lean);
}

// Their licences ask that their notices go along.
const bundled = new Set(
  Object.keys(metafile.inputs).flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []),
);
const notices = [...bundled].sort().map(async (name) => {
  const folder = join(here, '../node_modules', name);
  const { author, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  // One of them is published without the text of its licence.
  const text = await readFile(join(folder, 'LICENSE'), 'utf8').catch(() => `${license} License. ${author}\n`);
  return `dist holds parts of ${name}:\n\n${text}`;
});
await writeFile(`${here}dist/THIRD-PARTY-LICENSES.txt`, (await Promise.all(notices)).join('\n'));
