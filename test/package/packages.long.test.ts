import { existsSync } from 'node:fs';
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importsOf, root } from '../architecture/source-files.ts';
import { fencedBlocks } from '../documents/fenced-blocks.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { PACKAGES, type Packed, packPackages, run } from './pack.ts';
import { smallTraffic } from './small-traffic.ts';

let packed: Packed;
beforeAll(async () => {
  packed = await packPackages();
}, 240_000);
afterAll(() => packed?.remove());

const bin = (name: string) => join(root, 'node_modules/.bin', name);
const tarballOf = (part: (typeof PACKAGES)[number]) => packed[part === 'src' ? 'pointsman' : part];

interface PackageJson {
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

async function packageJson(part: string): Promise<PackageJson> {
  return JSON.parse(await readFile(join(packed.folder, part, 'package.json'), 'utf8'));
}

async function filesIn(tarball: string): Promise<string[]> {
  const list = await run('tar', ['-tzf', tarball], packed.folder);
  return list
    .trim()
    .split('\n')
    .map((path) => path.replace(/^package\//, ''));
}

describe.each(PACKAGES)('the package packed from %s', (part) => {
  it('holds every file that its exports and commands name', async () => {
    const { exports, bin: commands = {} } = await packageJson(part);
    const named = [...Object.values(exports), ...Object.values(commands)].flatMap((target) =>
      typeof target === 'string' ? [target] : Object.values(target),
    );
    const files = await filesIn(tarballOf(part));
    expect(named.filter((path) => !files.includes(path.replace(/^\.\//, '')))).toEqual([]);
  });

  it('has readme, licence and built code, and neither sources nor records of the build', async () => {
    const files = await filesIn(tarballOf(part));
    expect(files).toEqual(expect.arrayContaining(['README.md', 'LICENSE', 'package.json', 'dist/index.js']));
    const code = files.filter((path) => !path.startsWith('docs/'));
    expect(code.filter((path) => /(?<!\.d)\.ts$|tsbuildinfo|node_modules|\.test\./.test(path))).toEqual([]);
  });

  it('says what it is, its licence and the Node it needs', async () => {
    const { description, license, engines, type, keywords } = await packageJson(part);
    expect(description).toMatch(/\w/);
    expect([license, engines, type]).toEqual(['Apache-2.0', { node: '>=20.19' }, 'module']);
    expect(keywords).not.toEqual([]);
  });

  it('declares every package that its types and code import', async () => {
    const { dependencies, peerDependencies } = await packageJson(part);
    const declared = Object.keys({ ...(dependencies as object), ...(peerDependencies as object) });
    const dist = join(packed.folder, part, 'dist');
    const paths = (await readdir(dist, { recursive: true })).filter((path) => /(\.d\.ts|\.js)$/.test(path));
    const imported = await Promise.all(
      paths.map(async (path) => importsOf(await readFile(join(dist, path), 'utf8'))),
    );
    const packages = new Set(
      imported
        .flat()
        .filter((specifier) => !/^(\.|node:)/.test(specifier))
        .map((specifier) =>
          specifier
            .split('/')
            .slice(0, specifier.startsWith('@') ? 2 : 1)
            .join('/'),
        ),
    );
    expect([...packages].filter((name) => !declared.includes(name))).toEqual([]);
  });

  it('is clean for publint', async () => {
    expect(await run(bin('publint'), ['run', tarballOf(part), '--strict'], packed.folder)).toContain(
      'All good!',
    );
  });

  it('has types that resolve for every entry (Are The Types Wrong, ES modules only)', async () => {
    const args = [tarballOf(part), '--profile', 'esm-only', '--format', 'ascii', '--no-emoji'];
    // It ends with an error when there is a problem.
    expect(await run(bin('attw'), args, packed.folder)).toContain('OK (ESM)');
  });
});

it('the training package carries the static table with its card', async () => {
  const files = await filesIn(packed.training);
  expect(files).toEqual(expect.arrayContaining(['dist/static-en/static.bin', 'dist/static-en/CARD.md']));
  const table = await readFile(join(packed.folder, 'training/dist/static-en/static.bin'));
  expect(table.equals(await readFile(join(root, 'models/static-en/static.bin')))).toBe(true);
});

it('the licence of each package is that of the repository', async () => {
  const licence = await readFile(join(root, 'LICENSE'), 'utf8');
  for (const part of PACKAGES) {
    expect(await readFile(join(packed.folder, part, 'LICENSE'), 'utf8')).toBe(licence);
  }
});

it('the training package carries every page of the documentation, and a log to try it on', async () => {
  const files = await filesIn(packed.training);
  const pages = (await readdir(join(root, 'docs'), { recursive: true })).filter((path) =>
    /\.\w+$/.test(path),
  );
  expect(files).toEqual(expect.arrayContaining(pages.map((path) => `docs/${path}`)));
  expect(files).toContain('samples/traffic.jsonl');
});

/** Every TypeScript block that a user is shown, each as a module of its own. */
async function documentedCode(): Promise<Map<string, string>> {
  const pages = (await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md'));
  const documents = [
    'README.md',
    'src/README.md',
    'training/README.md',
    'gateway/README.md',
    ...pages.map((name) => `docs/${name}`),
  ];
  const blocks = await Promise.all(
    documents.map(async (document) =>
      fencedBlocks(await readFile(join(root, document), 'utf8'))
        .filter(({ language }) => language === 'ts')
        .map(({ body }, i) => [`${document.replace(/\W+/g, '-')}-${i + 1}.ts`, body] as const),
    ),
  );
  return new Map(blocks.flat());
}

describe('the packages, installed in a project that `npm init -y` and `npm pkg set type=module` made', () => {
  const { folder } = temporaryFolder();
  beforeAll(async () => {
    await run('npm', ['init', '-y'], folder);
    // As the documents say: without it, code of a project is CommonJS, and `await` does not stand alone.
    await run('npm', ['pkg', 'set', 'type=module'], folder);
    const tarballs = PACKAGES.map(tarballOf);
    await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...tarballs], folder);
    await writeFile(join(folder, 'quick.yaml'), 'resamples: 100\nfolds: 2\nheads: [linear]\n');
  }, 240_000);
  /** Not with all heads, as the documents do: test/readme.test.ts does as they say, on the same sample. */
  const train = (log: string, out: string) =>
    run('npx', ['pointsman', 'train', log, '--out', out, '--config', 'quick.yaml'], folder);

  const node = (code: string) => run('node', ['--input-type=module', '--eval', code], folder);

  it('import without starting anything: no output, no handle, no timer', async () => {
    const { exports } = JSON.parse(
      await readFile(join(folder, 'node_modules/pointsman/package.json'), 'utf8'),
    );
    // Telemetry is of no use without OpenTelemetry, an optional peer that is not in this folder.
    const left = ['./package.json', './telemetry'];
    const entries = Object.keys(exports).filter((key) => !left.includes(key));
    const names = [
      ...entries.map((key) => `pointsman${key.slice(1)}`),
      '@pointsman/training',
      '@pointsman/gateway',
    ];
    // The loader of modules may still be closing their files, and Node's own HTTP/2 opens the standard streams.
    const code = `
      await import('node:http2');
      const before = process.getActiveResourcesInfo();
      for (const name of ${JSON.stringify(names)}) await import(name);
      const left = process.getActiveResourcesInfo().filter((kind) => !/^(CloseReq|FSReq)/.test(kind) && !before.includes(kind));
      if (left.length > 0) throw new Error('left behind: ' + left.join(', '));`;
    expect(await node(code)).toBe('');
  });

  it('give types under which the code of every document compiles, as strictly as TypeScript can', async () => {
    // What the documents use beside the packages: optional, and the user's own choice.
    for (const name of [
      'ai',
      'zod',
      'yaml',
      'pg',
      '@types/pg',
      '@types/node',
      '@opentelemetry/api',
      '@ai-sdk',
    ])
      await cp(join(root, 'node_modules', name), join(folder, 'node_modules', name), { recursive: true });
    const code = await documentedCode();
    expect(code.size).toBeGreaterThan(10);
    for (const [name, body] of code) await writeFile(join(folder, name), body);
    const compilerOptions = {
      target: 'ES2023',
      lib: ['ES2023', 'DOM'],
      module: 'NodeNext',
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      // Of other packages' types.
      skipLibCheck: true,
      noEmit: true,
      types: ['node'],
    };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
    expect(await run(bin('tsc'), ['-p', '.'], folder)).toBe('');
  });

  it('train on the sample log that ships with them', async () => {
    const log = 'node_modules/@pointsman/training/samples/traffic.jsonl';
    expect(await train(log, 'models/sample')).toContain('better than no router');
  });

  it('name in their help only pages that are there', async () => {
    const help = (...args: string[]) =>
      run(join(folder, 'node_modules/.bin/pointsman'), [...args, '--help'], folder);
    const commands = (await help()).matchAll(/^ {2}(\w+) .*/gm);
    const helps = [...new Set([...commands].map(([, name]) => name))].map((name) => help(name));
    const pages = (await Promise.all(helps)).flatMap(
      (help) => help.match(/[\w./@-]*docs\/[\w-]+\.md\b/g) ?? [],
    );
    expect(pages.length).toBeGreaterThan(0);
    for (const page of pages) expect(existsSync(join(folder, page)), page).toBe(true);
  });

  it('train from a log, route by command and by code, and look into the router', async () => {
    await writeFile(join(folder, 'traffic.jsonl'), smallTraffic(240));
    await train('traffic.jsonl', 'models/support');
    expect(await readdir(join(folder, 'models/support'))).toContain('current.json');

    const prompt = 'What is 512 plus 2048? Answer with a number.';
    const printed = JSON.parse(
      await run('npx', ['pointsman', 'route', 'models/support', prompt, '--json'], folder),
    );
    const decision = JSON.parse(
      await node(`
        import { loadRouter } from 'pointsman/node';
        const router = await loadRouter('models/support');
        console.log(JSON.stringify(await router.route({ text: ${JSON.stringify(prompt)} })));`),
    );
    expect(decision.candidate).toBe('small');
    expect(printed.candidate).toBe(decision.candidate);
    expect(decision.predictions).toHaveLength(3);
    expect(await run('npx', ['pointsman', 'inspect', 'models/support'], folder)).toContain('small');
  }, 120_000);
});
