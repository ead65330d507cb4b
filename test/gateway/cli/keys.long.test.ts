import { expect, it } from 'vitest';
import { keysCommand } from '../../../gateway/cli/keys.ts';

it('names Redis and the field where it cannot be reached, once it has waited for it', async () => {
  const command = keysCommand({ stdout: () => {}, env: {} });
  const failed = command.parseAsync(['list', '--state', 'redis://127.0.0.1:1'], { from: 'user' });
  await expect(failed).rejects.toThrow(/^Redis does not answer: .*`keys\.state`/);
});
