import type { HeadSpec, KnnTable } from 'pointsman/head';
import { weighOutputs } from '../fit/chain.ts';
import type { ModelOutputs } from '../fit/fold-head.ts';
import type { DenseLayer } from '../head/dense-chain.ts';
import { isSameChain, type JoinedLayer } from '../head/joined-layer.ts';
import type { HeadParts } from './head-parts.ts';
import { weightedOutput, weightedTable } from './weighted-output.ts';
import { widenHead } from './widen-head.ts';

/** A head with one more output, and the parts that it has beside those of before, widened. */
interface AddedOutput {
  readonly spec: HeadSpec;
  readonly outputs: ModelOutputs;
  readonly tables: ReadonlyMap<string, KnnTable>;
}

/**
 * Adds an output to a head: `Σ weight · output + constant` of those that are there, which give what they gave.
 *
 * A head that weighs its outputs' mean apart must not see a new one, so the widened head's last output is the mean of
 * the others, and members of a stack, which are 0 for all others, add what is missing.
 *
 * @param parts of the artifact, not widened
 * @param weights `[outputs]`
 * @param name what is new is called after, and nothing yet
 */
export function addOutput(
  spec: HeadSpec,
  parts: HeadParts,
  weights: Float64Array,
  constant: number,
  name: string,
): AddedOutput {
  const missing = weights.map((weight) => weight - 1 / weights.length);
  const sum = weighOutputs(spec, missing);
  const layers: { sources: JoinedLayer['sources']; layer: DenseLayer }[] = [];
  for (const [output, outputWeights] of sum.layers) {
    const { sources, layer: last } = parts.outputs.get(output) as JoinedLayer;
    const layer = weightedOutput(last, outputWeights);
    // What reads the same is one layer, so that a router to which many are added grows by a few each time.
    const same = layers.find((other) => isSame(other.sources, sources));
    if (same === undefined) layers.push({ sources, layer });
    else same.layer = addLayers(same.layer, layer);
  }
  const rest = constant + sum.constant;
  if (layers.length === 0 && rest !== 0)
    layers.push({ sources: [[]], layer: emptyLayer(parts.features, weights.length + 1) });
  if (layers.length > 0) layers[0].layer.bias[weights.length] += rest;

  const outputs = new Map<string, JoinedLayer>();
  const tables = new Map<string, KnnTable>();
  const members: { weight: number; head: HeadSpec }[] = [{ weight: 1, head: widenHead(spec) }];
  layers.forEach((added, i) => {
    const output = i === 0 ? name : `${name}_${i + 1}`;
    outputs.set(output, added);
    members.push({ weight: 1, head: { kind: 'layers', output } });
  });
  for (const [file, { spec: knn, weights: tableWeights }] of sum.tables) {
    const added = `${name}_${file}`;
    tables.set(added, weightedTable(parts.tables.get(file) as KnnTable, tableWeights));
    members.push({ weight: 1, head: { ...knn, file: added } });
  }
  return { spec: { kind: 'stack', members }, outputs, tables };
}

function isSame(a: JoinedLayer['sources'], b: JoinedLayer['sources']): boolean {
  return a.length === b.length && a.every((chain, i) => isSameChain(chain, b[i]));
}

function addLayers(a: DenseLayer, b: DenseLayer): DenseLayer {
  return { ...a, kernel: a.kernel.map((x, i) => x + b.kernel[i]), bias: a.bias.map((x, i) => x + b.bias[i]) };
}

function emptyLayer(inputs: number, outputs: number): DenseLayer {
  const kernel = new Float32Array(inputs * outputs);
  return { inputs, outputs, kernel, bias: new Float32Array(outputs), activation: 'linear' };
}
