import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  fileError,
  removeAbandoned,
  routerPart,
  saidBy,
  withRunFolder,
  workPart,
} from '../../../training/work/run-folder.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const { path, write } = temporaryFolder();
const mode = (file: string) => statSync(file).mode & 0o777;
const isPosix = process.platform !== 'win32';

describe('a work folder', () => {
  test('is its owner’s alone and passed over by git, and so is each part of it', async () => {
    const part = await workPart(path('new/work'), 'embeddings');
    expect(part).toBe(path('new/work/embeddings'));
    for (const folder of [path('new/work'), part]) {
      expect(readFileSync(join(folder, '.gitignore'), 'utf8')).toBe('*\n');
      if (isPosix) expect(mode(folder)).toBe(0o700);
    }
  });

  test('that was there keeps its rights and is not hidden from git; only our parts are', async () => {
    mkdirSync(path('mine'), { mode: 0o755 });
    mkdirSync(path('mine/runs'), { mode: 0o755 });
    const part = await workPart(path('mine'), 'runs');
    expect(existsSync(path('mine/.gitignore'))).toBe(false);
    expect(existsSync(join(part, '.gitignore'))).toBe(true);
    if (isPosix) expect([mode(path('mine')), mode(part)]).toEqual([0o755, 0o700]);
  });

  test('that cannot be made is told of', async () => {
    await expect(workPart(join(write('a-file', ''), 'work'))).rejects.toThrow(
      /The work folder .*a-file.work cannot be made: .*file.* in the way.* \((ENOTDIR|EEXIST)\)\. Name another with --work\./,
    );
  });
});

describe('a run', () => {
  test('has a folder that no other has, and leaves nothing, also when it fails', async () => {
    const folders = await Promise.all(
      Array.from({ length: 5 }, () => withRunFolder(path('runs'), 'train', async (folder) => folder)),
    );
    expect(new Set(folders).size).toBe(5);
    await expect(withRunFolder(path('runs'), 'train', () => Promise.reject(new Error('no')))).rejects.toThrow(
      'no',
    );
    expect(readdirSync(path('runs/runs'))).toEqual(['.gitignore']);
  });

  test('removes what killed runs left, and nothing that may be in use or of somebody else', async () => {
    const now = Date.now();
    const make = (name: string, hoursOld: number) => {
      mkdirSync(path(`left/${name}`), { recursive: true });
      const at = new Date(now - hoursOld * 3_600_000);
      utimesSync(path(`left/${name}`), at, at);
    };
    const gone = 2 ** 22 + 1; // Above the highest process id there is.
    make(`pointsman-${gone}-abc123`, 2);
    make(`pointsman-${gone}-abc124`, 0.5);
    make(`pointsman-${process.pid}-abc125`, 48);
    make('pointsman-test-abc126', 48);
    make('pointsman-abc127', 48);
    make(`other-${gone}-abc128`, 48);
    await removeAbandoned(path('left'), 'pointsman', now);
    expect(readdirSync(path('left')).sort()).toEqual(
      [
        `other-${gone}-abc128`,
        `pointsman-${gone}-abc124`,
        `pointsman-${process.pid}-abc125`,
        'pointsman-abc127',
        'pointsman-test-abc126',
      ].sort(),
    );
  });
});

describe('the part of a router', () => {
  test('is one for each folder, however it is named', async () => {
    const part = (router: string) => routerPart(path('w'), path(router), 'outcomes');
    const [eu, us] = await Promise.all([part('models/eu/support'), part('models/us/support')]);
    expect(eu).not.toBe(us);
    for (const own of [eu, us]) expect(own).toMatch(/w.routers.support-[0-9a-f]{12}.outcomes$/);
    mkdirSync(path('models/eu/support'), { recursive: true });
    expect(await part('models/eu/support')).toBe(eu);
    expect(await part('models/us/../eu/support/')).toBe(eu);
  });

  test('is kept by a project that moves as a whole', async () => {
    const digits = async (project: string) => {
      mkdirSync(path(`${project}/models/support`), { recursive: true });
      const part = await routerPart(
        path(`${project}/.pointsman`),
        path(`${project}/models/support`),
        'outcomes',
      );
      return part.slice(path(project).length);
    };
    expect(await digits('here')).toBe(await digits('there'));
  });
});

test.each([
  ['ENOSPC', 'there is no space left on the disk'],
  ['EACCES', 'this user may not write there'],
  ['EROFS', 'the disk is there to be read only'],
])('%s is said in words', (code, words) => {
  const cause = Object.assign(new Error(code), { code });
  expect(fileError(cause, 'It cannot be written to x', 'Name another')).toMatchObject({
    message: `It cannot be written to x: ${words} (${code}). Name another.`,
    cause,
  });
  const others = new Error('IO Error: No space left on device');
  expect(fileError(others, 'a', 'b')).toMatchObject({ message: expect.stringContaining('ENOSPC') });
  const bug = new TypeError('x is undefined');
  expect(fileError(bug, 'a', 'b')).toBe(bug);
});

test('what an error says is one sentence, which others can follow', () => {
  for (const said of ['too small to be a Parquet file', 'too small to be a Parquet file.\nLINE 1: SELECT'])
    expect(saidBy(new Error(said))).toBe('too small to be a Parquet file.');
});

test('a folder of its own goes when a process is stopped before it is done', async () => {
  const module = new URL('../../../training/work/run-folder.ts', import.meta.url).href;
  const program = `const { openOwnFolder } = await import(${JSON.stringify(module)});
    const { writeFileSync } = await import('node:fs');
    for (const name of ['a', 'b']) writeFileSync(\`\${await openOwnFolder(process.argv[1], name)}/prompts\`, 'Hello');
    console.log((await import('node:fs')).readdirSync(process.argv[1]).length);
    process.exit(130);`;
  mkdirSync(path('stopped'));
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '-e', program, path('stopped')],
    { encoding: 'utf8' },
  );
  expect([status, stdout]).toEqual([130, '2\n']);
  expect(readdirSync(path('stopped'))).toEqual([]);
});
