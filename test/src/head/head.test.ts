import fc from 'fast-check';
import { ArtifactError } from 'pointsman';
import {
  createHead,
  type Head,
  type HeadSpec,
  KnnHead,
  type KnnTable,
  type LayersModel,
  readKnnFile,
  readKnnHead,
  readLayersModel,
} from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import { encodeKnn } from '../../../training/train/quality.ts';

const node = (name: string) => [[[name, 0, 0, {}]]];
const dense = (name: string, from: string, units: number, activation = 'linear') => ({
  class_name: 'Dense',
  name,
  config: { name, units, activation, use_bias: true },
  inbound_nodes: node(from),
});
const modelJson = {
  format: 'layers-model',
  modelTopology: {
    class_name: 'Functional',
    config: {
      name: 'm',
      layers: [
        { class_name: 'InputLayer', name: 'x', config: { batch_input_shape: [null, 2] }, inbound_nodes: [] },
        dense('hidden', 'x', 2, 'relu'),
        { class_name: 'Dropout', name: 'drop', config: {}, inbound_nodes: node('hidden') },
        {
          class_name: 'Concatenate',
          name: 'both',
          config: {},
          inbound_nodes: [
            [
              ['x', 0, 0, {}],
              ['drop', 0, 0, {}],
            ],
          ],
        },
        dense('success', 'both', 1),
        {
          class_name: 'Add',
          name: 'sum',
          config: {},
          inbound_nodes: [
            [
              ['x', 0, 0, {}],
              ['hidden', 0, 0, {}],
            ],
          ],
        },
      ],
      input_layers: [['x', 0, 0]],
      output_layers: [
        ['success', 0, 0],
        ['sum', 0, 0],
      ],
    },
  },
  weightsManifest: [
    {
      paths: ['weights.bin'],
      weights: [
        { name: 'hidden/kernel', shape: [2, 2], dtype: 'float32' },
        { name: 'hidden/bias', shape: [2], dtype: 'float32' },
        { name: 'success/kernel', shape: [4, 1], dtype: 'float32' },
        { name: 'success/bias', shape: [1], dtype: 'float32' },
      ],
    },
  ],
};
const weights = new Uint8Array(Float32Array.of(1, 0, 0, 1, 0, -1, 1, 10, 100, 1000, 0.5).buffer);
const predict = (head: Head, ...features: number[]) => {
  const out = new Float32Array(head.outputs);
  head.predictInto(Float32Array.from(features), out);
  return [...out];
};

describe('readLayersModel', () => {
  const model = readLayersModel(modelJson, weights);

  test('runs Dense, Dropout, Concatenate and Add', () => {
    expect(model.inputs).toBe(2);
    // hidden = relu([2, 3 - 1]) = [2, 2]; 2 + 30 + 200 + 2000 + 0.5
    expect(predict(model.head('success'), 2, 3)).toEqual([2232.5]);
    expect(predict(model.head('sum'), 2, 3)).toEqual([4, 5]);
    expect(predict(model.head('sum'), -2, 0)).toEqual([-2, 0]);
  });

  test('names the outputs there are', () => {
    expect(() => model.head('cost')).toThrow('must name an output of the model (success, sum). Got "cost".');
  });

  test.each([
    ['a layer of another kind', (m: typeof modelJson) => ({ ...m, format: 'graph-model' })],
    [
      'a wrong shape',
      (m: typeof modelJson) => {
        m.weightsManifest[0].weights[0].shape = [4, 1];
        return m;
      },
    ],
    [
      'a layer that reads itself',
      (m: typeof modelJson) => {
        m.modelTopology.config.layers[1].inbound_nodes = node('hidden') as never;
        return m;
      },
    ],
    [
      'an unknown output',
      (m: typeof modelJson) => {
        m.modelTopology.config.output_layers[0][0] = 'nothing';
        return m;
      },
    ],
  ])('refuses %s', (_, edit) => {
    expect(() => readLayersModel(edit(structuredClone(modelJson)), weights)).toThrow(ArtifactError);
  });

  test('refuses weights cut short, too long, or not finite', () => {
    expect(() => readLayersModel(modelJson, weights.subarray(0, 40))).toThrow('Got 40 bytes');
    expect(() => readLayersModel(modelJson, new Uint8Array(48))).toThrow('must have 44 bytes');
    const broken = weights.slice();
    new DataView(broken.buffer).setFloat32(8, Number.NaN, true);
    expect(() => readLayersModel(modelJson, broken)).toThrow('"hidden/kernel" of the model must be finite');
  });

  test('any JSON is a model or an ArtifactError', () => {
    const paths = ['format', 'modelTopology', 'weightsManifest'] as const;
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
        try {
          readLayersModel({ ...modelJson, [path]: value }, weights);
        } catch (error) {
          expect(error).toBeInstanceOf(ArtifactError);
        }
      }),
    );
  });
});

const table: KnnTable = {
  rows: 3,
  dimensions: 2,
  outputs: 2,
  shrinkage: 1,
  sharpness: 1,
  scales: Float32Array.of(1 / 127, 1 / 127, 1 / 127),
  weights: Float32Array.of(1, 1, 1),
  prior: Float32Array.of(0.5, 0.5),
  outcomes: Float32Array.of(1, 0, 0, Number.NaN, 0.2, 0.2),
  vectors: Int8Array.of(127, 0, 0, 127, -127, 0),
};

describe('KnnHead', () => {
  const head = new KnnHead(table, { inputs: 3, from: 1, to: 3, neighbours: 2 });

  test('weighs neighbours by cosine beside the prior', () => {
    expect(predict(head, 9, 5, 0)).toEqual([0.75, 0.25]);
    const half = Math.SQRT1_2;
    const [first, second] = predict(head, 9, 1, 1);
    expect(first).toBeCloseTo((0.5 + half) / (1 + 2 * half), 6);
    expect(second).toBeCloseTo(0.5 / (1 + half), 6);
  });

  test('gives the prior for a query of zeros, and for one that resembles nothing', () => {
    expect(predict(head, 1, 0, 0)).toEqual([0.5, 0.5]);
    expect(predict(head, 1, 0, -1)).toEqual([0.5, 0.5]);
  });

  test('its file is refused when cut, of another version, or holding what it must not', () => {
    const bytes = encodeKnn(table);
    expect(() => readKnnFile(bytes.subarray(0, 60))).toThrow(ArtifactError);
    expect(() => readKnnFile(new Uint8Array(4))).toThrow('must begin with "PKNN"');
    const linked = bytes.slice();
    linked[20] = 1;
    expect(() => readKnnFile(linked)).toThrow(
      /Got 1: links of means are read no more\. Train the router again/,
    );
    const newer = bytes.slice();
    newer[4] = 9;
    expect(() => readKnnFile(newer)).toThrow('Got 9. Update pointsman.');
    expect(() => readKnnFile(encodeKnn({ ...table, prior: Float32Array.of(Infinity, 0) }))).toThrow(
      'prior and outcomes',
    );
  });

  test('any bytes are a table or an ArtifactError', () => {
    const bytes = encodeKnn(table);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const edited = bytes.slice();
        edited[at] = value;
        try {
          readKnnFile(edited);
        } catch (error) {
          expect(error).toBeInstanceOf(ArtifactError);
        }
      }),
    );
  });
});

describe('createHead', () => {
  const layers: LayersModel = readLayersModel(modelJson, weights);
  const context = { layers, file: () => encodeKnn(table), knn: readKnnHead };
  const sum: HeadSpec = { kind: 'layers', output: 'sum' };
  const knn: HeadSpec = { kind: 'knn', file: 'knn.bin', rows: 3, neighbours: 2, from: 0, to: 2 };

  test('composes layers, kNN, stack and spread', () => {
    const stack: HeadSpec = {
      kind: 'stack',
      members: [
        { weight: 2, head: sum },
        { weight: 4, head: knn },
      ],
    };
    expect(predict(createHead(stack, context), 5, 0)).toEqual([2 * 10 + 3, 1]);
    const apart: HeadSpec = { kind: 'spread', head: sum, level: 2, deviation: 0.5 };
    expect(predict(createHead(apart, context), 5, 0)).toEqual([12.5, 7.5]);
  });

  test('an extension leaves the outputs of its head, and adds a weighted sum of them and a constant', () => {
    const once: HeadSpec = { kind: 'extend', head: sum, weights: [0.5, -2], constant: 3 };
    expect(predict(createHead(sum, context), 5, 4)).toEqual([10, 7]);
    expect(predict(createHead(once, context), 5, 4)).toEqual([10, 7, -6]);
    const twice: HeadSpec = { kind: 'extend', head: once, weights: [1, 0, 0.25], constant: -1 };
    expect(predict(createHead(twice, context), 5, 4)).toEqual([10, 7, -6, 7.5]);
    const ofNeighbours: HeadSpec = { kind: 'extend', head: knn, weights: [1, 2], constant: 0 };
    const [first, second] = predict(createHead(knn, context), 5, 0);
    expect(predict(createHead(ofNeighbours, context), 5, 0)).toEqual([first, second, first + 2 * second]);
  });

  test.each<HeadSpec>([
    { kind: 'stack', members: [] },
    {
      kind: 'stack',
      members: [
        { weight: 1, head: sum },
        { weight: 1, head: { kind: 'layers', output: 'success' } },
      ],
    },
    { kind: 'stack', members: [{ weight: Number.NaN, head: sum }] },
    { kind: 'logit', head: sum, prior: [0] },
    { kind: 'logit', head: sum, prior: [0, Number.NaN] },
    { kind: 'extend', head: sum, weights: [1], constant: 0 },
    { kind: 'extend', head: sum, weights: [1, 0, 0], constant: 0 },
    { kind: 'extend', head: sum, weights: [1, Number.NaN], constant: 0 },
    { kind: 'extend', head: sum, weights: [1, 0], constant: Infinity },
    { ...knn, rows: 4 },
    { ...knn, to: 3 },
    { ...knn, neighbours: 0 },
  ])('refuses parts that do not fit: %j', (spec) => {
    expect(() => createHead(spec, context)).toThrow(ArtifactError);
  });
});
