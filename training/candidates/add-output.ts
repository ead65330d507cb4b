import type { HeadSpec, KnnTable } from 'pointsman/head';
import type { DenseChain, DenseLayer } from '../head/index.ts';
import type { HeadParts } from './head-parts.ts';
import { weighOutputs } from './weigh-outputs.ts';
import { weightedOutput, weightedTable } from './weighted-output.ts';
import { widenHead } from './widen-head.ts';

/** A head with one more output, and the parts that it has beside those of before, widened. */
export interface AddedOutput {
  readonly spec: HeadSpec;
  readonly chains: ReadonlyMap<string, DenseChain>;
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
  const layers: { before: DenseChain; layer: DenseLayer }[] = [];
  for (const [output, outputWeights] of sum.layers) {
    const chain = parts.chains.get(output) as DenseChain;
    const before = chain.slice(0, -1);
    const layer = weightedOutput(chain[chain.length - 1], outputWeights);
    // What reads the same layer is one layer, so that a router to which many are added grows by a few each time.
    const same = layers.find((other) => isSame(other.before, before));
    if (same === undefined) layers.push({ before, layer });
    else same.layer = addLayers(same.layer, layer);
  }
  const rest = constant + sum.constant;
  if (layers.length === 0 && rest !== 0) {
    const [[{ inputs }]] = parts.chains.values();
    layers.push({ before: [], layer: emptyLayer(inputs, weights.length + 1) });
  }
  if (layers.length > 0) layers[0].layer.bias[weights.length] += rest;

  const chains = new Map<string, DenseChain>();
  const tables = new Map<string, KnnTable>();
  const members: { weight: number; head: HeadSpec }[] = [{ weight: 1, head: widenHead(spec) }];
  layers.forEach(({ before, layer }, i) => {
    const output = i === 0 ? name : `${name}_${i + 1}`;
    chains.set(output, [...before, layer]);
    members.push({ weight: 1, head: { kind: 'layers', output } });
  });
  for (const [file, { spec: knn, weights: tableWeights }] of sum.tables) {
    const added = `${name}_${file}`;
    tables.set(added, weightedTable(parts.tables.get(file) as KnnTable, tableWeights));
    members.push({ weight: 1, head: { ...knn, file: added } });
  }
  return { spec: { kind: 'stack', members }, chains, tables };
}

function isSame(a: DenseChain, b: DenseChain): boolean {
  return a.length === b.length && a.every((layer, i) => layer === b[i]);
}

function addLayers(a: DenseLayer, b: DenseLayer): DenseLayer {
  return { ...a, kernel: a.kernel.map((x, i) => x + b.kernel[i]), bias: a.bias.map((x, i) => x + b.bias[i]) };
}

function emptyLayer(inputs: number, outputs: number): DenseLayer {
  const kernel = new Float32Array(inputs * outputs);
  return { inputs, outputs, kernel, bias: new Float32Array(outputs), activation: 'linear' };
}
