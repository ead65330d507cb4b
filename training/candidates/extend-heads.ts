import { type Artifact, InvalidInputError, type Manifest } from 'pointsman';
import {
  type AmountPart,
  type CalibratorParameters,
  createCalibrator,
  type HeadSpec,
  holdBack,
  logit,
  type ManifestHeads,
  mean,
  readFloat32,
  type UncertaintySpec,
} from 'pointsman/internal';
import { type FoldedHeads, foldHeads, type JoinedLayer, type ModelOutputs } from '../fit/fold-head.ts';
import type { DenseChain, DenseLayer } from '../fit/rows.ts';
import { type AmountOutput, type Probes, trafficMeans } from './probes.ts';

/**
 * Heads with one candidate more, the last: of each, a weighted sum of what it says of the known ones. What it says of those
 * stays. Heads that are made of layers are folded.
 *
 * @param outputs of the artifact's model
 * @param weights of the known candidates in the new one, `[candidates]`, which sum to 1
 * @param routedBy mean success that the new one is to have over the traffic
 * @param inputRate US dollars that an input token of the new one costs, where cost heads leave that out
 */
export function extendHeads(
  manifest: Manifest,
  outputs: ModelOutputs,
  probes: Probes,
  weights: Float64Array,
  routedBy: number,
  inputRate: number,
): FoldedHeads {
  const { heads, candidates, task } = manifest;
  const { costRaw, latencyRaw, outputRaw } = probes.own;
  const means = trafficMeans(candidates, probes.expected);
  const like = weights.reduce((sum, weight, c) => sum + weight * means[c], 0);
  const { cost, costBesideInput, latency, outputTokens } = heads;
  const extended: ManifestHeads = {
    choice: {
      ...heads.choice,
      head: extend(heads.choice.head, weights, choiceWeight(manifest, probes) * (routedBy - like)),
    },
    success: extendSuccess(heads.success, weights, levelFor(manifest, probes, weights, routedBy)),
    cost: cost && extendAmount(cost, costRaw),
    latency: latency && extendAmount(latency, latencyRaw),
    ...(outputTokens === undefined ? {} : { outputTokens: extendAmount(outputTokens, outputRaw) }),
    ...(costBesideInput === undefined
      ? {}
      : {
          costBesideInput: {
            ...extendAmount(costBesideInput, costRaw),
            perInputToken: [...costBesideInput.perInputToken, inputRate],
          },
        }),
  };
  return foldHeads({ heads: extended, outputs }, task?.output);
}

/**
 * How unsure the predictions are with one candidate more: as unsure as the known ones that it is like, and as one whose own differences
 * were learned from these probes alone and vary as much as those of the candidate that varies most.
 *
 * @param weights of the known candidates in the new one, `[candidates]` @param probes how many
 */
export function extendUncertainty(
  spec: UncertaintySpec,
  bytes: Uint8Array,
  weights: Float64Array,
  probes: number,
): { readonly spec: UncertaintySpec; readonly bytes: Uint8Array } {
  const known = weights.length;
  const from = 4 * (1 + 2 * spec.components);
  const to = from + 4 * known * known;
  const covariance = readFloat32(bytes, from, known * known);
  const at = (a: number, b: number) => covariance[a * known + b];
  // With each known one, and with itself, what it has in common through the others.
  const shared = weights.map((_, c) => weights.reduce((sum, weight, k) => sum + weight * at(k, c), 0));
  const most = weights.reduce((found, _, c) => Math.max(found, at(c, c)), 0);
  const own = weights.reduce((sum, weight, c) => sum + weight * shared[c], most);
  const extended = new Uint8Array(bytes.length + 4 * (2 * known + 1));
  extended.set(bytes.subarray(0, from));
  const view = new DataView(extended.buffer);
  for (let a = 0; a <= known; a++) {
    for (let b = 0; b <= known; b++) {
      const value = a < known ? (b < known ? at(a, b) : shared[a]) : b < known ? shared[b] : own;
      view.setFloat32(from + 4 * (a * (known + 1) + b), value, true);
    }
  }
  extended.set(bytes.subarray(to), to + 4 * (2 * known + 1));
  const { outcomes, penalty } = spec.advantage;
  return { spec: { ...spec, advantage: { outcomes: [...outcomes, probes], penalty } }, bytes: extended };
}

/** @param weights `[outputs]` @param constant on the scale of the outputs */
function extend(head: HeadSpec, weights: Float64Array, constant: number): HeadSpec {
  return { kind: 'extend', head, weights: [...weights], constant };
}

/** Of a `logit` head the prior says where the new candidate stands, and what is inside how it differs from that. */
function extendSuccess(
  { head, calibrators }: ManifestHeads['success'],
  weights: Float64Array,
  { value, calibrator }: SuccessLevel,
): ManifestHeads['success'] {
  return {
    head:
      head.kind === 'logit'
        ? { kind: 'logit', prior: [...head.prior, value], head: extend(head.head, weights, 0) }
        : extend(head, weights, value),
    calibrators: [...calibrators, calibrator],
  };
}

/** What it says, told the task, is the same sum of what it says of the known ones. */
export function extendTask<Task extends NonNullable<Manifest['task']>>(
  task: Task,
  weights: Float64Array,
): Task {
  if (task.told === undefined) return task;
  const { calibrators, offsets } = task.told;
  const sum = (row: readonly number[]) => row.reduce((total, x, c) => total + weights[c] * x, 0);
  const told = {
    ...task.told,
    offsets: offsets.map((row) => [...row, Math.min(1, Math.max(-1, sum(row)))]),
    calibrators: [...calibrators, sharedCalibrator(calibrators)],
  };
  return { ...task, told };
}

/** A new candidate's: the one that all share, which keeps their order; where they have their own, none. */
function sharedCalibrator(calibrators: readonly CalibratorParameters[]): CalibratorParameters {
  const shared = new Set(calibrators.map((parameters) => JSON.stringify(parameters))).size === 1;
  return shared ? calibrators[0] : { kind: 'identity' };
}

function extendAmount({ head, scales, bounds }: AmountPart, { weights, scale }: AmountOutput): AmountPart {
  return {
    head: extend(head, weights, 0),
    scales: [...scales, scale],
    ...(bounds === undefined ? {} : { bounds: [...bounds, around(bounds)] }),
  };
}

/** What holds the others holds the new one, whoever it is most like. */
function around(bounds: NonNullable<AmountPart['bounds']>): readonly [number, number] {
  return bounds.reduce(([least, most], [from, to]) => [Math.min(least, from), Math.max(most, to)]);
}

/** More than this and a hundredth of quality would decide everything. */
const MOST = 50;

/**
 * What a unit of mean quality is worth in the choice head's output: the slope, over the known candidates, of its mean
 * over the probes against their mean quality.
 *
 * @returns 0 or more; 0 where the candidates' means hardly differ
 */
function choiceWeight({ candidates }: Manifest, { choice, expected, own }: Probes): number {
  const columns = candidates.length;
  const means = trafficMeans(candidates, expected);
  const count = own.quality.length;
  const center = mean(means);
  let [products, squares] = [0, 0];
  means.forEach((meanQuality, c) => {
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

/** Where a new candidate's success head stands, and what calibrates it. */
interface SuccessLevel {
  /** Its prior, where the head is a `logit`; else what is added to its output. */
  readonly value: number;
  readonly calibrator: CalibratorParameters;
}

const HALVINGS = 60;

/**
 * The level at which the new candidate's calibrated success, over the probes, is on average what it is to be routed by: more or
 * less, as the probes are easier or harder than the traffic, by what the heads of the others say of them before calibration. A calibrator
 * cannot be fitted on so few. Where all others share one it is that, so that the order of candidates means the same; else the
 * level is that of the head's own output.
 *
 * @param weights of the others' outputs in its own, which sum to 1
 * @param routedBy mean success over the traffic
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
  const means = trafficMeans(candidates, expected);
  const calibrator = sharedCalibrator(success.calibrators);
  const calibrated = createCalibrator(calibrator);
  const shapes = new Float64Array(count);
  let target = 0;
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < columns; c++) {
      const p = expected[i * columns + c];
      shapes[i] += weights[c] * (prior === null ? logit(holdBack(p)) : p - prior[c]);
      target += (weights[c] * (p - means[c])) / count;
    }
  }
  const wanted = holdBack(routedBy + target);
  const meanAt = (level: number) => {
    let sum = 0;
    for (const shape of shapes) {
      const output = level + shape;
      sum += calibrated.probability(prior === null ? output : logit(holdBack(output)));
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

/**
 * The mirror of `exportLayersModel`: every output of an exported model, and what it reads. Outputs that share layers
 * share the objects, as they did.
 *
 * @throws InvalidInputError when the model has layers that `exportLayersModel` does not write
 */
export function readOutputs(artifact: Artifact): ModelOutputs {
  const { topology, weights } = artifact.manifest.model;
  const { modelTopology, weightsManifest }: ModelJson = JSON.parse(
    new TextDecoder().decode(artifact.file(topology)),
  );
  const bytes = artifact.file(weights);
  const tensors = new Map<string, Float32Array>();
  let offset = 0;
  for (const { name, shape } of weightsManifest.flatMap((group) => group.weights)) {
    const length = shape.reduce((product, size) => product * size, 1);
    tensors.set(name, readFloat32(bytes, offset, length));
    offset += 4 * length;
  }
  /** What a layer may read: chains of the layers before it, side by side. */
  const chains = new Map<string, readonly DenseChain[]>();
  const dense = new Map<string, JoinedLayer>();
  for (const { class_name: kind, name, config, inbound_nodes } of modelTopology.config.layers) {
    if (kind === 'InputLayer') {
      chains.set(name, [[]]);
      continue;
    }
    const before = inbound_nodes[0].map(([from]) => chains.get(from));
    const sources = before.every((chain) => chain !== undefined) ? before.flat() : null;
    const kernel = tensors.get(`${name}/kernel`);
    const bias = tensors.get(`${name}/bias`);
    if (kind === 'Concatenate' && sources !== null) {
      chains.set(name, sources);
      continue;
    }
    if (kind !== 'Dense' || kernel === undefined || bias === undefined || sources === null) {
      throw new InvalidInputError(
        `A candidate can be added to models of dense layers with a bias. Layer "${name}" of the model is ` +
          `${kind}. Train the router again with the new candidate's traffic.`,
      );
    }
    const { units, activation } = config;
    const layer = { inputs: kernel.length / units, outputs: units, kernel, bias, activation };
    dense.set(name, { sources, layer });
    // What joins chains can only be the last of a chain.
    if (sources.length === 1) chains.set(name, [[...sources[0], layer]]);
  }
  return new Map(modelTopology.config.output_layers.map(([name]) => [name, dense.get(name) as JoinedLayer]));
}

/** What an artifact holds of a TF.js model; it has been checked. */
interface ModelJson {
  readonly modelTopology: {
    readonly config: {
      readonly layers: readonly LayerJson[];
      readonly output_layers: readonly (readonly [string, ...unknown[]])[];
    };
  };
  readonly weightsManifest: readonly {
    readonly weights: readonly { readonly name: string; readonly shape: readonly number[] }[];
  }[];
}

interface LayerJson {
  readonly class_name: string;
  readonly name: string;
  readonly config: { readonly units: number; readonly activation: DenseLayer['activation'] };
  readonly inbound_nodes: readonly (readonly (readonly [string, ...unknown[]])[])[];
}
