import { type Artifact, createRouter, memoryFiles, type Router, readArtifact } from 'pointsman';
import { type CalibratorParameters, type HeadSpec, logit } from 'pointsman/internal';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  type AddedCandidate,
  addCandidate,
  restoreCandidate,
  retireCandidate,
  setCandidate,
} from '../../../training/candidates/change-candidates.ts';
import { useBackend } from '../../../training/fit/tensorflow.ts';
import { fakeEmbedder } from '../../fixtures/fake-embedder.ts';
import { plantedTraffic } from '../../fixtures/planted-traffic.ts';
import { readTinyArtifact, tinyArtifact } from '../../fixtures/tiny-artifact.ts';
import { open, part, trainedArtifact } from './fixture.ts';

const SUM = { text: 'What is 512 + 77 when rivers are counted twice?' };
const VERSE = { text: 'Write a poem about lanterns and ships, with rhymes' };
const traffic = plantedTraffic({ prompts: 400, seed: 1 });
const every = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Traffic where "twin" is as good as "reckoner" is, and nearly as dear as "large". */
function withTwin(matrix = plantedTraffic({ prompts: 60, seed: 9 })) {
  const { candidates, quality, costUsd, latencyMs, propensity } = matrix;
  const rows = matrix.prompts.length;
  const add = (values: Float32Array, of: (row: number) => number) =>
    Float32Array.from({ length: 4 * rows }, (_, i) =>
      i % 4 === 3 ? of(i >> 2) : values[3 * (i >> 2) + (i % 4)],
    );
  return {
    ...matrix,
    candidates: [...candidates, 'twin'],
    quality: add(quality, (row) => quality[3 * row + 2]),
    costUsd: add(costUsd, (row) => 0.8 * costUsd[3 * row]),
    latencyMs: add(latencyMs, (row) => 2 * latencyMs[3 * row]),
    propensity: add(propensity, () => Number.NaN),
  };
}

describe('a candidate added to a trained router', () => {
  let artifact: Artifact;
  let added: AddedCandidate;
  beforeAll(async () => {
    artifact = await trainedArtifact(traffic);
    const probes = part(withTwin(), ['large', 'poet', 'reckoner', 'twin'], every(50));
    added = await addCandidate({
      artifact,
      candidate: { name: 'twin', contextWindowTokens: 8000 },
      probes,
      open,
      caution: 0,
    });
  }, 120_000);

  test('changes nothing that is said of the others', async () => {
    const [before, after] = [createRouter(artifact), await open(added.artifact)];
    for (const request of [SUM, VERSE, { text: '' }]) {
      const [old, now] = [await before.predict(request), await after.predict(request)];
      for (let c = 0; c < 3; c++) {
        expect(now.success[c]).toBeCloseTo(old.success[c], 5);
        expect(now.costUsd[c]).toBeCloseTo(old.costUsd[c], 8);
        expect(now.latencyMs[c] / old.latencyMs[c]).toBeCloseTo(1, 5);
        expect(now.choice[c] / now.choice[0]).toBeCloseTo(old.choice[c] / old.choice[0], 3);
      }
    }
    const { task, novelty, features } = added.artifact.manifest;
    expect({ task, novelty, features }).toEqual({
      task: artifact.manifest.task,
      novelty: artifact.manifest.novelty,
      features: artifact.manifest.features,
    });
  });

  test('is expected to be good at what those are good at that it answered like', async () => {
    const router = await open(added.artifact);
    const [sum, verse] = [await router.predict(SUM), await router.predict(VERSE)];
    expect(sum.success[3]).toBeGreaterThan(verse.success[3] + 0.25);
    expect(sum.choice[3]).toBeGreaterThan(verse.choice[3]);
    expect(added.onboarded.like[0].name).toBe('reckoner');
    expect(sum.costUsd[3]).toBeGreaterThan(0.004);
    expect(sum.costUsd[3]).toBeLessThan(0.016);
    expect(sum.latencyMs[3]).toBeGreaterThan(sum.latencyMs[2]);
  });

  test('comes with an interval of what it is worth, and with its means in the manifest', () => {
    const { quality, advantage, probes } = added.onboarded;
    expect(probes).toBe(50);
    expect(quality.low).toBeLessThan(0.55);
    expect(quality.high).toBeGreaterThan(0.55);
    expect(advantage.over).toBe('large');
    expect(advantage.high - advantage.low).toBeCloseTo(quality.high - quality.low, 10);
    const candidate = added.artifact.manifest.candidates[3];
    expect(candidate).toMatchObject({ name: 'twin', contextWindowTokens: 8000 });
    expect(candidate.meanQuality).toBeCloseTo(quality.estimate, 10);
    expect(candidate.p95LatencyMs).toBeGreaterThan(candidate.meanLatencyMs ?? 0);
    expect(added.artifact.manifest.provenance.config).toMatchObject({
      amended: [{ from: artifact.manifest.id, what: 'Candidate twin was added from 50 probes.' }],
    });
  });

  test('may be followed by another, and the model is still one that TF.js loads', async () => {
    const probes = part(withTwin(plantedTraffic({ prompts: 60, seed: 11 })), ['twin'], every(40));
    const third = await addCandidate({
      artifact: await readArtifact(memoryFiles(added.artifact.files)),
      candidate: { name: 'thrice' },
      probes: { ...probes, candidates: ['thrice'] },
      family: ['twin'],
      open,
    });
    const router = await open(third.artifact);
    const before = await (await open(added.artifact)).predict(SUM);
    const after = await router.predict(SUM);
    expect(after.success).toHaveLength(5);
    for (let c = 0; c < 4; c++) expect(after.success[c]).toBeCloseTo(before.success[c], 4);
    expect(third.onboarded.like[0].name).toBe('twin');
    const { tf } = await useBackend();
    const json = JSON.parse(new TextDecoder().decode(third.artifact.files.get('heads.json')));
    const weights = third.artifact.files.get('weights.bin') ?? new Uint8Array();
    const model = await tf.loadLayersModel(
      tf.io.fromMemory({
        modelTopology: json.modelTopology,
        weightSpecs: json.weightsManifest[0].weights,
        weightData: Uint8Array.from(weights).buffer,
      }),
    );
    // A column a head each time, and no layer, however many were added before.
    const then = JSON.parse(new TextDecoder().decode(artifact.file('heads.json')));
    expect(model.outputNames).toEqual(
      then.modelTopology.config.output_layers.map(([name]: [string]) => name),
    );
  });

  test('is routed by less than its estimate when caution is asked for, in proportion', async () => {
    const probes = part(withTwin(), ['twin'], every(50));
    const at = async (caution: number) => {
      const result = await addCandidate({ artifact, candidate: { name: 'twin' }, probes, open, caution });
      const { success } = await (await open(result.artifact)).predict(SUM);
      return { routedBy: result.onboarded.routedBy, success: success[3] };
    };
    const [none, one, two] = [await at(0), await at(1), await at(2)];
    expect(none.routedBy - one.routedBy).toBeCloseTo(one.routedBy - two.routedBy, 6);
    expect(one.success).toBeLessThan(none.success);
    expect(two.success).toBeLessThan(one.success);
  });

  test('says what is wrong', async () => {
    const probes = part(withTwin(), ['twin'], every(50));
    const add = (more: object) =>
      addCandidate({ artifact, candidate: { name: 'twin' }, probes, open, ...more });
    await expect(add({ candidate: { name: 'poet' } })).rejects.toThrow(/The router knows poet already/);
    await expect(add({ probes: part(withTwin(), ['twin'], every(9)) })).rejects.toThrow(
      /needs 10 probes with a quality, better 50. Got 9 of twin/,
    );
    await expect(add({ family: ['huge'] })).rejects.toThrow(/among large, poet, reckoner. Got "huge"/);
    await expect(add({ candidate: { name: 'other' } })).rejects.toThrow(/Got 0 of other/);
  });
});

describe('heads of every kind', () => {
  test('neighbours whose every cell was seen take a candidate, the others keep theirs', async () => {
    const artifact = await trainedArtifact(traffic, { heads: ['knn', 'mlp', 'factorisation'] });
    const probes = part(withTwin(), ['twin'], every(50));
    const { artifact: sealed } = await addCandidate({ artifact, candidate: { name: 'twin' }, probes, open });
    const kinds = JSON.stringify(sealed.manifest.heads.success.head);
    expect(kinds).toMatch(/"kind":"(knn|layers)"/);
    const [old, now] = [
      await createRouter(artifact).predict(VERSE),
      await (await open(sealed)).predict(VERSE),
    ];
    for (let c = 0; c < 3; c++) expect(now.success[c]).toBeCloseTo(old.success[c], 4);
    expect(now.success[3]).toBeGreaterThan(0);
  }, 120_000);

  test('a head that gives the logit itself, with a calibrator for each candidate, takes one too', async () => {
    const artifact = await readTinyArtifact({ success: 'linear', dimensions: 8 });
    const openFake = async ({ files }: AddedCandidate['artifact']) =>
      createRouter(await readArtifact(memoryFiles(files)), { embedder: fakeEmbedder });
    const probes = part(withTwin(), ['twin'], every(50));
    const { artifact: sealed, onboarded } = await addCandidate({
      artifact,
      candidate: { name: 'twin' },
      probes,
      open: openFake,
    });
    const router = await openFake(sealed);
    const old = createRouter(artifact, { embedder: fakeEmbedder });
    let sum = 0;
    for (const { request } of probes.prompts) {
      const [before, now] = [await old.predict(request), await router.predict(request)];
      for (let c = 0; c < 3; c++) expect(now.success[c]).toBeCloseTo(before.success[c], 5);
      sum += now.success[3] / probes.prompts.length;
    }
    expect(sealed.manifest.heads.success.calibrators[3]).toEqual({ kind: 'identity' });
    expect(onboarded.routedBy).toBeLessThan(onboarded.quality.estimate);
    expect(sum).toBeGreaterThan(0);
  });

  test('the calibrator that all others share is that of the new one, too, and it is routed by as much with it as without', async () => {
    const { candidates, heads } = (await readTinyArtifact({ success: 'linear', dimensions: 8 })).manifest;
    const openFake = async ({ files }: AddedCandidate['artifact']) =>
      createRouter(await readArtifact(memoryFiles(files)), { embedder: fakeEmbedder });
    const probes = part(withTwin(), ['twin'], every(50));
    const meanSuccess = async (router: Router): Promise<number[]> => {
      const all = await Promise.all(probes.prompts.map(({ request }) => router.predict(request)));
      return Array.from(all[0].success, (_, c) => all.reduce((sum, { success }) => sum + success[c] / 50, 0));
    };
    const artifactOf = (calibrator: CalibratorParameters, means: readonly number[]) =>
      readTinyArtifact({
        success: 'linear',
        dimensions: 8,
        manifest: {
          candidates: candidates.map((one, c) => ({ ...one, meanQuality: means[c] })),
          heads: {
            ...heads,
            success: { ...heads.success, calibrators: heads.success.calibrators.map(() => calibrator) },
          },
        },
      });
    const plain = { kind: 'identity' } as const;
    // The probes are as hard as the traffic is, by what the heads say before calibration.
    const means = await meanSuccess(
      createRouter(await artifactOf(plain, [0.5, 0.5, 0.5]), { embedder: fakeEmbedder }),
    );
    for (const [calibrator, harder] of [
      [plain, 0],
      [{ kind: 'platt', slope: 0.5, intercept: -0.75 }, 0],
      [{ kind: 'platt', slope: 0.5, intercept: -0.75 }, 0.1],
    ] as const) {
      const artifact = await artifactOf(
        calibrator,
        means.map((mean) => mean + harder),
      );
      const candidate = { name: 'twin' };
      const { artifact: more, onboarded } = await addCandidate({
        artifact,
        candidate,
        probes,
        open: openFake,
      });
      expect(more.manifest.heads.success.calibrators[3]).toEqual(calibrator);
      const [, , , own] = await meanSuccess(await openFake(more));
      expect(own).toBeCloseTo(onboarded.routedBy - harder, 5);
    }
  });

  test('what is not made of layers is asked as it was, and its files stay; more may be added, retired and set', async () => {
    // Neighbours that not every candidate was seen on, shrunk and stacked, and a layer of sigmoids.
    const { heads } = (await readTinyArtifact({ success: 'stack' })).manifest;
    const calibrators = heads.success.calibrators.map(() => ({ kind: 'identity' as const }));
    const success = { ...heads.success, calibrators };
    const artifact = await readTinyArtifact({ success: 'stack', manifest: { heads: { ...heads, success } } });
    const openFake = async ({ files }: AddedCandidate['artifact']) =>
      createRouter(await readArtifact(memoryFiles(files)), { embedder: fakeEmbedder });
    const probes = part(withTwin(), ['twin'], every(50));
    const add = async (to: Artifact, name: string) => {
      const renamed = { ...probes, candidates: [name] };
      return addCandidate({ artifact: to, candidate: { name }, probes: renamed, open: openFake });
    };
    const reread = async ({ files }: AddedCandidate['artifact']) => readArtifact(memoryFiles(files));
    const once = await add(artifact, 'twin');
    const twice = await add(await reread(once.artifact), 'thrice');
    const retired = await retireCandidate(await reread(twice.artifact), 'twin');
    const restored = await restoreCandidate(await reread(retired), 'twin');
    const set = await setCandidate(await reread(restored), 'thrice', { contextWindowTokens: 9000 });

    const { head } = once.artifact.manifest.heads.success;
    expect(head).toMatchObject({ kind: 'extend', head: artifact.manifest.heads.success.head });
    const { weights, constant } = head as Extract<HeadSpec, { kind: 'extend' }>;
    expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 10);
    expect(set.files.get('knn.bin')).toEqual(artifact.file('knn.bin'));
    const routers = await Promise.all([openFake(once.artifact), openFake(twice.artifact), openFake(set)]);
    const before = createRouter(artifact, { embedder: fakeEmbedder });
    let [sum, ofOthers] = [0, 0];
    for (const { request } of probes.prompts) {
      const old = await before.predict(request);
      const [one, two, last] = await Promise.all(routers.map((router) => router.predict(request)));
      expect([...one.success.subarray(0, 3)]).toEqual([...old.success]);
      expect([...two.success.subarray(0, 4)]).toEqual([...one.success]);
      expect(last.success).toEqual(two.success);
      const likeOthers = weights.reduce((all, weight, c) => all + weight * logit(old.success[c]), constant);
      expect(logit(one.success[3])).toBeCloseTo(likeOthers, 5);
      sum += one.success[3] / probes.prompts.length;
      artifact.manifest.candidates.forEach(({ meanQuality }, c) => {
        ofOthers += (weights[c] * (old.success[c] - (meanQuality as number))) / probes.prompts.length;
      });
    }
    // As much over these prompts as it is routed by, and as these are easier for the others than the traffic.
    expect(sum).toBeCloseTo(once.onboarded.routedBy + ofOthers, 5);
  });

  test('a model with layers that training does not write is refused', async () => {
    const { files } = await tinyArtifact();
    const model = JSON.parse(new TextDecoder().decode(files.get('model.json')));
    const drop = { class_name: 'Dropout', name: 'drop', config: {}, inbound_nodes: [[['choice', 0, 0, {}]]] };
    model.modelTopology.config.layers.push(drop);
    const artifact = await readTinyArtifact({
      files: new Map([['model.json', new TextEncoder().encode(JSON.stringify(model))]]),
    });
    const probes = part(withTwin(), ['twin'], every(50));
    await expect(addCandidate({ artifact, candidate: { name: 'twin' }, probes, open })).rejects.toThrow(
      /models of dense layers with a bias. Layer "drop" of the model is Dropout. Train the router again/,
    );
  });
});
