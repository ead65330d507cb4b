import { createRouter, memoryFiles, readArtifact } from 'pointsman';
import { expect, test } from 'vitest';
import { shortEmbedder } from '../../../data/month/short-embedder.ts';
import { writeArtifact } from '../../../training/artifact/write-artifact.ts';
import { openRouter } from '../../../training/cli/terminal/options.ts';
import { parseTrainConfig } from '../../../training/config.ts';
import { splitOutcomes } from '../../../training/split/split.ts';
import { withoutRouters } from '../../../training/train/prepare-traffic.ts';
import { trainRouter } from '../../../training/train/train-router.ts';
import { plantedTraffic } from '../../fixtures/planted-traffic.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const { path } = temporaryFolder();

const policy = {
  kind: 'hierarchical',
  domains: { sum: { kind: 'router', router: 'sums', limits: { deny: ['large'] } }, verse: 'poet' },
  otherwise: {
    kind: 'rules',
    rules: [{ when: 'tokens > 9', then: { kind: 'router', router: 'long' } }],
    otherwise: 'poet',
  },
};

test('other routers are left out of a policy wherever they stand, with what is said beside them kept', () => {
  expect(withoutRouters(policy)).toEqual({
    routers: ['sums', 'long'],
    policy: {
      kind: 'hierarchical',
      domains: { sum: { kind: 'utility', limits: { deny: ['large'] } }, verse: 'poet' },
      otherwise: {
        kind: 'rules',
        rules: [{ when: 'tokens > 9', then: { kind: 'utility' } }],
        otherwise: 'poet',
      },
    },
  });
  const plain = { kind: 'utility', weights: 'best' };
  expect(withoutRouters(plain)).toEqual({ policy: plain, routers: [] });
});

test('a policy that hands over can be trained with, by a task that is learned also without the domain head', async () => {
  const matrix = plantedTraffic({ prompts: 300, seed: 1 });
  const config = parseTrainConfig({
    policy: { ...policy, otherwise: 'poet' },
    heads: ['linear'],
    resamples: 100,
    folds: 2,
    ngrams: { dimensions: 16 },
  });
  const { splits, groups } = splitOutcomes(matrix, { seed: 0 });
  const { artifact } = await trainRouter({
    name: 'planted',
    matrix,
    splits,
    groups: groups.groups,
    dataFingerprint: 'planted',
    config,
    embedder: await shortEmbedder(32),
  });
  expect(artifact.manifest.policy).toEqual({ ...policy, otherwise: 'poet' });
  expect(artifact.manifest.task?.names).toEqual(['sum', 'verse']);
  const read = await readArtifact(memoryFiles(artifact.files));
  expect(() => createRouter(read)).toThrow(/must name one of the routers given. Got "sums"/);
  const sums = createRouter(read, { policy: { kind: 'utility', weights: 'cheapest' } });
  const router = createRouter(read, { routers: { sums } });
  const decision = await router.route({ text: 'What is 512 + 77 when rivers are counted twice?' });
  expect(decision.policyPath).toEqual(['hierarchical:sum', 'router:sums', 'utility:cheapest']);
  expect((await router.route({ text: 'Write a poem about lanterns and ships' })).candidate).toBe('poet');
  await writeArtifact(path('router'), artifact);
  const alone = await (await openRouter(path('router'))).route({
    text: 'What is 512 + 77 when rivers are counted?',
  });
  expect(alone.policyPath).toEqual(['hierarchical:sum', 'utility:best']);
}, 60_000);
