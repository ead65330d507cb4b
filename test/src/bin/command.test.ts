import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { root } from '../../architecture/source-files.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const execute = promisify(execFile);
const { folder } = temporaryFolder();

/** A project with the package `pointsman`, and other packages that say what they were asked. */
function project(name: string, parts: readonly ('training' | 'gateway')[]): string {
  const modules = join(folder, name, 'node_modules');
  for (const file of ['package.json', 'bin'])
    cpSync(join(root, 'src', file), join(modules, 'pointsman', file), { recursive: true });
  for (const part of parts) {
    const bin = join(modules, '@pointsman', part, `bin/pointsman-${part}.js`);
    mkdirSync(dirname(bin), { recursive: true });
    writeFileSync(bin, `console.log('${part}', process.argv.slice(2).join(' ')); process.exitCode = 7;`);
    const content = {
      name: `@pointsman/${part}`,
      type: 'module',
      exports: { './package.json': './package.json' },
    };
    writeFileSync(join(modules, '@pointsman', part, 'package.json'), JSON.stringify(content));
  }
  return join(folder, name);
}

async function pointsman(cwd: string, ...args: string[]) {
  const bin = join(cwd, 'node_modules/pointsman/bin/pointsman.js');
  return execute('node', [bin, ...args], { cwd }).then(
    ({ stderr, stdout }) => ({ code: 0, stdout, stderr }),
    ({ code, stderr, stdout }) => ({ code, stdout, stderr }),
  );
}

const both = project('both', ['training', 'gateway']);
const serving = project('serving', ['gateway']);
const bare = project('bare', []);

describe('the command of the package pointsman', () => {
  it.each([
    [['serve', 'models/support', '--port', '1'], 'gateway serve models/support --port 1\n'],
    [['keys', 'list'], 'gateway keys list\n'],
    [
      ['train', 'traffic.jsonl', '--out', 'models/serve'],
      'training train traffic.jsonl --out models/serve\n',
    ],
    [['--debug', 'inspect', 'serve'], 'training --debug inspect serve\n'],
    [['help', 'serve'], 'gateway help serve\n'],
  ])('hands %j over with its exit code', async (args, stdout) => {
    expect(await pointsman(both, ...args)).toEqual({ code: 7, stdout, stderr: '' });
  });

  it('says what to install where a package is not there', async () => {
    expect(await pointsman(serving, 'train', 'a.jsonl')).toEqual({
      code: 1,
      stdout: '',
      stderr:
        '`pointsman train` needs the package @pointsman/training, which is not installed: npm install --save-dev @pointsman/training\n',
    });
    expect((await pointsman(bare, 'serve')).stderr).toContain('npm install @pointsman/gateway');
  });

  it('finds packages of the working folder, though it lies elsewhere itself', async () => {
    const bin = join(bare, 'node_modules/pointsman/bin/pointsman.js');
    const ran = execute('node', [bin, 'serve'], { cwd: both }).catch((error) => error);
    expect((await ran).stdout).toBe('gateway serve\n');
  });

  it('shows the help of what is installed, and how to install the rest', async () => {
    const { code, stdout } = await pointsman(serving, '--help');
    expect([code, stdout]).toEqual([7, expect.stringContaining('gateway --help')]);
    expect(stdout).toContain('npm install --save-dev @pointsman/training');
    expect((await pointsman(bare)).stdout).toContain('serve and keys: npm install @pointsman/gateway');
  });

  it('tells its version', async () => {
    expect((await pointsman(bare, '--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
