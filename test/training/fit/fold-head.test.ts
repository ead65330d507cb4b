import { createHead, createRandom, type HeadSpec, readLayersModel, softmaxInto } from 'pointsman/internal';
import { describe, expect, test } from 'vitest';
import {
  foldHead,
  foldHeads,
  type JoinedLayer,
  joinedHead,
  joinedLayer,
  notLayers,
  packHeads,
  unpackHeads,
} from '../../../training/fit/fold-head.ts';
import type { DenseLayer } from '../../../training/fit/rows.ts';
import { exportLayersModel, useBackend } from '../../../training/fit/tensorflow.ts';

const FEATURES = 30;
const CANDIDATES = 5;
const random = createRandom(7);
const layer = (
  inputs: number,
  outputs: number,
  activation: DenseLayer['activation'] = 'linear',
): DenseLayer => ({
  inputs,
  outputs,
  kernel: Float32Array.from({ length: inputs * outputs }, () => random.normal() / Math.sqrt(inputs)),
  bias: Float32Array.from({ length: outputs }, () => random.normal()),
  activation,
});
const first = layer(FEATURES, CANDIDATES);
const tasks = layer(FEATURES, 3, 'softmax');
/** As training makes them: the curve reads the linear layer, and the task is the domain's first layer. */
const outputs = new Map<string, JoinedLayer>(
  Object.entries({
    choice: [layer(FEATURES, CANDIDATES)],
    linear: [first],
    curve: [first, layer(CANDIDATES, 8, 'tanh'), layer(8, CANDIDATES)],
    domain: [tasks, layer(3, CANDIDATES)],
    mlp: [layer(FEATURES, 6, 'relu'), layer(6, 4, 'sigmoid'), layer(4, CANDIDATES)],
    task: [tasks],
    bent: [layer(FEATURES, CANDIDATES, 'tanh')],
  }).map(([name, chain]) => [name, joinedLayer(chain)]),
);
const layers = (output: string): HeadSpec => ({ kind: 'layers', output });
const spread = (head: HeadSpec, level: number, deviation: number): HeadSpec => ({
  kind: 'spread',
  head,
  level,
  deviation,
});
const stack = (...members: [number, HeadSpec][]): HeadSpec => ({
  kind: 'stack',
  members: members.map(([weight, head]) => ({ weight, head })),
});
const extended = (head: HeadSpec, weights: readonly number[], constant: number): HeadSpec => ({
  kind: 'extend',
  head,
  weights,
  constant,
});
const knn: HeadSpec = { kind: 'knn', file: 'quality_knn.bin', rows: 9, neighbours: 3, from: 0, to: 8 };
const quality = stack(
  [1, spread(layers('linear'), 0.3, 0.8)],
  [1, spread(layers('domain'), 0.9, 0.2)],
  [1, spread(layers('curve'), 0, 1.1)],
);

const FOLDED: Record<string, HeadSpec> = {
  'one layer': layers('linear'),
  'a chain': layers('mlp'),
  'a spread': spread(layers('linear'), 0.4, 1.7),
  'a spread of differences alone': spread(layers('curve'), 0, 2),
  'a stack with a member twice': stack(
    [0.5, layers('linear')],
    [-2, layers('mlp')],
    [0.25, layers('linear')],
  ),
  'members that weigh nothing': stack([0, layers('mlp')], [0, layers('linear')]),
  'the quality that training makes': quality,
  'the choice that training makes': stack([1, layers('choice')], [0.7, spread(quality, 0, 1)]),
  'all in one another': stack([0.6, spread(stack([1.8, quality], [1, layers('choice')]), 0.5, 0.5)]),
  'a candidate added to one layer': extended(layers('linear'), [0.2, -0.3, 0.4, 0.5, 0.2], -1.5),
  'a candidate added to what training makes': extended(quality, [1, 0, 0, -0.2, 0.2], 0.4),
  'a candidate added to one that was added': extended(
    extended(stack([0.7, quality]), [0.2, 0.2, 0.2, 0.2, 0.2], 2),
    [0.1, 0.3, 0, 0, -0.4, 1],
    -0.3,
  ),
  'candidates added within a stack': stack(
    [0.6, extended(layers('curve'), [0, 0, 1, 0, 0], 1)],
    [0, { kind: 'logit', head: extended(layers('mlp'), [0, 0, 0, 0, 1], 0), prior: [0, 0, 0, 0, 0, 0] }],
    [2, spread(extended(layers('mlp'), [0.5, 0, 0, 0, 0.5], 0), 0.3, 1.2)],
  ),
};

function featureRows(count: number): Float32Array[] {
  return Array.from({ length: count }, () =>
    Float32Array.from({ length: FEATURES }, () => 2 * random.normal()),
  );
}

/** What the shipped heads say, put together as the spec says. */
const context = {
  layers: {
    inputs: FEATURES,
    outputNames: [...outputs.keys()],
    head: (name: string) => joinedHead(outputs.get(name)!, FEATURES),
  },
  file: () => new Uint8Array(),
};

describe('a head made of layers is one layer', () => {
  test.each(Object.entries(FOLDED))('%s', (_, spec) => {
    for (const scale of [1, 1 / 0.7]) {
      const folded = joinedHead(foldHead(spec, outputs, scale)!, FEATURES);
      const head = createHead(spec, context);
      expect(folded.outputs).toBe(head.outputs);
      const [got, expected] = [new Float32Array(head.outputs), new Float32Array(head.outputs)];
      for (const row of featureRows(20)) {
        folded.predictInto(row, got);
        head.predictInto(row, expected);
        for (let c = 0; c < head.outputs; c++) expect(got[c]).toBeCloseTo(scale * expected[c], 4);
      }
    }
  });

  test('what the curve reads is not read from the features again, unless those are read anyway', () => {
    const sizes = (spec: HeadSpec) => foldHead(spec, outputs)!.layer.inputs;
    expect(sizes(quality)).toBe(CANDIDATES + 3 + 8);
    expect(sizes(FOLDED['the choice that training makes'])).toBe(FEATURES + 3 + 8);
    expect(sizes(stack([1, layers('linear')], [1, layers('mlp')]))).toBe(FEATURES + 4);
  });
});

test.each<[HeadSpec, string[]]>([
  [quality, []],
  [knn, ['knn (quality_knn.bin)']],
  [stack([1, quality], [0.3, spread(knn, 1, 1)], [0.3, knn]), ['knn (quality_knn.bin)']],
  [layers('bent'), ['bent (tanh)']],
  [stack([1, quality], [0, knn]), []],
  [layers('nowhere'), ['nowhere (unknown)']],
  [extended(stack([1, quality], [1, knn]), [1, 0, 0, 0, 0], 0), ['knn (quality_knn.bin)']],
  [stack([0.5, { kind: 'logit', head: knn, prior: [0, 0, 0, 0, 0] }]), ['knn (quality_knn.bin)', 'logit']],
])('what is not made of layers is named, and is not folded: %#', (spec, names) => {
  expect(notLayers(spec, outputs)).toEqual(names);
  expect(foldHead(spec, outputs) === null).toBe(names.length > 0);
});

const calibrators = Array.from({ length: CANDIDATES }, () => ({ kind: 'identity' as const }));
const heads = (choice: HeadSpec, success: HeadSpec) => ({
  choice: { head: choice, temperature: 1.6 },
  success: { head: success, calibrators },
  cost: null,
  latency: null,
});

describe('heads, folded', () => {
  const prior = [0.5, 0.5, 0.5, 0.5, 0.5];
  const folded = foldHeads(
    {
      heads: heads(FOLDED['the choice that training makes'], { kind: 'logit', prior, head: quality }),
      outputs,
    },
    'task',
  );

  test('are an output each, beside the task, and the choice has its temperature in the weights', () => {
    expect([...folded.outputs.keys()].sort()).toEqual(['choice', 'quality', 'task']);
    expect(folded.heads.choice).toEqual({ head: { kind: 'layers', output: 'choice' }, temperature: 1 });
    expect(folded.heads.success.head).toEqual({
      kind: 'logit',
      prior,
      head: { kind: 'layers', output: 'quality' },
    });
    expect(folded.outputs.get('task')).toBe(outputs.get('task'));
  });

  test('say the same to the bit where they were handed over as bytes', () => {
    const [again] = unpackHeads(packHeads([folded]));
    expect(again.heads).toEqual(folded.heads);
    const features = Float32Array.from({ length: FEATURES }, () => random.normal());
    for (const name of folded.outputs.keys()) {
      const [said, before] = [again, folded].map(({ outputs }) => {
        const head = joinedHead(outputs.get(name)!, FEATURES);
        const out = new Float32Array(head.outputs);
        head.predictInto(features, out);
        return out;
      });
      expect(said).toEqual(before);
    }
  });

  test('are folded once: again is the same', () => {
    const again = foldHeads(folded, 'task');
    expect(again.heads).toEqual(folded.heads);
    expect([...again.outputs]).toEqual([...folded.outputs]);
  });

  test('are a column more where a candidate is added, under the same names', () => {
    const { choice, success } = folded.heads;
    const weights = [0.3, 0.3, 0.2, 0.1, 0.1];
    const more = foldHeads(
      {
        heads: heads(extended(choice.head, weights, 1), extended(success.head, weights, 0)),
        outputs: folded.outputs,
      },
      'task',
    );
    expect(more.heads.choice).toEqual({ head: { kind: 'layers', output: 'choice' }, temperature: 1 });
    expect([...more.outputs.keys()].sort()).toEqual(['choice', 'quality', 'task']);
    expect(more.outputs.get('choice')!.layer.outputs).toBe(CANDIDATES + 1);
    expect(more.outputs.get('choice')!.sources).toEqual(folded.outputs.get('choice')!.sources);
    expect(more.outputs.get('task')).toBe(outputs.get('task'));
  });

  test('keep what a head with neighbours is made of, and that temperature', () => {
    const choice = stack([1, layers('choice')], [0.2, spread(stack([1, layers('mlp')], [1, knn]), 0, 1)]);
    const mixed = foldHeads({ heads: heads(choice, quality), outputs });
    expect(mixed.heads.choice).toEqual({ head: choice, temperature: 1.6 });
    expect([...mixed.outputs.keys()].sort()).toEqual(['choice', 'mlp', 'success']);
  });

  test('TF.js reads all outputs, and the choice alone as probabilities, from one file of weights', async () => {
    const { tf } = await useBackend();
    const { modelJson, softmaxJson, weights } = await exportLayersModel(Object.fromEntries(folded.outputs), {
      softmax: 'choice',
    });
    const open = async (text: string) => {
      const { modelTopology, weightsManifest } = JSON.parse(text);
      const weightData = weights.slice().buffer;
      return tf.loadLayersModel(
        tf.io.fromMemory({ modelTopology, weightSpecs: weightsManifest[0].weights, weightData }),
      );
    };
    const [all, choice] = [await open(modelJson), await open(softmaxJson!)];
    expect(choice.layers.map((one) => one.getClassName()).sort()).toEqual(
      ['Concatenate', 'Dense', 'Dense', 'Dense', 'Dense', 'InputLayer'].sort(),
    );
    const own = readLayersModel(JSON.parse(modelJson), weights);
    const rows = featureRows(20);
    const input = tf.stack(rows.map((row) => tf.tensor1d(row)));
    const probabilities = choice.predict(input);
    if (Array.isArray(probabilities)) throw new TypeError('one tensor');
    expect(probabilities.shape).toEqual([20, CANDIDATES]);
    const spec = FOLDED['the choice that training makes'];
    const [logits, expected] = [new Float32Array(CANDIDATES), new Float64Array(CANDIDATES)];
    rows.forEach((row, r) => {
      createHead(spec, context).predictInto(row, logits);
      softmaxInto(logits, expected, 1.6);
      for (let c = 0; c < CANDIDATES; c++)
        expect(Math.abs(probabilities.dataSync()[r * CANDIDATES + c] - expected[c])).toBeLessThan(1e-5);
    });
    const predicted = all.predict(input) as ReturnType<typeof tf.tensor>[];
    expect(all.outputNames).toEqual(own.outputNames);
    own.outputNames.forEach((name, o) => {
      const out = new Float32Array(own.head(name).outputs);
      own.head(name).predictInto(rows[0], out);
      out.forEach((value, c) => {
        expect(Math.abs(predicted[o].dataSync()[c] - value)).toBeLessThan(1e-5);
      });
    });
    // Linear, tanh and tasks once, and a last layer each: the task is no layer beside the domain's.
    const floats =
      (FEATURES + 1) * CANDIDATES +
      (CANDIDATES + 1) * 8 +
      (FEATURES + 1) * 3 +
      (FEATURES + 3 + 8 + 1) * CANDIDATES;
    expect(weights.length).toBe(4 * (floats + (CANDIDATES + 3 + 8 + 1) * CANDIDATES));
  });

  test('heads of one turn share their layers, and a new turn reads new features', async () => {
    const { modelJson, weights } = await exportLayersModel(Object.fromEntries(folded.outputs));
    const turn = { count: 0 };
    const shared = readLayersModel(JSON.parse(modelJson), weights, turn);
    const alone = readLayersModel(JSON.parse(modelJson), weights);
    const [got, expected] = [new Float32Array(CANDIDATES), new Float32Array(CANDIDATES)];
    for (const row of featureRows(5)) {
      turn.count++;
      for (const name of ['quality', 'choice', 'quality']) {
        shared.head(name).predictInto(row, got);
        alone.head(name).predictInto(row, expected);
        expect(got).toEqual(expected);
      }
    }
    const other = featureRows(1)[0];
    shared.head('choice').predictInto(other, got);
    alone.head('choice').predictInto(other, expected);
    expect(got).not.toEqual(expected);
  });
});

test('names of inner layers do not meet those of outputs', async () => {
  const hidden = layer(FEATURES, 4, 'relu');
  const { modelJson } = await exportLayersModel({
    a: { sources: [[hidden], []], layer: layer(4 + FEATURES, 2) },
    a_1: [layer(FEATURES, 3)],
    a_inputs: [hidden, layer(4, 3)],
  });
  const names = JSON.parse(modelJson).modelTopology.config.layers.map((one: { name: string }) => one.name);
  expect(names.sort()).toEqual(['a', 'a_1', 'a_2', 'a_inputs', 'a_inputs2', 'features']);
});
