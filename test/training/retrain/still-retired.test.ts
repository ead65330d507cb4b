import { memoryFiles, readArtifact } from 'pointsman';
import { expect, it } from 'vitest';
import { writeArtifact } from '../../../training/artifact/write-artifact.ts';
import { retireCandidate } from '../../../training/candidates/change-candidates.ts';
import { parseTrainConfig } from '../../../training/config.ts';
import { stillRetired } from '../../../training/retrain/challenger.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { tinyArtifact } from '../../fixtures/tiny-artifact.ts';

const { path } = temporaryFolder();

it('who was retired stays so through a training, unless the config says otherwise', async () => {
  const sealed = await tinyArtifact();
  const retired = await retireCandidate(await readArtifact(memoryFiles(sealed.files)), 'm1');
  const { version } = await writeArtifact(path('router'), retired);
  const config = parseTrainConfig({
    candidates: { m1: { contextWindowTokens: 100 }, m2: { retired: true } },
  });
  expect((await stillRetired(config, path('router'), version)).candidates).toEqual({
    m1: { retired: true, contextWindowTokens: 100 },
    m2: { retired: true },
  });
  const restored = parseTrainConfig({ candidates: { m1: { retired: false } } });
  expect((await stillRetired(restored, path('router'), version)).candidates).toEqual({
    m1: { retired: false },
  });
  expect(await stillRetired(config, path('router'), null)).toBe(config);
});
