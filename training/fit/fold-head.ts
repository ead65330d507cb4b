import { InvalidInputError } from 'pointsman';
import {
  activate,
  Dense,
  type Head,
  type HeadContext,
  type HeadSpec,
  largest,
  type ManifestHeads,
  readKnnHead,
} from 'pointsman/internal';
import { chainHead, type DenseChain, type DenseLayer } from './rows.ts';

/**
 * A Dense layer over what several chains end in, side by side: an output of a LayersModel. The empty chain is the
 * features as they are.
 */
export interface JoinedLayer {
  readonly sources: readonly DenseChain[];
  readonly layer: DenseLayer;
}

/** A chain as an output: its last layer, over what comes before. */
export function joinedLayer(chain: DenseChain): JoinedLayer {
  return { sources: [chain.slice(0, -1)], layer: chain[chain.length - 1] };
}

/** The head that the output will be in an artifact, with the kernels that `pointsman` ships. */
export function joinedHead({ sources, layer }: JoinedLayer, features: number): Head {
  const heads = sources.map((chain) => (chain.length === 0 ? null : chainHead(chain)));
  const parts = sources.map((chain) => new Float32Array(chainOutputs(chain, features)));
  const dense = new Dense(layer.kernel, layer.bias);
  const input = new Float64Array(layer.inputs);
  const value = new Float64Array(layer.outputs);
  return {
    inputs: features,
    outputs: layer.outputs,
    predictInto(given, out) {
      let at = 0;
      heads.forEach((head, i) => {
        head?.predictInto(given, parts[i]);
        const part = head === null ? given : parts[i];
        input.set(part, at);
        at += part.length;
      });
      dense.apply(input, value);
      activate(layer.activation, value);
      out.set(value);
    },
  };
}

/** Outputs of a LayersModel, by name. */
export type ModelOutputs = ReadonlyMap<string, JoinedLayer>;

/** Heads, and the outputs that they name. */
export interface FoldedHeads {
  readonly heads: ManifestHeads;
  readonly outputs: ModelOutputs;
}

/**
 * Puts every head that is made of layers into one layer: weights of a stack, spread, candidates added and, of the choice,
 * its temperature are all linear, so they go into a kernel. Heads with something else in them stay as they are, and so do
 * outputs that such a head, or a task, names.
 *
 * @param task name of the output that tells tasks apart
 */
export function foldHeads({ heads, outputs }: FoldedHeads, task?: string): FoldedHeads {
  const folded = new Map<string, JoinedLayer>();
  const kept = new Set(task === undefined ? [] : [task]);
  const fold = (name: string, spec: HeadSpec, scale = 1): HeadSpec | null => {
    const layer = foldHead(spec, outputs, scale);
    if (layer === null) {
      for (const output of namedOutputs(spec)) kept.add(output);
      return null;
    }
    // An output that is plain already keeps its name.
    const output = spec.kind === 'layers' ? spec.output : name;
    folded.set(output, layer);
    return { kind: 'layers', output };
  };
  const { choice, success, cost, latency, outputTokens, costBesideInput } = heads;
  const amount = <T extends { readonly head: HeadSpec }>(name: string, part: T): T => ({
    ...part,
    head: fold(name, part.head) ?? part.head,
  });
  const choiceHead = fold('choice', choice.head, 1 / choice.temperature);
  const inner =
    success.head.kind === 'logit' ? fold('quality', success.head.head) : fold('success', success.head);
  const successHead =
    inner !== null && success.head.kind === 'logit' ? { ...success.head, head: inner } : inner;
  const foldedHeads: ManifestHeads = {
    choice: choiceHead === null ? choice : { head: choiceHead, temperature: 1 },
    success: { ...success, head: successHead ?? success.head },
    cost: cost && amount('cost', cost),
    latency: latency && amount('latency', latency),
    ...(outputTokens === undefined ? {} : { outputTokens: amount('outputTokens', outputTokens) }),
    ...(costBesideInput === undefined ? {} : { costBesideInput: amount('costBesideInput', costBesideInput) }),
  };
  const rest = [...outputs].filter(([name]) => kept.has(name) && !folded.has(name));
  return { heads: foldedHeads, outputs: new Map([...folded, ...rest]) };
}

/**
 * What keeps a head from being one Dense layer, in a few words each: neighbours, and what bends after the last layer.
 *
 * @returns none: it is made of layers alone
 */
export function notLayers(spec: HeadSpec, outputs: ModelOutputs): string[] {
  switch (spec.kind) {
    case 'layers': {
      const activation = outputs.get(spec.output)?.layer.activation ?? 'unknown';
      return activation === 'linear' ? [] : [`${spec.output} (${activation})`];
    }
    case 'knn':
      return [`knn (${spec.file})`];
    case 'stack':
      return [
        // What weighs nothing says nothing.
        ...new Set(
          spec.members.flatMap(({ head, weight }) => (weight === 0 ? [] : notLayers(head, outputs))),
        ),
      ];
    case 'logit':
      return [...notLayers(spec.head, outputs), 'logit'];
    case 'spread':
    case 'extend':
      return notLayers(spec.head, outputs);
  }
}

/**
 * A head as one Dense layer over the last hidden layers of what it is made of, and the features.
 *
 * @param scale of all outputs
 * @returns null where it is not made of layers alone
 */
export function foldHead(spec: HeadSpec, outputs: ModelOutputs, scale = 1): JoinedLayer | null {
  if (notLayers(spec, outputs).length > 0) return null;
  if (spec.kind === 'layers' && scale === 1) return outputs.get(spec.output) as JoinedLayer;
  const parts = namedOutputs(spec).map((name) => [name, outputs.get(name) as JoinedLayer] as const);
  if (parts.length === 0) return null;
  const count = outputCount(spec, outputs);
  const rows = Array.from({ length: count }, (_, c) => {
    const one = new Float64Array(count);
    one[c] = scale;
    return weighOutputs(spec, one);
  });
  const weighed = parts
    .map(([name, part]) => ({ part, weights: rows.map(({ layers }) => layers.get(name) ?? NOTHING) }))
    .filter(({ weights }) => weights.some((row) => row.some((weight) => weight !== 0)));
  const sum = new LayerSum(count);
  for (const { part, weights } of weighed)
    sum.add(
      part,
      weights,
      weighed.map((other) => other.part),
    );
  rows.forEach(({ constant }, c) => {
    sum.bias[c] += constant;
  });
  return sum.joined(parts[0][1]);
}

/** Weights of an output that weighs nothing. */
const NOTHING = new Float64Array();

/** How many outputs a head made of layers gives. */
function outputCount(spec: HeadSpec, outputs: ModelOutputs): number {
  switch (spec.kind) {
    case 'layers':
      return outputs.get(spec.output)?.layer.outputs ?? 0;
    case 'knn':
      return 0;
    case 'stack':
      // A member that weighs nothing may be no layers.
      return largest(spec.members.map(({ head }) => outputCount(head, outputs)));
    case 'extend':
      return outputCount(spec.head, outputs) + 1;
    case 'logit':
    case 'spread':
      return outputCount(spec.head, outputs);
  }
}

/** A weighted sum of a head's outputs, in terms of the layers that the head is made of. */
interface WeighedOutputs {
  /** Weights of the outputs of each layer, by its name; none where it weighs nothing. */
  readonly layers: Map<string, Float64Array>;
  constant: number;
}

/**
 * Σ weight · output of a head, taken down to its layers.
 *
 * @param spec made of layers alone, but for what weighs nothing
 * @param weights `[outputs]`
 */
function weighOutputs(spec: HeadSpec, weights: Float64Array): WeighedOutputs {
  const sum: WeighedOutputs = { layers: new Map(), constant: 0 };
  addWeighed(spec, weights, sum);
  return sum;
}

function addWeighed(spec: HeadSpec, weights: Float64Array, sum: WeighedOutputs): void {
  switch (spec.kind) {
    case 'layers': {
      const known = sum.layers.get(spec.output);
      sum.layers.set(spec.output, known === undefined ? weights : known.map((w, c) => w + weights[c]));
      return;
    }
    case 'stack':
      for (const { weight, head } of spec.members)
        if (weight !== 0)
          addWeighed(
            head,
            weights.map((w) => weight * w),
            sum,
          );
      return;
    case 'spread': {
      // level · mean + deviation · (output - mean), the mean being over the outputs.
      const { level, deviation } = spec;
      const total = weights.reduce((all, w) => all + w, 0);
      const share = ((level - deviation) * total) / weights.length;
      addWeighed(
        spec.head,
        weights.map((w) => deviation * w + share),
        sum,
      );
      return;
    }
    case 'extend': {
      const last = weights[spec.weights.length];
      sum.constant += last * spec.constant;
      addWeighed(
        spec.head,
        Float64Array.from(spec.weights, (w, c) => weights[c] + last * w),
        sum,
      );
      return;
    }
    case 'knn':
    case 'logit':
      throw new InvalidInputError(`A ${spec.kind} head is no layer and cannot be folded.`);
  }
}

/** Names of the outputs in a head, each once. */
function namedOutputs(spec: HeadSpec): string[] {
  if (spec.kind === 'layers') return [spec.output];
  if (spec.kind === 'stack') return [...new Set(spec.members.flatMap(({ head }) => namedOutputs(head)))];
  return 'head' in spec ? namedOutputs(spec.head) : [];
}

/** Layers of as many outputs, added up by what they read. */
class LayerSum {
  readonly bias: Float64Array; // [outputs]
  readonly #kernels: { readonly source: DenseChain; readonly kernel: Float64Array }[] = []; // [inputs, outputs] each

  constructor(outputs: number) {
    this.bias = new Float64Array(outputs);
  }

  /**
   * Adds a part, its outputs weighed.
   *
   * @param weights `[outputs][outputs of the part]`
   * @param all parts of the sum
   */
  add({ sources, layer }: JoinedLayer, weights: readonly Float64Array[], all: readonly JoinedLayer[]): void {
    if (isReadAnyway(layer, all)) {
      // What it gives is worked out for another part, and is far shorter than the features.
      this.#addKernel([layer], layer.outputs, (k, c) => weights[c][k]);
      return;
    }
    weights.forEach((row, c) => {
      for (let k = 0; k < layer.outputs; k++) this.bias[c] += row[k] * layer.bias[k];
    });
    const features = layer.inputs - sources.reduce((sum, chain) => sum + chainOutputs(chain, 0), 0);
    let from = 0;
    for (const source of sources) {
      const inputs = chainOutputs(source, features);
      const start = from * layer.outputs;
      this.#addKernel(source, inputs, (i, c) => {
        let sum = 0;
        for (let k = 0; k < layer.outputs; k++)
          sum += layer.kernel[start + i * layer.outputs + k] * weights[c][k];
        return sum;
      });
      from += inputs;
    }
  }

  #addKernel(source: DenseChain, inputs: number, at: (input: number, output: number) => number): void {
    const outputs = this.bias.length;
    let part = this.#kernels.find((other) => isSameChain(other.source, source));
    if (part === undefined) {
      part = { source, kernel: new Float64Array(inputs * outputs) };
      this.#kernels.push(part);
    }
    for (let i = 0; i < inputs; i++)
      for (let c = 0; c < outputs; c++) part.kernel[i * outputs + c] += at(i, c);
  }

  /** @param any one of the parts: where all weigh nothing, the sum still reads what that reads */
  joined(any: JoinedLayer): JoinedLayer {
    const outputs = this.bias.length;
    if (this.#kernels.length === 0) {
      const kernel = new Float32Array(any.layer.inputs * outputs);
      return { sources: any.sources, layer: linear(kernel, this.bias) };
    }
    const kernel = new Float32Array(this.#kernels.reduce((sum, part) => sum + part.kernel.length, 0));
    let at = 0;
    for (const part of this.#kernels) {
      kernel.set(part.kernel, at);
      at += part.kernel.length;
    }
    return { sources: this.#kernels.map(({ source }) => source), layer: linear(kernel, this.bias) };
  }
}

/** Whether the layer is inside another part, and no part reads the features themselves. */
function isReadAnyway(layer: DenseLayer, all: readonly JoinedLayer[]): boolean {
  const isInside = (one: DenseLayer) => all.some(({ sources }) => sources.some(([first]) => first === one));
  return (
    isInside(layer) && all.every((part) => isInside(part.layer) || part.sources.every(([first]) => first))
  );
}

function linear(kernel: Float32Array, bias: Float64Array): DenseLayer {
  return {
    inputs: kernel.length / bias.length,
    outputs: bias.length,
    kernel,
    bias: Float32Array.from(bias),
    activation: 'linear',
  };
}

/** Whether two chains are the same layers. */
function isSameChain(a: DenseChain, b: DenseChain): boolean {
  return a.length === b.length && a.every((layer, i) => layer === b[i]);
}

/** Length of what a chain gives. */
function chainOutputs(chain: DenseChain, features: number): number {
  return chain.at(-1)?.outputs ?? features;
}

/** The outputs as the model that they will be. @param columns of the features */
export function headContext(
  outputs: FoldedHeads['outputs'],
  tables: ReadonlyMap<string, Uint8Array>,
  columns: number,
): HeadContext {
  return {
    layers: {
      inputs: columns,
      outputNames: [...outputs.keys()],
      head: (name) => joinedHead(outputs.get(name)!, columns),
    },
    file: (path) => tables.get(path)!,
    knn: readKnnHead,
  };
}

/** Heads made of layers, as they are handed to who asks them elsewhere. */
export function packHeads(folded: readonly FoldedHeads[]): Uint8Array {
  const plain = folded.map(({ heads, outputs }) => ({ heads, outputs: [...outputs] }));
  const said = JSON.stringify(plain, (_, value) =>
    value instanceof Float32Array ? Array.from(value) : value,
  );
  return new TextEncoder().encode(said);
}

export function unpackHeads(bytes: Uint8Array): FoldedHeads[] {
  const said = new TextDecoder().decode(bytes);
  const plain = JSON.parse(said, (name, value) =>
    name === 'kernel' || name === 'bias' ? Float32Array.from(value) : value,
  ) as { readonly heads: ManifestHeads; readonly outputs: [string, JoinedLayer][] }[];
  return plain.map(({ heads, outputs }) => ({ heads, outputs: new Map(outputs) }));
}
