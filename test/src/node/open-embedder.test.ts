import { join } from 'node:path';
import { InvalidInputError, MissingPackageError } from 'pointsman';
import { loadRouter } from 'pointsman/node';
import { afterEach, expect, test, vi } from 'vitest';
import type { ManifestContents } from '../../../training/artifact/build-artifact.ts';
import { writeArtifact } from '../../../training/artifact/write-artifact.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { tinyArtifact } from '../../fixtures/tiny-artifact.ts';

const { folder: root } = temporaryFolder();
afterEach(() => vi.unstubAllEnvs());

let folders = 0;
async function written(embedder: ManifestContents['embedder']): Promise<string> {
  const folder = join(root, `r${folders++}`);
  await writeArtifact(folder, await tinyArtifact({ manifest: { embedder } }));
  return folder;
}

const openai = (baseUrl: string) => ({
  id: `openai:${baseUrl}:text-embedding-3-small:8`,
  kind: 'openai' as const,
  dimensions: 8,
  options: { model: 'text-embedding-3-small', baseUrl },
});

test('an OpenAI embedder is made from the manifest', async () => {
  const router = await loadRouter(await written(openai('https://api.openai.com/v1')));
  expect(router.manifest.embedder.kind).toBe('openai');
});

test('an artifact alone does not decide where prompts and key are sent', async () => {
  const folder = await written(openai('http://localhost:11434/v1'));
  vi.stubEnv('OPENAI_BASE_URL', '');
  await expect(loadRouter(folder)).rejects.toThrow(/Set OPENAI_BASE_URL to that address/);
  await expect(loadRouter(folder)).rejects.toBeInstanceOf(InvalidInputError);
  vi.stubEnv('OPENAI_BASE_URL', 'http://localhost:11434/v1/');
  expect((await loadRouter(folder)).manifest.embedder.kind).toBe('openai');
});

test('a transformers embedder whose package or model is missing says what to do', async () => {
  const folder = await written({
    id: 'transformers:./nowhere@main:fp32:mean',
    kind: 'transformers',
    dimensions: 8,
    options: { model: './nowhere', localOnly: true },
  });
  const error = await loadRouter(folder).catch((cause: unknown) => cause);
  if (error instanceof MissingPackageError)
    expect(error.message).toContain('npm install @huggingface/transformers');
  else expect((error as Error).message).toContain('"./nowhere"');
});

test('a router of the full sentence encoder needs it to be passed, and says so', async () => {
  const folder = await written({ id: 'use-lite', kind: 'use', dimensions: 8, options: {} });
  await expect(loadRouter(folder)).rejects.toThrow(
    /trained with the use embedder "use-lite".*\{ embedder \}/,
  );
});
