import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidInputError } from 'pointsman';
import { expect, test } from 'vitest';
import { LockHeldError, lockFile } from '../../../training/work/run-folder.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const { folder: root } = temporaryFolder();

test('a lock is held once, given back, and its file is whole from the first moment on', async () => {
  const folder = join(root, 'once');
  await mkdir(folder);
  const file = join(folder, '.lock');
  const release = await lockFile(file);
  await expect(lockFile(file)).rejects.toBeInstanceOf(LockHeldError);
  release();
  const bytes = await readFile(file);
  (await lockFile(file))();
  expect(await readFile(file)).toEqual(bytes);
  expect(await readdir(folder)).toEqual(['.lock']);
});

test('of a file that is damaged the error says what to do, and does not say that somebody holds it', async () => {
  const whole = join(root, 'whole');
  (await lockFile(whole))();
  const bytes = await readFile(whole);
  const zeroed = Buffer.from(bytes).fill(0, 4096, 8192);
  for (const [i, damaged] of [
    Buffer.alloc(0),
    bytes.subarray(0, 5000),
    zeroed,
    Buffer.from('mine'),
  ].entries()) {
    const file = join(root, `damaged-${i}`);
    await writeFile(file, damaged);
    for (let again = 0; again < 2; again++) {
      const locking = lockFile(file);
      await expect(locking).rejects.toBeInstanceOf(InvalidInputError);
      await expect(locking).rejects.toThrow(/is damaged\. Delete it/);
    }
    expect(await readFile(file)).toEqual(damaged);
  }
});
