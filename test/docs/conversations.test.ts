import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPolicy } from 'pointsman/internal';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { checkConfig } from '../../gateway/config/load-config.ts';
import { writeArtifact } from '../../training/artifact/write-artifact.ts';
import { root } from '../architecture/source-files.ts';
import { fencedBlocks } from '../documents/fenced-blocks.ts';
import { runTypescript } from '../documents/run-typescript.ts';
import { servingArtifact } from '../fixtures/serving-artifact.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';

const blocks = fencedBlocks(readFileSync(join(root, 'docs/conversations.md'), 'utf8'));
const { folder, path } = temporaryFolder();

it('docs/conversations.md shows code that runs', async () => {
  await writeArtifact(path('models/support'), await servingArtifact({ names: ['small', 'large'] }));
  const code = blocks.find(({ language }) => language === 'js')!.body;
  expect(await runTypescript(code, folder)).toMatch(/^(small|large) session:(same|stay|leave) 2\n$/);
});

it('docs/conversations.md shows a policy that can be made', () => {
  const candidates = [{ name: 'a', meanCostUsd: 1, meanLatencyMs: 1 }];
  for (const { body, language, name } of blocks)
    if (language === 'yaml' && name === undefined) createPolicy(parse(body), candidates);
});

it('docs/conversations.md shows a configuration of a gateway', () => {
  const yaml = blocks.find(({ name }) => name === 'gateway.yaml')!.body;
  const { conversations, routers } = checkConfig(parse(yaml), 'gateway.yaml', '/folder');
  expect(conversations).toEqual(checkConfig({ routers: { a: { folder: 'b' } } }, '', '/').conversations);
  const candidates = [{ name: 'a', meanCostUsd: 1, meanLatencyMs: 1 }];
  expect(createPolicy(routers.support.policy, candidates).spec.kind).toBe('session');
});
