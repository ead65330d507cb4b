import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { root } from '../architecture/source-files.ts';
import { entrySources } from '../package/entry-sources.ts';

const execute = promisify(execFile);
const sources = new Map(entrySources().map(({ specifier, path }) => [specifier, path]));

/** Runs TypeScript that a user would write, on the sources of the packages, in a process of its own. @returns what it printed */
export async function runTypescript(code: string, cwd: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-code-'));
  try {
    const outfile = join(folder, 'code.mjs');
    await build({
      stdin: { contents: code, loader: 'ts', resolveDir: root },
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      // Some packages that a user may have, such as ai, require parts of Node.
      banner: {
        js: "import { createRequire as _require } from 'node:module'; const require = _require(import.meta.url);",
      },
      external: ['@huggingface/transformers', 'gpt-tokenizer', 'eld'],
      plugins: [
        {
          name: 'sources',
          setup: (esbuild) =>
            esbuild.onResolve({ filter: /^pointsman(\/|$)/ }, ({ path }) => ({ path: sources.get(path)! })),
        },
      ],
      outfile,
      logLevel: 'silent',
    });
    const { stdout } = await execute('node', [outfile], { cwd, env: { ...process.env, NO_COLOR: '1' } });
    return stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}
