import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { withRetrainLock } from '../../../training/artifact/versions.ts';
import { bundledScript } from '../../fixtures/bundled-script.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const { folder: root } = temporaryFolder();
let child: ChildProcess | null = null;
afterEach(() => {
  child?.kill('SIGKILL');
});

async function holdElsewhere(folder: string): Promise<ChildProcess> {
  const script = await bundledScript(new URL('hold-lock.ts', import.meta.url));
  child = fork(script, [folder], { execArgv: [] });
  expect((await once(child, 'message'))[0]).toBe('held');
  return child;
}

test('two in one process are kept apart, by any path to the folder, and the lock is free afterwards', async () => {
  const folder = join(root, 'one');
  const link = join(root, 'link');
  await withRetrainLock(folder, async () => {
    await symlink(folder, link);
    await expect(withRetrainLock(link, async () => 1)).rejects.toMatchObject({ code: 'ROUTER_BUSY' });
  });
  expect(await withRetrainLock(link, async () => 2)).toBe(2);
});

test('the lock is given back when the work fails', async () => {
  const folder = join(root, 'failing');
  await expect(withRetrainLock(folder, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await withRetrainLock(folder, async () => 3)).toBe(3);
});

test('another process is kept out while it is held, and is told by whom', async () => {
  const folder = join(root, 'other');
  const holder = await holdElsewhere(folder);
  await expect(withRetrainLock(folder, async () => 4)).rejects.toThrow(
    new RegExp(`is being retrained by process ${holder.pid}`),
  );
  holder.send('end');
  await once(holder, 'exit');
  expect(await withRetrainLock(folder, async () => 5)).toBe(5);
});

test('a process killed by SIGKILL leaves no lock behind', async () => {
  const folder = join(root, 'killed');
  const holder = await holdElsewhere(folder);
  await expect(withRetrainLock(folder, async () => 6)).rejects.toMatchObject({ pid: holder.pid });
  holder.kill('SIGKILL');
  expect((await once(holder, 'exit'))[1]).toBe('SIGKILL');
  expect(await withRetrainLock(folder, async () => 7)).toBe(7);
});
