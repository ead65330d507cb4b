import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeArtifact } from '../../training/artifact/write-artifact.ts';
import { root } from '../architecture/source-files.ts';
import { fencedBlocks } from '../documents/fenced-blocks.ts';
import { runTypescript } from '../documents/run-typescript.ts';
import { servingArtifact } from '../fixtures/serving-artifact.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { post, testGateway } from '../gateway/gateway-fixture.ts';

const blocks = fencedBlocks(readFileSync(join(root, 'docs/questions.md'), 'utf8'));
const { folder, path } = temporaryFolder();
const artifact = await servingArtifact({ names: ['small', 'large'], tasks: ['maths', 'code'] });
await writeArtifact(path('models/support'), artifact);

describe('docs/questions.md', () => {
  it('shows questions that are answered, and one that is refused', async () => {
    const gateway = await testGateway({ routers: { support: { folder: path('models/support') } } });
    const body = JSON.parse(blocks.find(({ language }) => language === 'json')!.body);
    const { answers } = await (await post(gateway, '/v1/decisions', body)).json();
    const types = answers.map(({ name, type }: Record<string, string>) => `${name}: ${type}`);
    expect(types).toEqual([
      'who: choice',
      'task: choice',
      'well: predicate',
      'quality: score',
      'mood: refusal',
    ]);
  });

  it.runIf(existsSync(join(root, 'node_modules/ai-7')))('shows code that runs with ai 7', async () => {
    const code = blocks.find(({ language }) => language === 'js')!.body.replace("'ai'", "'ai-7'");
    expect(await runTypescript(code, folder)).toMatch(/^(small|large) 0\.\d+\n$/);
  });
});
