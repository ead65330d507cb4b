import { readFile, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { runDemo } from '../../data/demo.ts';
import { ensureSampleFile } from '../../data/sample-file.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { capturedIo } from '../training/cli/captured-io.ts';

const { path } = temporaryFolder();
it('keeps sample traffic that is as it was made, and makes anew what was changed or asked otherwise', async () => {
  const out = path('small.jsonl');
  const options = { prompts: 15, seed: 4, out };
  expect(await ensureSampleFile(options)).toBe(true);
  expect(await ensureSampleFile(options)).toBe(false);
  await writeFile(out, (await readFile(out, 'utf8')).replace('"quality":0', '"quality":1'));
  expect(await ensureSampleFile(options)).toBe(true);
  expect(await ensureSampleFile({ ...options, seed: 5 })).toBe(true);
});

it('shows how it is used where it is asked something odd', async () => {
  const io = capturedIo();
  expect(await runDemo(['--prompts', 'many'], io)).toBe(2);
  expect(io.said.out).toContain('npm run demo');
});
