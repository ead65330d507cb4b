import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  type Artifact,
  createRouter,
  type Embedder,
  type Manifest,
  memoryFiles,
  type Request,
  readArtifact,
} from 'pointsman';
import { createRandom } from 'pointsman/internal';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type BuiltArtifact,
  describeChoiceModel,
  renderCard,
} from '../../../training/artifact/build-artifact.ts';
import { writeArtifact } from '../../../training/artifact/write-artifact.ts';
import {
  addCandidate,
  restoreCandidate,
  retireCandidate,
  setCandidate,
} from '../../../training/candidates/change-candidates.ts';
import { describeManifest } from '../../../training/cli/commands/inspect.ts';
import { requestFeatures } from '../../../training/embed/embed.ts';
import { useBackend } from '../../../training/fit/tensorflow.ts';
import type { OutcomeMatrix } from '../../../training/outcomes/matrix.ts';
import { fakeAsyncEmbedder } from '../../fixtures/fake-embedder.ts';
import { plantedTraffic } from '../../fixtures/planted-traffic.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { tinyArtifact } from '../../fixtures/tiny-artifact.ts';
import { part, trainedSealed } from '../candidates/fixture.ts';

/** Requests that no router here was trained on, and some of odd shapes. */
const REQUESTS: readonly Request[] = [
  ...plantedTraffic({ prompts: 990, seed: 77 }).prompts.map(({ request }) => request),
  { text: '' },
  { text: '   \n' },
  { text: 'ß漢字🙂'.repeat(500) },
  { text: '```js\nconst x = 1;\n```' },
  { messages: [{ role: 'user', content: 'What is 17 * 23?' }] },
  {
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Ships, in verse.' },
    ],
  },
  { text: '9'.repeat(3000) },
  { text: 'a' },
  { text: 'Translate: où est la gare?' },
  { text: 'x '.repeat(20_000) },
];

/** One answer a prompt, drawn evenly. */
function logged(matrix: OutcomeMatrix): OutcomeMatrix {
  const random = createRandom(5);
  const shown = matrix.prompts.map(() => random.integer(3));
  const only = (values: Float32Array) =>
    values.map((value, i) => (shown[Math.floor(i / 3)] === i % 3 ? value : Number.NaN));
  return {
    ...matrix,
    quality: only(matrix.quality),
    costUsd: only(matrix.costUsd),
    latencyMs: only(matrix.latencyMs),
    propensity: only(new Float32Array(matrix.propensity.length).fill(1 / 3)),
  };
}

const read = ({ files }: BuiltArtifact): Promise<Artifact> =>
  readArtifact(memoryFiles(files), { reports: true });
const fake = fakeAsyncEmbedder();
const openWith = (embedder?: Embedder) => async (sealed: BuiltArtifact) =>
  createRouter(await read(sealed), embedder === undefined ? {} : { embedder });

/** A candidate that is as good as `like` is. */
async function withAdded(
  artifact: Artifact,
  name: string,
  like: string,
  embedder?: Embedder,
): Promise<BuiltArtifact> {
  const probes = part(plantedTraffic({ prompts: 60, seed: 9 }), [like], [...Array(40).keys()]);
  const open = openWith(embedder);
  return (
    await addCandidate({ artifact, candidate: { name }, probes: { ...probes, candidates: [name] }, open })
  ).artifact;
}

const { folder } = temporaryFolder();
let server: Server;
let root: string;
beforeAll(async () => {
  server = createServer((request, response) => {
    readFile(join(folder, String(request.url))).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.close();
});

/** The largest difference between what the written `model.json` says and what the router decides with. */
async function largestDifference(sealed: BuiltArtifact, embedder?: Embedder): Promise<number> {
  const { tf } = await useBackend();
  const { version } = await writeArtifact(folder, sealed);
  const model = await tf.loadLayersModel(`${root}/${version}/model.json`);
  const artifact = await read(sealed);
  const options = embedder === undefined ? {} : { embedder };
  const { rows, columns, values } = await requestFeatures(artifact, REQUESTS, options);
  expect(columns).toBe(artifact.manifest.features.length);
  const predicted = model.predict(tf.tensor2d(values, [rows, columns]));
  if (Array.isArray(predicted)) throw new TypeError('predict must give one tensor');
  const names = artifact.manifest.candidates.map(({ name }) => name);
  expect(predicted.shape).toEqual([1000, names.length]);
  const probabilities = predicted.dataSync();
  const router = createRouter(artifact, options);
  let largest = 0;
  for (const [row, request] of REQUESTS.entries()) {
    const decision = await router.route(request);
    names.forEach((name, c) => {
      const difference = Math.abs(decision.probabilities[name] - probabilities[row * names.length + c]);
      if (!(difference <= largest)) largest = difference;
    });
  }
  model.dispose();
  return largest;
}

describe('predict of model.json, as it is written, is the choice to 1e-5 on 1,000 prompts', () => {
  let all: BuiltArtifact;
  beforeAll(async () => {
    all = await trainedSealed(plantedTraffic({ prompts: 400, seed: 1 }), {
      heads: ['linear', 'domain', 'curve', 'mlp', 'factorisation'],
    });
  });
  const CASES: Record<string, () => Promise<BuiltArtifact>> = {
    'of every head that is made of layers': async () => all,
    'of traffic with one answer a prompt': () =>
      trainedSealed(logged(plantedTraffic({ prompts: 400, seed: 2 }))),
    'where nothing is to be learned': () =>
      trainedSealed(plantedTraffic({ prompts: 300, seed: 3, signal: false })),
    'with a candidate retired': async () => retireCandidate(await read(all), 'poet'),
    'with a candidate retired, restored and set': async () => {
      const retired = await read(await retireCandidate(await read(all), 'poet'));
      const restored = await read(await restoreCandidate(retired, 'poet'));
      return setCandidate(restored, 'poet', { inputPricePerMillionTokens: 3 });
    },
    'with a candidate added': async () => withAdded(await read(all), 'twin', 'reckoner'),
    'with two added and one retired': async () => {
      const added = await withAdded(await read(all), 'twin', 'reckoner');
      const twice = await withAdded(await read(added), 'bard', 'poet');
      return retireCandidate(await read(twice), 'large');
    },
  };
  test.each(Object.entries(CASES))('%s', async (_, make) => {
    expect(await largestDifference(await make())).toBeLessThan(1e-5);
  });

  test('with a temperature that is not 1', () => {
    const { chosen } = all.manifest.provenance.config as { chosen: { temperature: number } };
    expect(Math.abs(chosen.temperature - 1)).toBeGreaterThan(0.05);
    expect(all.manifest.heads.choice.temperature).toBe(1);
  });

  test('of a router of before, whose choice has a temperature of its own, once a candidate is added', async () => {
    const old = await tinyArtifact({ names: ['large', 'poet', 'reckoner'], success: 'linear' });
    expect(old.manifest.heads.choice.temperature).toBe(1.5);
    const added = await withAdded(await read(old), 'twin', 'reckoner', fake);
    expect(added.manifest.heads.choice).toEqual({
      head: { kind: 'layers', output: 'choice' },
      temperature: 1,
    });
    expect([...added.files.keys()]).toEqual(
      expect.arrayContaining(['heads.json', 'model.json', 'weights.bin']),
    );
    expect(await largestDifference(added, fake)).toBeLessThan(1e-5);
    // What is said of those that were there stays.
    const [before, after] = [createRouter(await read(old), { embedder: fake }), await openWith(fake)(added)];
    for (const request of REQUESTS.slice(0, 20)) {
      const [then, now] = [await before.predict(request), await after.predict(request)];
      for (let c = 0; c < 3; c++)
        expect(now.choice[c] / now.choice[0]).toBeCloseTo(then.choice[c] / then.choice[0], 4);
    }
  });

  test('a candidate added adds no layer', async () => {
    const layersOf = ({ files }: BuiltArtifact) =>
      JSON.parse(new TextDecoder().decode(files.get('heads.json'))).modelTopology.config.layers.map(
        ({ name }: { name: string }) => name,
      );
    const added = await withAdded(await read(all), 'twin', 'reckoner');
    expect(layersOf(added).sort()).toEqual(layersOf(all).sort());
  });
});

describe('a choice that is made of more than layers', () => {
  test('has no model.json, and card and manifest name what stands in the way', async () => {
    const sealed = await trainedSealed(plantedTraffic({ prompts: 300, seed: 4 }), {
      heads: ['knn'],
    });
    expect(sealed.manifest.model).toEqual({
      topology: 'heads.json',
      weights: 'weights.bin',
      notLayers: ['knn (quality_knn.bin)'],
    });
    expect(sealed.files.has('model.json')).toBe(false);
    expect(new TextDecoder().decode(sealed.files.get('CARD.md')).replaceAll('\\', '')).toContain(
      'since it is made of more than layers: knn (quality_knn.bin); heads.json holds',
    );
    const added = await withAdded(await read(sealed), 'twin', 'reckoner');
    expect(added.files.has('model.json')).toBe(false);
    expect(added.manifest.model.notLayers).toContain('knn (quality_knn.bin)');
  });
});

const rest = 'holds what of the router is made of layers.';
const files = { topology: 'heads.json', weights: 'weights.bin' };
test.each<[string, Manifest['model'], boolean, string]>([
  [
    'a model',
    { ...files, router: 'model.json' },
    false,
    'model.json is the choice as a TF.js model: predict of features gives the probabilities of the candidates, in their order.',
  ],
  [
    'a model, and a candidate retired',
    { ...files, router: 'model.json' },
    true,
    'model.json is the choice as a TF.js model: predict of features gives the probabilities of the candidates, in their ' +
      'order, the retired ones among them.',
  ],
  [
    'neighbours',
    { ...files, notLayers: ['knn (a.bin)', 'knn (b.bin)'] },
    false,
    `No TF.js model gives the choice alone, since it is made of more than layers: knn (a.bin), knn (b.bin); heads.json ${rest}`,
  ],
  [
    'a router of before',
    { topology: 'model.json', weights: 'weights.bin' },
    false,
    `No TF.js model gives the choice alone; model.json ${rest}`,
  ],
])('the card of %s says so', async (_, model, retired, sentence) => {
  const { manifest } = await tinyArtifact();
  const candidates = manifest.candidates.map((candidate, c) =>
    c === 0 && retired ? { ...candidate, retired } : candidate,
  );
  const changed = { ...manifest, candidates, model };
  expect(describeChoiceModel(changed)).toBe(sentence);
  const card = renderCard(changed, { verdict: 'None.', figures: [] });
  expect(card.replaceAll('\\', '')).toContain(`\n${sentence}\n`);
});

test.each<[string, object, string]>([
  ['that is in the weights', { chosen: { temperature: 0.9 } }, '0.900'],
  ['of its own', {}, '1.500'],
])('inspect shows a temperature %s', async (_, config, shown) => {
  const { manifest } = await tinyArtifact();
  const text = describeManifest({ ...manifest, provenance: { ...manifest.provenance, config } }, 200);
  expect(text).toContain(`choice at temperature ${shown}\n`);
  expect(text).toContain(`choice       ${describeChoiceModel(manifest)}\n`);
});

describe('features of requests', () => {
  test('need the embedder of the router', async () => {
    const artifact = await read(await tinyArtifact());
    await expect(requestFeatures(artifact, [{ text: 'a' }])).rejects.toThrow(
      '"fake" (custom) of 8 dimensions. Got none',
    );
    const other = { ...fakeAsyncEmbedder(), id: 'other' };
    await expect(requestFeatures(artifact, [{ text: 'a' }], { embedder: other })).rejects.toThrow(
      'Got "other" of 8',
    );
  });

  test('of no words are those of a vector of zeros, where the embedder makes nothing of them', async () => {
    const artifact = await read(await tinyArtifact());
    const blank = fakeAsyncEmbedder(async (texts) => texts.map(() => new Float32Array(8).fill(Number.NaN)));
    const zeros = fakeAsyncEmbedder(async (texts) => texts.map(() => new Float32Array(8)));
    const [got, expected] = await Promise.all(
      [blank, zeros].map((embedder) => requestFeatures(artifact, [{ text: ' ' }], { embedder })),
    );
    expect(got).toEqual(expected);
    expect(got.values.every(Number.isFinite)).toBe(true);
  });
});
