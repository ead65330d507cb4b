import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import * as esbuild from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { createRouter, memoryFiles, readArtifact } from 'pointsman';
import * as vite from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import webpack from 'webpack';
import { root } from '../architecture/source-files.ts';
import { openChromium, openPage } from '../fixtures/chromium.ts';
import { servingArtifact } from '../fixtures/serving-artifact.ts';

interface Bundle {
  /** Entry files in `folder`; each gives a file of its name in `out`. */
  readonly entries: readonly string[];
  readonly folder: string;
  readonly out: string;
  readonly platform: 'browser' | 'node';
}

/** Each as its users run it, with what it was not told left as it is; they give their warnings. */
const BUNDLERS: Readonly<Record<string, (bundle: Bundle) => Promise<string[]>>> = {
  async esbuild({ entries, folder, out, platform }) {
    const { warnings } = await esbuild.build({
      absWorkingDir: folder,
      entryPoints: [...entries],
      outdir: out,
      bundle: true,
      splitting: true,
      minify: true,
      format: 'esm',
      platform,
      logLevel: 'silent',
    });
    return warnings.map(({ text }) => text);
  },
  async vite({ entries, folder, out, platform }) {
    const warnings: string[] = [];
    const warn = (text: string) => warnings.push(text);
    await vite.build({
      root: folder,
      configFile: false,
      base: './',
      worker: { format: 'es' },
      customLogger: {
        info() {},
        warn,
        warnOnce: warn,
        error: warn,
        clearScreen() {},
        hasErrorLogged: () => false,
        hasWarned: false,
      },
      build: {
        outDir: out,
        emptyOutDir: true,
        ssr: platform === 'node',
        target: 'es2023',
        rolldownOptions: {
          input: entries.map((entry) => join(folder, entry)),
          output: { entryFileNames: '[name].js' },
        },
      },
    });
    return warnings;
  },
  async webpack({ entries, folder, out, platform }) {
    const compiler = webpack({
      mode: 'production',
      context: folder,
      entry: Object.fromEntries(entries.map((entry) => [entry.replace(/\.js$/, ''), `./${entry}`])),
      output: { path: out },
      target: platform === 'node' ? 'node20' : 'web',
      // It warns of files of 244 kB and above; what is loaded at once is measured in size.test.ts.
      performance: false,
      // Its minifier takes half a minute, and the other two minify.
      optimization: { minimize: false },
    })!;
    const stats = await new Promise<webpack.Stats>((resolve, reject) =>
      compiler.run((error, result) => (error ? reject(error) : resolve(result!))),
    );
    await new Promise((resolve) => compiler.close(resolve));
    const { errors = [], warnings = [] } = stats.toJson({ all: false, errors: true, warnings: true });
    return [...errors, ...warnings].map(({ message }) => message);
  },
};

const PROMPT = 'Translate to French: good morning';
/** Rules, so that what reads them is loaded, and a pattern, so that its engine is. */
const POLICY = {
  kind: 'rules',
  rules: [{ when: 'quality.matches("^stand") && tokens < 100', then: 'm1' }],
  otherwise: 'm0',
};

const ROUTE = `
import { createRouter, memoryFiles, readArtifact } from 'pointsman';
export async function route(paths) {
  const files = await Promise.all(paths.map(async (path) => {
    const answer = await fetch(new URL('/artifact/' + path, location.origin));
    return [path, new Uint8Array(await answer.arrayBuffer())];
  }));
  const router = createRouter(await readArtifact(memoryFiles(Object.fromEntries(files))));
  const { candidate, policyPath, confidence } = await router.route({ text: ${JSON.stringify(PROMPT)} });
  return { candidate, policyPath, confidence };
}`;
const PAGE = `
import { route } from './route.js';
globalThis.routeHere = route;
globalThis.routeInWorker = (paths) => new Promise((resolve, reject) => {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => reject(new Error(message));
  worker.postMessage(paths);
});`;
const WORKER = `
import { route } from './route.js';
onmessage = async ({ data }) => postMessage(await route(data).catch((error) => String(error)));`;

let folder: string;
let files: ReadonlyMap<string, Uint8Array>;
beforeAll(async () => {
  // Where the packages are found as in any project that installed them.
  const cache = join(root, 'node_modules/.cache');
  await mkdir(cache, { recursive: true });
  folder = await mkdtemp(join(cache, 'bundlers-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function entryFiles(): Promise<{ browser: string[]; node: string[] }> {
  const { exports } = JSON.parse(await readFile(join(root, 'src/package.json'), 'utf8'));
  const keys = Object.keys(exports).filter((key) => key !== './package.json');
  const names = await Promise.all(
    keys.map(async (key) => {
      const name = `entry-${key.replace(/\W+/g, '-')}.js`;
      await writeFile(
        join(folder, name),
        `import * as all from 'pointsman${key.slice(1)}';\nconsole.log(all);\n`,
      );
      return [key, name] as const;
    }),
  );
  // What is internal has parts of it.
  const isOfNode = (key: string) => key === './node' || key === './internal';
  return {
    browser: names.filter(([key]) => !isOfNode(key)).map(([, name]) => name),
    node: names.filter(([key]) => isOfNode(key)).map(([, name]) => name),
  };
}

describe.each(Object.keys(BUNDLERS))('%s', (name) => {
  it('bundles every entry without a warning', async () => {
    const { browser, node } = await entryFiles();
    expect(browser).toHaveLength(7);
    expect(node).toHaveLength(2);
    const bundle = (entries: string[], platform: Bundle['platform']) =>
      BUNDLERS[name]({ entries, folder, out: join(folder, name, platform), platform });
    expect(await bundle(browser, 'browser')).toEqual([]);
    expect(await bundle(node, 'node')).toEqual([]);
  }, 120_000);
});

describe('what is bundled', () => {
  let browser: Browser;
  let page: Page;
  let server: Server;
  let origin: string;
  beforeAll(async () => {
    ({ files } = await servingArtifact({ policy: POLICY }));
    await Promise.all([
      writeFile(join(folder, 'route.js'), ROUTE),
      writeFile(join(folder, 'page.js'), PAGE),
      writeFile(join(folder, 'worker.js'), WORKER),
    ]);
    // Browsers give digests to pages of a trustworthy origin alone: https, or this machine.
    server = createServer((request, response) => void answer(request.url!, response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await openChromium();
    ({ page } = await openPage(browser));
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  async function answer(url: string, response: ServerResponse): Promise<void> {
    const [, place, ...rest] = url.split('/');
    const path = rest.join('/');
    if (place === 'artifact') return void response.end(files.get(path));
    response.setHeader('content-type', extname(path) === '.js' ? 'text/javascript' : 'text/html');
    if (extname(path) !== '.js') return void response.end('<script type="module" src="page.js"></script>');
    response.end(await readFile(join(folder, place, 'app', path)));
  }

  it.each(Object.keys(BUNDLERS))(
    'by %s routes in a page and in a worker as it does here',
    async (name) => {
      // Where a worker is an entry of its own, it is found beside the page's file.
      const entries = name === 'esbuild' ? ['page.js', 'worker.js'] : ['page.js'];
      const out = join(folder, name, 'app');
      expect(await BUNDLERS[name]({ entries, folder, out, platform: 'browser' })).toEqual([]);

      const router = createRouter(await readArtifact(memoryFiles(files)));
      const { candidate, policyPath, confidence } = await router.route({ text: PROMPT });
      expect(policyPath[0]).toMatch(/^rules/);
      const paths = JSON.stringify([...files.keys()]);
      await page.goto(`${origin}/${name}/`);
      const here = await page.evaluate(`routeHere(${paths})`);
      const inWorker = await page.evaluate(`routeInWorker(${paths})`);
      expect(here).toEqual({ candidate, policyPath, confidence });
      expect(inWorker).toEqual(here);
    },
    120_000,
  );
});
