import { expect, it } from 'vitest';
import { runGatewayDemo } from '../../data/demo-gateway.ts';
import { capturedIo } from '../training/cli/captured-io.ts';

it('shows how it is used', async () => {
  const io = capturedIo();
  expect(await runGatewayDemo(['--help'], io, Promise.resolve())).toBe(0);
  expect(await runGatewayDemo(['--port', 'x'], io, Promise.resolve())).toBe(2);
  expect(io.said.out).toContain('npm run demo:gateway');
});
