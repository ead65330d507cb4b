import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRandom, type LayersModel, readLayersModel } from 'pointsman/internal';
import { beforeAll, expect, test } from 'vitest';
import type { DenseChain, DenseLayer } from '../../../training/fit/rows.ts';
import {
  type Backend,
  type ExportedModel,
  exportLayersModel,
  useBackend,
} from '../../../training/fit/tensorflow.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const random = createRandom(4);
const layer = (inputs: number, outputs: number, activation: DenseLayer['activation']): DenseLayer => ({
  inputs,
  outputs,
  kernel: Float32Array.from({ length: inputs * outputs }, () => random.normal() / Math.sqrt(inputs)),
  bias: Float32Array.from({ length: outputs }, () => random.normal()),
  activation,
});
const trunk = [layer(40, 16, 'relu'), layer(16, 8, 'tanh')];
const chains: Record<string, DenseChain> = {
  choice: [layer(40, 9, 'linear')],
  success: [...trunk, layer(8, 9, 'linear')],
  cost: [...trunk, layer(8, 9, 'linear')],
  latency: [layer(40, 5, 'softmax'), layer(5, 9, 'linear')],
  odd: [layer(40, 3, 'sigmoid'), layer(3, 1, 'linear')],
};

let backend: Backend;
let exported: ExportedModel;
let own: LayersModel;
beforeAll(async () => {
  backend = await useBackend();
  exported = await exportLayersModel(chains);
  own = readLayersModel(JSON.parse(exported.modelJson), exported.weights);
});

async function compare(model: Awaited<ReturnType<Backend['tf']['loadLayersModel']>>): Promise<void> {
  const { tf } = backend;
  const rows = 20;
  const features = Float32Array.from({ length: rows * 40 }, () => 2 * random.normal());
  const predicted = model.predict(tf.tensor2d(features, [rows, 40])) as ReturnType<typeof tf.tensor>[];
  expect(model.outputNames).toEqual(own.outputNames);
  own.outputNames.forEach((name, o) => {
    const head = own.head(name);
    const out = new Float32Array(head.outputs);
    const theirs = predicted[o].dataSync();
    for (let row = 0; row < rows; row++) {
      head.predictInto(features.subarray(row * 40, row * 40 + 40), out);
      out.forEach((value, c) => {
        expect(Math.abs(value - theirs[row * head.outputs + c])).toBeLessThan(1e-5);
      });
    }
  });
}

test('TF.js loads the model from memory, and pointsman agrees with it to 1e-5', async () => {
  const { modelTopology, weightsManifest } = JSON.parse(exported.modelJson);
  const handler = backend.tf.io.fromMemory({
    modelTopology,
    weightSpecs: weightsManifest[0].weights,
    weightData: exported.weights.slice().buffer,
  });
  await compare(await backend.tf.loadLayersModel(handler));
});

const { folder } = temporaryFolder();

test('TF.js loads the model from its two files, and pointsman agrees with it to 1e-5', async () => {
  await writeFile(join(folder, 'model.json'), exported.modelJson);
  await writeFile(join(folder, 'weights.bin'), exported.weights);
  const model = await backend.tf.loadLayersModel({
    load: async () => {
      const json = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8'));
      const [{ paths, weights }] = json.weightsManifest;
      const bytes = await readFile(join(folder, paths[0]));
      return { ...json, weightSpecs: weights, weightData: Uint8Array.from(bytes).buffer };
    },
  });
  await compare(model);
});

test('layers that chains share are written once', () => {
  const floats =
    40 * 9 + 9 + (40 * 16 + 16 + 16 * 8 + 8) + 2 * (8 * 9 + 9) + (40 * 5 + 5 + 5 * 9 + 9) + (123 + 4);
  expect(exported.weights.length).toBe(4 * floats);
});

test('the same chains give the same bytes', async () => {
  const again = await exportLayersModel(chains);
  expect(again.modelJson).toBe(exported.modelJson);
  expect(Buffer.from(again.weights).equals(Buffer.from(exported.weights))).toBe(true);
});

test('chains must read features of one length', async () => {
  await expect(exportLayersModel({ a: [layer(3, 1, 'linear')], b: [layer(4, 1, 'linear')] })).rejects.toThrow(
    'features of one length',
  );
  await expect(exportLayersModel({})).rejects.toThrow('Got 0 outputs');
});
