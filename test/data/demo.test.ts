import { expect, it } from 'vitest';
import { runDemo } from '../../data/demo.ts';
import { capturedIo } from '../training/cli/captured-io.ts';

it('shows how it is used where it is asked something odd', async () => {
  const io = capturedIo();
  expect(await runDemo(['--prompts', 'many'], io)).toBe(2);
  expect(io.said.out).toContain('npm run demo');
});
