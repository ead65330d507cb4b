// Bundles `src` into a core that every public entry re-exports from: importing an entry opens a handful of files, and a
// class is the same class whichever entry it came through. Only the cel, log, node and policy entries, and those that
// execute, have code of their own beside it: what not every router loads.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, posix, relative, resolve, sep } from 'node:path';
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
  'errors/upstream-error',
  'policy/basic-policy',
  'policy/candidate-index',
  'policy/classifier-policy',
  'policy/limit-changes',
  'policy/merge-limits',
  'policy/rank',
  'policy/utility-policy',
  'policy/validate-policy',
  'request/message-content',
  'validation/validate',
];

/**
 * What is made of the same parts as the core, but is not loaded with every router: in files of its own beside it.
 * Of an entry's folder all that others import comes from there.
 */
const besideCore = {
  'core-embedder': ['embedder/index'],
  'core-log': ['log/in-slices', 'log/log-record-schema', 'log/record-limits', 'log/record-lines'],
  'core-signals': ['signals/index'],
};

/** Entries with code of their own: what not every router loads. */
const apart = ['cel', 'log', 'log/postgres', 'node', 'node/log', 'policy'];

/** Entries that execute a decision. */
const executing = ['ai-sdk', 'clients', 'execution', 'telemetry'];

const common = {
  absWorkingDir: here,
  bundle: true,
  format: 'esm',
  platform: 'neutral',
  target: 'es2023',
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
};

await rm(`${here}dist/chunks`, { recursive: true, force: true });
const cores = {
  core: [...entries.filter((entry) => coreOf(entry) === 'core'), ...shared],
  ...besideCore,
};
await build({
  ...common,
  entryPoints: Object.keys(cores).map((name) => ({ in: `all:${name}`, out: name })),
  outdir: 'dist',
  // What they have in common is a file of its own.
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  sourcemap: true,
  plugins: [{ name: 'all', setup: allOf }],
});
for (const name of entries) {
  const names = await exportedNames(name);
  const core = `${name.includes('/') ? '..' : '.'}/${coreOf(name)}.js`;
  await writeFile(`${here}dist/${name}.js`, `export { ${names.join(', ')} } from '${core}';\n`);
}
for (const name of apart) {
  const resolveInside = (imported) => (imported.kind === 'entry-point' ? undefined : useCore(name, imported));
  await build({
    ...common,
    entryPoints: [`${name}/index.ts`],
    outdir: 'dist',
    outbase: '.',
    // What is imported when it is needed is a file of its own.
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    sourcemap: true,
    plugins: [{ name: 'core', setup: (esbuild) => esbuild.onResolve({ filter: /^\.\.?\// }, resolveInside) }],
  });
}

// These share what they have beside the core. Resilience, event streams and JSON schemas are bundled: as packages
// they are some forty small files, which take a tenth of a second to load.
await build({
  ...common,
  mainFields: ['module', 'main'],
  entryPoints: executing.map((name) => `${name}/index.ts`),
  outdir: 'dist',
  outbase: '.',
  splitting: true,
  chunkNames: 'chunks/[name]-[hash]',
  sourcemap: true,
  plugins: [{ name: 'core', setup: (esbuild) => esbuild.onResolve({ filter: /^\.\.\// }, useCoreToExecute) }],
});

// The bundles hold parts of these, whose licences ask that their notices go along.
const notices = [
  ['the core', 'zod'],
  ['chunks', 'cockatiel'],
  ['chunks', '@cfworker/json-schema'],
].map(async ([part, name]) => {
  const folder = join(here, '../node_modules', name);
  const { author, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  // One of them is published without the text of its licence.
  const text = await readFile(join(folder, 'LICENSE'), 'utf8').catch(() => `${license} License. ${author}\n`);
  return `${part} holds parts of ${name}:\n\n${text}`;
});
await writeFile(`${here}dist/THIRD-PARTY-LICENSES.txt`, (await Promise.all(notices)).join('\n'));

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

/** Modules that export all of what a core is made of. */
function allOf(esbuild) {
  esbuild.onResolve({ filter: /^all:/ }, ({ path }) => ({ path: path.slice(4), namespace: 'all' }));
  esbuild.onLoad({ filter: /./, namespace: 'all' }, ({ path }) => ({
    contents: cores[path].map((name) => `export * from './${name}.ts';`).join('\n'),
    resolveDir: here,
  }));
}

/** The file that a module's exports come from. */
function coreOf(module) {
  const holds = (part) =>
    part === module || (part.endsWith('/index') && module.startsWith(part.slice(0, -5)));
  return Object.keys(besideCore).find((file) => besideCore[file].some(holds)) ?? 'core';
}

/** What a file of `folder` imports as `path`, as it is named here: `policy/rank`. */
function moduleOf(folder, path) {
  return relative(here, resolve(folder, path)).replace(/\.ts$/, '').split(sep).join('/');
}

/** What an entry needs of the rest, it takes from where everyone takes it: the core, or another entry. */
function useCore(name, { path, importer }) {
  const target = moduleOf(dirname(importer), path);
  const external = (file) => ({ path: posix.relative(name, file), external: true, sideEffects: false });
  const own = (entry) => target.startsWith(`${entry}/`);
  // Of entries inside one another the inner one has it.
  const owner = apart.filter(own).sort((a, b) => b.length - a.length)[0];
  if (shared.includes(target) || coreOf(target) !== 'core' || owner === undefined)
    return external(`${coreOf(target)}.js`);
  if (owner === name) return undefined;
  if (!target.endsWith('/index')) throw new Error(`${importer} must import ${owner}/index.ts, not ${path}.`);
  const found = external(`${target}.js`);
  return found.path.startsWith('.') ? found : { ...found, path: `./${found.path}` };
}

function useCoreToExecute({ path, resolveDir }) {
  // What the packages import among themselves is theirs.
  if (resolveDir.includes('node_modules')) return undefined;
  const target = moduleOf(resolveDir, path);
  if (executing.includes(target.split('/')[0])) return undefined;
  return { path: `../${coreOf(target)}.js`, external: true, sideEffects: false };
}
