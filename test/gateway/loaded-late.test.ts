import { createAdaptorServer } from '@hono/node-server';
import { expect, it, vi } from 'vitest';

it('a gateway that is loaded after a server was made, by whoever else is in its process, streams to the end', async () => {
  createAdaptorServer({ fetch: () => new Response('Another server.') });
  vi.resetModules();
  const { ask, mockUpstream, testConfig, testServer } = await import('./gateway-fixture.ts');
  const { url } = await testServer(await testConfig(await mockUpstream()));
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify(ask({ stream: true })),
  });
  expect(await response.text()).toMatch(/\[DONE\]\n\n$/);
});
