import { createRouter, memoryFiles, readArtifact } from 'pointsman';
import { expect, test } from 'vitest';
import { servingArtifact } from '../../fixtures/serving-artifact.ts';

test('an artifact with the static table needs nothing beside itself, and reads the words', async () => {
  const router = createRouter(await readArtifact(memoryFiles((await servingArtifact()).files)));
  const french = await router.predict({ text: 'Translate this to French: good morning' });
  const sum = await router.predict({ text: 'What is 17 * 23?' });
  expect(french.success.length).toBe(9);
  expect([...french.success]).not.toEqual([...sum.success]);
  expect(await router.predict({ text: 'What is 17 * 23?' })).toEqual(sum);
  const decision = await router.route({ text: 'x'.repeat(2 ** 20) });
  expect(Number.isFinite(decision.confidence)).toBe(true);
});

test('a table of another embedder than the manifest names is refused', async () => {
  const artifact = await readArtifact(memoryFiles((await servingArtifact()).files));
  const { manifest } = artifact;
  const other = { ...manifest, embedder: { ...manifest.embedder, id: 'static-other' } };
  expect(() => createRouter({ ...artifact, manifest: other })).toThrow(
    /must hold the embedder "static-other"/,
  );
});
