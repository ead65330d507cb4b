import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { writeArtifact } from '../../../training/artifact/write-artifact.ts';
import { servingArtifact } from '../../fixtures/serving-artifact.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { ask, mockUpstream, post, testConfig, testGateway } from '../gateway-fixture.ts';

const { folder } = temporaryFolder();

it('a new version is taken over under load without a lost request, and one that cannot be loaded is never in use', async () => {
  const router = join(folder, 'router');
  const first = await writeArtifact(router, await servingArtifact({ candidates: 3 }));
  const second = await writeArtifact(
    router,
    await servingArtifact({ candidates: 3, policy: { kind: 'utility', weights: 'cheapest' } }),
    { point: false },
  );
  const errors: unknown[] = [];
  const upstream = await mockUpstream();
  const config = await testConfig(upstream, { routers: { support: { folder: router } } });
  const gateway = await testGateway(config, { onError: (error) => errors.push(error) });
  const versionInUse = async () =>
    (await (await gateway.fetch(new Request('http://gateway/ready'))).json()).routers.support;
  const metric = async (result: string) =>
    new RegExp(`version_swaps_total\\{router="support",result="${result}"\\} (\\d+)`).exec(
      await (await gateway.fetch(new Request('http://gateway/metrics'))).text(),
    )?.[1];
  const before = await versionInUse();

  let isOver = false;
  const statuses = new Map<number, number>();
  const artifacts = new Set<string>();
  const client = async () => {
    while (!isOver) {
      const response = await post(gateway, '/v1/chat/completions', ask());
      const id = response.headers.get('x-pointsman-decision-id');
      const record = await (await gateway.fetch(new Request(`http://gateway/v1/decisions/${id}`))).json();
      artifacts.add(record.decision.artifactId);
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
    }
  };
  const clients = Promise.all([client(), client(), client(), client()]);
  const until = async (isSo: () => Promise<boolean> | boolean) => {
    while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  writeFileSync(join(router, 'current.json'), JSON.stringify({ version: second.version }));
  await until(async () => (await versionInUse()) !== before);
  writeFileSync(join(router, 'current.json'), JSON.stringify({ version: 'v-none' }));
  await until(async () => (await metric('refused')) !== undefined);
  isOver = true;
  await clients;
  expect([...statuses.keys()]).toEqual([200]);
  expect(artifacts.size).toBe(2);
  expect(errors.map(String)).toEqual([expect.stringContaining('names v-none')]);
  expect(await metric('taken')).toBe('1');
  expect(first.version).not.toBe(second.version);
});
