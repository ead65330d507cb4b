import { createRouter, InvalidInputError, memoryFiles, readArtifact } from 'pointsman';
import { beforeAll, describe, expect, test } from 'vitest';
import type { BuiltArtifact } from '../../../training/artifact/build-artifact.ts';
import { addCandidate, retireCandidate } from '../../../training/candidates/change-candidates.ts';
import { plantedTraffic } from '../../fixtures/planted-traffic.ts';
import { open, part, trainedSealed } from '../candidates/fixture.ts';

const traffic = plantedTraffic({ prompts: 400, seed: 1 });
const SUM = { text: 'What is 512 + 77 when rivers are counted twice?' };
const OTHER = { text: 'Zebra quantum 日本語 ((((( ~~~ }}}} 000000 <xml> BEGIN' };

describe('a router that is trained to know how unsure it is', () => {
  let plain: BuiltArtifact;
  let unsure: BuiltArtifact;
  beforeAll(async () => {
    plain = await trainedSealed(traffic);
    unsure = await trainedSealed(traffic, { uncertainty: true });
  }, 120_000);

  test('has one file more, and all others as they were', () => {
    const reports = new Set(['manifest.json', ...unsure.manifest.reports.map(({ path }) => path)]);
    for (const { path } of plain.manifest.files)
      expect(Buffer.compare(plain.files.get(path)!, unsure.files.get(path)!), path).toBe(0);
    const more = [...unsure.files.keys()].filter((path) => !plain.files.has(path) && !reports.has(path));
    expect(more).toEqual(['uncertainty.bin']);
    expect(plain.manifest).not.toHaveProperty('uncertainty');
    expect(plain.manifest.provenance.config).not.toHaveProperty('uncertainty');
  });

  test('is surer of what it has seen the like of, and errs the less between two the more they share', async () => {
    const artifact = await readArtifact(memoryFiles(unsure.files), { uncertainty: true });
    const router = createRouter(artifact);
    const [known, odd] = [
      await router.route(SUM, { uncertainty: true }),
      await router.route(OTHER, { uncertainty: true }),
    ];
    const mean = ({ predictions }: typeof known) =>
      predictions.reduce((sum, { standardError }) => sum + standardError!, 0) / predictions.length;
    expect(mean(known)).toBeGreaterThan(0.005);
    expect(mean(known)).toBeLessThan(0.3);
    expect(mean(odd)).toBeGreaterThan(mean(known));
    const { chosen } = artifact.manifest.provenance.config as { chosen: { uncertainty: object } };
    for (const scale of Object.values(chosen.uncertainty)) {
      expect(scale).toBeGreaterThanOrEqual(0.1);
      expect(scale).toBeLessThanOrEqual(10);
    }
  });

  test('goes on knowing it when a candidate is retired, and less of one that is added', async () => {
    const artifact = await readArtifact(memoryFiles(unsure.files), { reports: true });
    const retired = await retireCandidate(artifact, 'poet');
    expect(retired.manifest.uncertainty).toEqual(unsure.manifest.uncertainty);
    const probes = part(
      plantedTraffic({ prompts: 60, seed: 9 }),
      ['large', 'reckoner'],
      [...Array(40).keys()],
    );
    const renamed = { ...probes, candidates: ['large', 'newcomer'] };
    const added = await addCandidate({ artifact, candidate: { name: 'newcomer' }, probes: renamed, open });
    const router = createRouter(await readArtifact(memoryFiles(added.artifact.files), { uncertainty: true }));
    const { predictions } = await router.route(SUM, { uncertainty: true });
    const errorOf = (name: string) => predictions.find(({ candidate }) => candidate === name)!.standardError!;
    expect(errorOf('newcomer')).toBeGreaterThan(errorOf('large'));
    const before = createRouter(await readArtifact(memoryFiles(unsure.files), { uncertainty: true }));
    const old = (await before.route(SUM, { uncertainty: true })).predictions;
    expect(errorOf('large')).toBeCloseTo(
      old.find(({ candidate }) => candidate === 'large')!.standardError!,
      5,
    );
  });
});

test('a policy that asks for it is measured with it, and refused without', async () => {
  const policy = {
    kind: 'explore',
    method: 'thompson',
    observations: 'posterior',
    policy: { kind: 'abstain', policy: { kind: 'utility' }, to: 'large' },
  };
  await expect(trainedSealed(traffic, { policy })).rejects.toThrow(InvalidInputError);
  const { files } = await trainedSealed(traffic, { policy, uncertainty: true });
  const router = createRouter(await readArtifact(memoryFiles(files)), { seed: 1 });
  const decision = await router.route(SUM);
  expect(decision.policyPath.slice(0, 1)).toEqual(['explore:thompson']);
  expect(decision.policyPath[1]).toMatch(/^abstain/);
  expect(Object.values(decision.propensities!).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 9);
}, 120_000);

test('one outcome a prompt, and heads without the linear one, are enough', async () => {
  const quality = traffic.quality.map((value, i) => (i % 3 === Math.floor(i / 3) % 3 ? value : Number.NaN));
  const { files, manifest } = await trainedSealed(
    { ...traffic, quality },
    { heads: ['domain'], uncertainty: true },
  );
  const { outcomes } = manifest.uncertainty!.advantage;
  expect(outcomes.reduce((sum, n) => sum + n, 0)).toBe(manifest.provenance.prompts.fit);
  const router = createRouter(await readArtifact(memoryFiles(files), { uncertainty: true }));
  for (const { standardError } of (await router.route(SUM, { uncertainty: true })).predictions) {
    expect(standardError).toBeGreaterThan(0.005);
    expect(standardError).toBeLessThan(0.5);
  }
}, 120_000);
