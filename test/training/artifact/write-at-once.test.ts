import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeAtOnce } from '../../../training/artifact/write-artifact.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const { folder } = temporaryFolder();
const bytes = (text: string) => new TextEncoder().encode(text);

test('a file is written over, unless it is not to be, and nothing is left beside it', async () => {
  const path = join(folder, 'config.yaml');
  await writeAtOnce(path, bytes('first'), { over: false });
  await expect(writeAtOnce(path, bytes('second'), { over: false })).rejects.toMatchObject({ code: 'EEXIST' });
  expect(await readFile(path, 'utf8')).toBe('first');
  await writeAtOnce(path, bytes('third'));
  expect(await readFile(path, 'utf8')).toBe('third');
  expect(await readdir(folder)).toEqual(['config.yaml']);
});
