import type { CalibratorParameters } from 'pointsman';
import type { AmountPart, Manifest, ManifestHeads } from 'pointsman/artifact';
import { createCalibrator } from 'pointsman/calibrator';
import type { HeadSpec, KnnTable } from 'pointsman/head';
import { logit } from 'pointsman/math';
import { type DenseLayer, weighOutputs } from '../fit/chain.ts';
import { foldHeads, isSameChain, type JoinedLayer, type ModelOutputs } from '../fit/fold-head.ts';
import { encodeKnn } from '../fit/knn.ts';
import type { AmountOutput, Probes } from './posterior.ts';
import type { HeadParts } from './read-heads.ts';

/** Heads with one candidate more, the last, and what they are made of. */
interface WidenedHeads {
  readonly heads: ManifestHeads;
  readonly outputs: ModelOutputs;
  /** Files of neighbour tables. */
  readonly tables: ReadonlyMap<string, Uint8Array>;
}

/**
 * @param weights of the known candidates in the new one, which sum to 1
 * @param routedBy mean success that the new one is to have over the traffic
 * @param inputRate US dollars that an input token of the new one costs, where cost heads leave that out
 */
export function addToHeads(
  manifest: Manifest,
  parts: HeadParts,
  probes: Probes,
  weights: Float64Array,
  routedBy: number,
  inputRate: number,
): WidenedHeads {
  const { heads, candidates, task } = manifest;
  const outputs = new Map<string, JoinedLayer>();
  const tables = new Map<string, Uint8Array>();
  // Tasks are no candidates.
  for (const [name, output] of parts.outputs)
    outputs.set(name, name === task?.output ? output : widenOutput(output));
  for (const [file, table] of parts.tables) tables.set(file, encodeKnn(widenTable(table)));
  const add = (name: string, spec: HeadSpec, outputWeights: Float64Array, constant: number): HeadSpec => {
    const added = addOutput(spec, parts, outputWeights, constant, `added${candidates.length}_${name}`);
    for (const [output, layer] of added.outputs) outputs.set(output, layer);
    for (const [file, table] of added.tables) tables.set(file, encodeKnn(table));
    return added.spec;
  };
  const level = levelFor(manifest, probes, weights, routedBy);
  const like = weights.reduce((sum, weight, c) => sum + weight * candidates[c].meanQuality, 0);
  const success = heads.success.head;
  const amount = (name: string, part: AmountPart, { weights: own, scale }: AmountOutput): AmountPart => ({
    head: add(name, part.head, own, 0),
    scales: [...part.scales, scale],
    ...(part.bounds === undefined ? {} : { bounds: [...part.bounds, around(part.bounds)] }),
  });
  const { cost, costBesideInput, latency, outputTokens } = heads;
  const { costRaw, latencyRaw, outputRaw } = probes.own;
  const widened: ManifestHeads = {
    choice: {
      ...heads.choice,
      head: add('choice', heads.choice.head, weights, choiceWeight(manifest, probes) * (routedBy - like)),
    },
    success: {
      head:
        success.kind === 'logit'
          ? {
              kind: 'logit',
              prior: [...success.prior, level.value],
              head: add('success', success.head, weights, 0),
            }
          : add('success', success, weights, level.value),
      calibrators: [...heads.success.calibrators, level.calibrator],
    },
    cost: cost && amount('cost', cost, costRaw),
    latency: latency && amount('latency', latency, latencyRaw),
    ...(outputTokens === undefined ? {} : { outputTokens: amount('outputTokens', outputTokens, outputRaw) }),
    ...(costBesideInput === undefined
      ? {}
      : {
          costBesideInput: {
            ...amount('costBesideInput', costBesideInput, costRaw),
            perInputToken: [...costBesideInput.perInputToken, inputRate],
          },
        }),
  };
  return { ...foldHeads({ heads: widened, outputs }, task?.output), tables };
}

/** What holds the others holds the new one, whoever it is most like. */
function around(bounds: NonNullable<AmountPart['bounds']>): readonly [number, number] {
  return bounds.reduce(([least, most], [from, to]) => [Math.min(least, from), Math.max(most, to)]);
}

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
function addOutput(
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

/**
 * A layer with one more output than `layer`, all 0 but the last, which is a weighted sum of the layer's outputs.
 *
 * @param weights `[outputs]`
 */
function weightedOutput(layer: DenseLayer, weights: Float64Array): DenseLayer {
  const { inputs, outputs } = layer;
  const kernel = new Float32Array(inputs * (outputs + 1));
  for (let i = 0; i < inputs; i++) {
    let sum = 0;
    for (let c = 0; c < outputs; c++) sum += weights[c] * layer.kernel[i * outputs + c];
    kernel[i * (outputs + 1) + outputs] = sum;
  }
  const bias = new Float32Array(outputs + 1);
  bias[outputs] = weights.reduce((sum, weight, c) => sum + weight * layer.bias[c], 0);
  return { inputs, outputs: outputs + 1, kernel, bias, activation: 'linear' };
}

/** The same of a table of neighbours whose every cell was seen. */
function weightedTable(table: KnnTable, weights: Float64Array): KnnTable {
  const { rows, outputs } = table;
  const combined = (values: Float32Array, count: number) => {
    const out = new Float32Array(count * (outputs + 1));
    for (let row = 0; row < count; row++) {
      let sum = 0;
      for (let c = 0; c < outputs; c++) sum += weights[c] * values[row * outputs + c];
      out[row * (outputs + 1) + outputs] = sum;
    }
    return out;
  };
  return {
    ...table,
    outputs: outputs + 1,
    outcomes: combined(table.outcomes, rows),
    prior: combined(table.prior, 1),
  };
}

/**
 * The head with one more output, the last: the mean of the others'. Nothing changes for those, also where the head
 * weighs the mean over outputs apart, since that mean stays what it was. Holds for every kind that is linear in what it
 * is made of; of a `logit` head the last output is what its own prior and the mean inside make.
 *
 * @param prior of a `logit` head: the new candidate's
 */
function widenHead(spec: HeadSpec, prior = 0): HeadSpec {
  switch (spec.kind) {
    case 'layers':
    case 'knn':
      return spec;
    case 'stack':
      return {
        ...spec,
        members: spec.members.map(({ weight, head }) => ({ weight, head: widenHead(head, prior) })),
      };
    case 'spread':
      return { ...spec, head: widenHead(spec.head, prior) };
    case 'shrunk': {
      const mean = spec.prior.reduce((sum, x) => sum + x, 0) / spec.prior.length;
      return { ...spec, head: widenHead(spec.head, prior), prior: [...spec.prior, mean] };
    }
    case 'logit':
      return { ...spec, head: widenHead(spec.head, prior), prior: [...spec.prior, prior] };
  }
}

/** A layer with one more output, the mean of the others. */
function widenOutput({ sources, layer }: JoinedLayer): JoinedLayer {
  const { inputs, outputs } = layer;
  const mean = weightedOutput(layer, new Float64Array(outputs).fill(1 / outputs));
  const kernel = new Float32Array(inputs * (outputs + 1));
  for (let i = 0; i < inputs; i++) {
    kernel.set(layer.kernel.subarray(i * outputs, (i + 1) * outputs), i * (outputs + 1));
    kernel[i * (outputs + 1) + outputs] = mean.kernel[i * (outputs + 1) + outputs];
  }
  const bias = Float32Array.from([...layer.bias, mean.bias[outputs]]);
  const wide: DenseLayer = { ...layer, outputs: outputs + 1, kernel, bias };
  return { sources, layer: wide };
}

/** A table of neighbours with one more column, the mean of the others. */
function widenTable(table: KnnTable): KnnTable {
  const { rows, outputs } = table;
  const mean = weightedTable(table, new Float64Array(outputs).fill(1 / outputs));
  const outcomes = new Float32Array(rows * (outputs + 1));
  for (let row = 0; row < rows; row++) {
    outcomes.set(table.outcomes.subarray(row * outputs, (row + 1) * outputs), row * (outputs + 1));
    outcomes[row * (outputs + 1) + outputs] = mean.outcomes[row * (outputs + 1) + outputs];
  }
  return {
    ...table,
    outputs: outputs + 1,
    outcomes,
    prior: Float32Array.from([...table.prior, mean.prior[outputs]]),
  };
}

/** More than this and a hundredth of quality would decide everything. */
const MOST = 50;

/**
 * What a unit of mean quality is worth in the choice head's output: the slope, over the known candidates, of its mean
 * over the probes against their mean quality.
 *
 * @returns 0 or more; 0 where the candidates' means hardly differ
 */
function choiceWeight({ candidates }: Manifest, { choice, own }: Probes): number {
  const columns = candidates.length;
  const count = own.quality.length;
  const center = candidates.reduce((sum, { meanQuality }) => sum + meanQuality, 0) / columns;
  let [products, squares] = [0, 0];
  candidates.forEach(({ meanQuality }, c) => {
    let output = 0;
    for (let i = 0; i < count; i++) {
      // Rows have a constant each, which the differences to the centre cancel only when it is the row's own mean.
      let level = 0;
      for (let other = 0; other < columns; other++) level += choice[i * columns + other] / columns;
      output += (choice[i * columns + c] - level) / count;
    }
    products += (meanQuality - center) * output;
    squares += (meanQuality - center) ** 2;
  });
  return squares < 1e-4 ? 0 : Math.min(MOST, Math.max(0, products / squares));
}

/** As `LogitHead` holds qualities back from 0 and 1. */
const MARGIN = 0.002;
const HALVINGS = 60;

/** Where a new candidate's success head stands, and what calibrates it. */
interface SuccessLevel {
  /** Its prior, where the head is a `logit`; else what is added to its output. */
  readonly value: number;
  readonly calibrator: CalibratorParameters;
}

/**
 * The level at which the new candidate's calibrated success, over the probes, is on average what it is to be routed by:
 * a calibrator cannot be fitted on so few. Where all others share one it is that, so that the order of candidates means the same;
 * else the expected quality is taken as it is.
 *
 * @param weights of the others' outputs in its own, which sum to 1
 * @param routedBy mean success over the traffic; prompts of the probes may be easier or harder than that
 */
function levelFor(
  { heads: { success }, candidates }: Manifest,
  { expected, own }: Probes,
  weights: Float64Array,
  routedBy: number,
): SuccessLevel {
  const columns = candidates.length;
  const count = own.quality.length;
  const prior = success.head.kind === 'logit' ? success.head.prior : null;
  const shared = new Set(success.calibrators.map((parameters) => JSON.stringify(parameters))).size === 1;
  const calibrator: CalibratorParameters = shared ? success.calibrators[0] : { kind: 'identity' };
  const calibrated = createCalibrator(calibrator);
  const shapes = new Float64Array(count);
  let target = 0;
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < columns; c++) {
      const p = expected[i * columns + c];
      shapes[i] +=
        weights[c] * (prior === null ? logit(Math.min(1 - MARGIN, Math.max(MARGIN, p))) : p - prior[c]);
      target += (weights[c] * (p - candidates[c].meanQuality)) / count;
    }
  }
  const wanted = Math.min(1 - MARGIN, Math.max(MARGIN, routedBy + target));
  const meanAt = (level: number) => {
    let sum = 0;
    for (const shape of shapes) {
      const output = level + shape;
      sum += calibrated.probability(
        prior === null ? output : logit(Math.min(1 - MARGIN, Math.max(MARGIN, output))),
      );
    }
    return sum / count;
  };
  let [low, high] = prior === null ? [-30, 30] : [-2, 3];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (meanAt(middle) < wanted) low = middle;
    else high = middle;
  }
  return { value: (low + high) / 2, calibrator };
}
