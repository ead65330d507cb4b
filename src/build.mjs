// Bundles `src` into one file that every public entry re-exports from: importing an entry opens two files, and a
// class is the same class whichever entry it came through. Only the cel, node and policy entries have code of their
// own beside it: what not every router loads.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
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
  'language/index',
  'math/index',
  'novelty/index',
  'request/index',
  'signals/index',
  'text/index',
  'tokens/index',
];

/** What entries with code of their own need of the core beside what is public. */
const shared = [
  'policy/basic-policies',
  'policy/validate-policy',
  'policy/build-policy',
  'policy/compose-order',
  'policy/rank',
];

const common = {
  absWorkingDir: here,
  bundle: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2023',
  external: ['node:*', '@huggingface/transformers', '@marcbachmann/cel-js', 'eld/*', 'gpt-tokenizer/*'],
  logLevel: 'warning',
};

await rm(`${here}dist/chunks`, { recursive: true, force: true });
await build({
  ...common,
  stdin: {
    contents: [...entries, ...shared].map((name) => `export * from './${name}.ts';`).join('\n'),
    resolveDir: here,
  },
  outfile: 'dist/core.js',
  sourcemap: true,
});
for (const name of entries) {
  const names = await exportedNames(name);
  const core = name.includes('/') ? '../core.js' : './core.js';
  await writeFile(`${here}dist/${name}.js`, `export { ${names.join(', ')} } from '${core}';\n`);
}
for (const name of ['cel', 'node', 'policy']) {
  await build({
    ...common,
    entryPoints: [`${name}/index.ts`],
    outfile: `dist/${name}/index.js`,
    sourcemap: true,
    plugins: [{ name: 'core', setup: (esbuild) => esbuild.onResolve({ filter: /^\.\.?\// }, useCore) }],
  });
}

// The bundle holds parts of zod, whose licence asks that its notice goes along.
const zod = dirname(createRequire(import.meta.url).resolve('zod/package.json'));
const notice = `core.js holds parts of zod (https://zod.dev):\n\n${await readFile(join(zod, 'LICENSE'), 'utf8')}`;
await writeFile(`${here}dist/THIRD-PARTY-LICENSES.txt`, notice);

async function exportedNames(name) {
  const { metafile } = await build({
    ...common,
    entryPoints: [`${name}.ts`],
    outdir: 'x',
    write: false,
    metafile: true,
  });
  return Object.values(metafile.outputs)[0].exports.sort();
}

/** What these entries need of the rest, they take from where everyone takes it. */
function useCore({ path, importer }) {
  const target = relative(here, resolve(dirname(importer), path)).replace(/\.ts$/, '');
  if (['cel/index', 'policy/index'].includes(target) && path.startsWith('../')) {
    return { path: `../${target}.js`, external: true, sideEffects: false };
  }
  if (path.startsWith('../') || shared.includes(target)) {
    return { path: '../core.js', external: true, sideEffects: false };
  }
}
