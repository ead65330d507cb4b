import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../architecture/source-files.ts';

const execute = promisify(execFile);

/** Their folders; each is built after those that it needs. */
export const PACKAGES = ['src', 'training', 'gateway'] as const;

/** What npm sets for its own children would reach the one we start. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|INIT_CWD$|NODE_ENV$|NODE_OPTIONS$|VITEST|CI$)/.test(name),
  );
  return { ...Object.fromEntries(entries), NO_COLOR: '1' };
}

/** Runs a program to its end and gives what it printed; its error holds what it printed too. */
export async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  const options = { cwd, env: cleanEnvironment(), maxBuffer: 2 ** 26 };
  const { stdout } = await execute(program, args, options).catch((error) => {
    throw new Error(`${program} ${args.join(' ')} failed:\n${error.stdout}\n${error.stderr}`, {
      cause: error,
    });
  });
  return stdout;
}

export interface Packed {
  /** Clean copy of the repository, built. */
  readonly folder: string;
  readonly pointsman: string;
  readonly training: string;
  readonly gateway: string;
  remove(): Promise<void>;
}

/** Builds the packages from a copy of the sources, so that nothing left over from earlier builds counts, and packs them. */
export async function packPackages(): Promise<Packed> {
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-pack-'));
  const isSource = (path: string) => !['dist', 'node_modules'].includes(basename(path));
  for (const part of [...PACKAGES, 'models/static-en', 'docs', 'package.json', 'tsconfig.base.json']) {
    await cp(join(root, part), join(folder, part), { recursive: true, filter: isSource });
  }
  await linkDependencies(folder);
  await run('npx', ['tsc', '-b', ...PACKAGES], folder);
  await run('node', ['src/build.mjs'], folder);
  await run('node', ['training/build.mjs'], folder);
  const tarball = async (part: string) => {
    const [{ filename }] = JSON.parse(
      await run('npm', ['pack', '--json', '--ignore-scripts'], join(folder, part)),
    );
    return join(folder, part, filename);
  };
  return {
    folder,
    pointsman: await tarball('src'),
    training: await tarball('training'),
    gateway: await tarball('gateway'),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The dependencies as they are installed here, but the workspaces from the copy. */
async function linkDependencies(folder: string): Promise<void> {
  for (const part of ['', ...PACKAGES]) {
    const from = join(root, part, 'node_modules');
    const to = join(folder, part, 'node_modules');
    await mkdir(to, { recursive: true });
    for (const name of await readdir(from).catch(() => [])) {
      if (!['pointsman', '@pointsman', '.cache'].includes(name))
        await symlink(join(from, name), join(to, name));
    }
  }
  await mkdir(join(folder, 'node_modules/@pointsman'));
  await symlink(join(folder, 'src'), join(folder, 'node_modules/pointsman'));
  for (const part of ['training', 'gateway'])
    await symlink(join(folder, part), join(folder, 'node_modules/@pointsman', part));
}
