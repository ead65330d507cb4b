import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { checkConfig } from '../../gateway/config/load-config.ts';
import { writeArtifact } from '../../training/artifact/write-artifact.ts';
import { root } from '../architecture/source-files.ts';
import { fencedBlocks, shellCommands, shellWords } from '../documents/fenced-blocks.ts';
import { servingArtifact } from '../fixtures/serving-artifact.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { ask, mockUpstream, post, testConfig, testGateway } from '../gateway/gateway-fixture.ts';

const blocks = fencedBlocks(readFileSync(join(root, 'docs/canary.md'), 'utf8'));
const { path } = temporaryFolder();

it('docs/canary.md shows the defaults, and its commands look at a trial and decide it', async () => {
  const written = parse(blocks.find(({ name }) => name === 'gateway.yaml')!.body);
  const { support } = checkConfig(written, 'the page', root).routers;
  const plain = checkConfig({ routers: { support: { folder: 'x', canary: {} } } }, 'defaults', root).routers;
  expect(support.canary).toEqual(plain.support.canary);

  const folder = path('support');
  const write = async (weights: string, point: boolean) =>
    (
      await writeArtifact(
        folder,
        await servingArtifact({ candidates: 3, policy: { kind: 'utility', weights } }),
        { point },
      )
    ).version;
  const first = await write('balanced', true);
  const config = await testConfig(await mockUpstream(), {
    keys: { state: ':memory:' },
    rollups: { file: path('rollups.db') },
    routers: { support: { folder, canary: { steps: [0.5, 1] } } },
  });
  const open = () => testGateway(config);
  const before = await open();
  await before.close();
  // Told while nobody serves: the first version is remembered.
  const second = await write('cheapest', true);
  const gateway = await open();

  const [look, promote, rollback] = shellCommands(blocks.find(({ language }) => language === 'sh')!.body).map(
    (command) => shellWords(command),
  );
  const run = async ([curl, address, flag, body]: readonly string[]) => {
    expect(curl).toBe('curl');
    const request = new Request(address, flag === '-d' ? { method: 'POST', body } : {});
    const response = await gateway.fetch(request);
    return { status: response.status, body: await response.json() };
  };
  const standing = (await run(look)).body.routers.support;
  expect(standing).toMatchObject({
    champion: { version: first },
    canary: { version: second, share: 0.5, why: expect.stringContaining('ratings') },
  });
  // A conversation is answered by one version, and each version answers some.
  const { secret } = (await (
    await gateway.fetch(new Request('http://127.0.0.1/admin/keys', { method: 'POST', body: '{"name":"a"}' }))
  ).json()) as { secret: string };
  const artifacts = new Map<string, Set<string>>();
  for (let n = 0; n < 40; n++) {
    const conversation = `c${n % 10}`;
    const response = await post(gateway, '/v1/route', ask(), {
      authorization: `Bearer ${secret}`,
      'x-pointsman-conversation-id': conversation,
    });
    const { artifactId } = await response.json();
    artifacts.set(conversation, (artifacts.get(conversation) ?? new Set()).add(artifactId));
  }
  expect([...artifacts.values()].every(({ size }) => size === 1)).toBe(true);
  expect(new Set([...artifacts.values()].flatMap((seen) => [...seen])).size).toBe(2);

  expect((await run(rollback)).body).toMatchObject({
    champion: { version: first },
    canary: null,
    verdicts: [{ version: second, verdict: 'rolled back', by: 'operator' }],
  });
  expect((await run(promote)).status).toBe(400);
  const named = [...promote.slice(0, 3), JSON.stringify({ router: 'support', version: second })];
  expect((await run(named)).body.champion.version).toBe(second);
  expect((await run([...rollback.slice(0, 3), '{"router": "other"}'])).body.error.message).toContain(
    '`router`',
  );
});
