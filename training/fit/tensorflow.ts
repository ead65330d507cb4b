import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { InvalidInputError, type Manifest } from 'pointsman';
import { type FoldedHeads, type JoinedLayer, joinedLayer, notLayers } from './fold-head.ts';
import type { DenseChain, DenseLayer } from './rows.ts';

/** TF.js's namespace. */
export type TensorFlow = typeof import('@tensorflow/tfjs');

/** TF.js, ready to compute. */
export interface Backend {
  readonly tf: TensorFlow;
  /** `tensorflow` is native, through @tensorflow/tfjs-node; `wasm` installs anywhere. */
  readonly name: 'tensorflow' | 'wasm';
}

let ready: Promise<Backend> | undefined;

/**
 * Loads TF.js once a process: on @tensorflow/tfjs-node where that is installed, else on the WASM backend with SIMD.
 * One thread: TF.js cannot start its WASM threads in Node (tensorflow/tfjs issue 3830). Results are the same from
 * run to run on one backend; between backends they differ in the last bits.
 */
export function useBackend(): Promise<Backend> {
  ready ??= nativeBackend().then((native) => native ?? wasmBackend());
  return ready;
}

async function nativeBackend(): Promise<Backend | null> {
  // Not a literal: the package is optional, and types must not need it.
  const name = '@tensorflow/tfjs-node';
  const require = createRequire(import.meta.url);
  try {
    require.resolve(name);
  } catch {
    return null;
  }
  try {
    const tf = asNamespace(await import(name));
    await quietly(tf, 'tensorflow');
    return { tf, name: 'tensorflow' };
  } catch {
    // Installed, but its native part was not built for this machine. `name` tells which backend it came to be.
    return null;
  }
}

async function wasmBackend(): Promise<Backend> {
  const tf = asNamespace(await import('@tensorflow/tfjs'));
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  const manifest = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json');
  setWasmPaths(join(dirname(manifest), 'wasm-out/'));
  await quietly(tf, 'wasm');
  return { tf, name: 'wasm' };
}

/** Production mode is TF.js's own switch for its advice on the console and for its slow checks. */
async function quietly(tf: TensorFlow, name: string): Promise<void> {
  tf.enableProdMode();
  await tf.setBackend(name);
  await tf.ready();
}

/** TF.js is CommonJS: depending on the loader its names come directly or under `default`. */
function asNamespace(loaded: TensorFlow & { readonly default?: TensorFlow }): TensorFlow {
  return loaded.default ?? loaded;
}

/** The TF.js files of a router, and what its manifest says of them. */
export interface RouterModel {
  readonly model: Manifest['model'];
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/**
 * Writes the heads of a router, folded, as TF.js models: `heads.json` with every output, and `model.json` with the choice
 * alone, from features to probabilities. The second is left out where the choice is not made of layers alone.
 */
export async function exportRouter({ heads, outputs }: FoldedHeads): Promise<RouterModel> {
  const { head, temperature } = heads.choice;
  const isFolded = head.kind === 'layers' && temperature === 1 && notLayers(head, outputs).length === 0;
  const { modelJson, softmaxJson, weights } = await exportLayersModel(Object.fromEntries(outputs), {
    softmax: isFolded ? head.output : undefined,
  });
  const files = new Map([
    ['heads.json', new TextEncoder().encode(modelJson)],
    ['weights.bin', weights],
  ]);
  const model = { topology: 'heads.json', weights: 'weights.bin' };
  if (softmaxJson === undefined) return { model: { ...model, notLayers: notLayers(head, outputs) }, files };
  files.set('model.json', new TextEncoder().encode(softmaxJson));
  return { model: { ...model, router: 'model.json' }, files };
}

/** The files of TF.js's own format. */
export interface ExportedModel {
  /** All outputs. */
  readonly modelJson: string;
  /** The output that is to be a model of its own, ending in softmax; undefined where none is. */
  readonly softmaxJson?: string;
  /** The file that both name. */
  readonly weights: Uint8Array;
}

interface ExportOptions {
  /**
   * Name of an output that is to be a model of its own as well, with a softmax after it: one tensor in, one out. Its weights are
   * the first of the same file. @default none
   */
  readonly softmax?: string | undefined;
  /** The path of the weights, which the topology names. @default 'weights.bin' */
  readonly path?: string;
}

/**
 * Makes one TF.js LayersModel of all the outputs, and writes it as `tf.loadLayersModel` reads it. The same outputs give the
 * same bytes.
 * @param outputs by name, chains among them; all read the same features
 * @throws InvalidInputError when there are none, or their inputs differ
 */
export async function exportLayersModel(
  outputs: Readonly<Record<string, DenseChain | JoinedLayer>>,
  { path = 'weights.bin', softmax }: ExportOptions = {},
): Promise<ExportedModel> {
  const joined = new Map(
    Object.keys(outputs)
      .sort()
      .map((name) => {
        const output = outputs[name];
        return [name, 'layer' in output ? output : joinedLayer(output)] as const;
      }),
  );
  const lengths = new Set([...joined.values()].map(featuresOf));
  if (lengths.size !== 1) {
    throw new InvalidInputError(
      `\`outputs\` of exportLayersModel must read features of one length. Got ${joined.size} outputs of [${[...lengths]}].`,
    );
  }
  const { tf } = await useBackend();
  const [features] = lengths;
  const layout = layOut(joined, softmax);
  const whole = await save(tf, buildModel(tf, features, layout, [...joined.keys()]));
  if (softmax === undefined)
    return { modelJson: modelJson(whole, whole.specs, path), weights: whole.weights };
  const own = await save(tf, buildModel(tf, features, layout, [softmax], 'softmax'));
  const names = new Set(own.specs.map(({ name }) => name));
  const rest = cutWeights(whole).filter(({ spec }) => !names.has(spec.name));
  return {
    modelJson: modelJson(whole, [...own.specs, ...rest.map(({ spec }) => spec)], path),
    softmaxJson: modelJson(own, own.specs, path),
    weights: concatenate([own.weights, ...rest.map(({ bytes }) => bytes)]),
  };
}

/** @returns NaN for an output that reads nothing of the features */
function featuresOf({ sources, layer }: JoinedLayer): number {
  const first = sources.find(([one]) => one !== undefined)?.[0];
  if (first !== undefined) return first.inputs;
  return sources.length === 0 ? Number.NaN : layer.inputs / sources.length;
}

/** A layer inside the model: what it reads, and its name, which is the same in every model that has it. */
interface Inner {
  readonly name: string;
  readonly layer: DenseLayer;
  readonly next: Inner[];
}

interface Layout {
  readonly outputs: ReadonlyMap<string, JoinedLayer>;
  /** Layers that read the features. */
  readonly first: Inner[];
  /** What puts the sources of an output side by side, by its name. */
  readonly joins: ReadonlyMap<string, string>;
}

/** Layers that outputs have in common are one. A layer that is an output as well has the output's name. */
function layOut(outputs: ReadonlyMap<string, JoinedLayer>, softmax: string | undefined): Layout {
  const first: Inner[] = [];
  const named = new Map<DenseLayer, string>();
  for (const [name, { sources, layer }] of outputs)
    if (name !== softmax && sources.length === 1 && sources[0].length === 0 && !named.has(layer))
      named.set(layer, name);
  const taken = new Set(outputs.keys());
  const free = (wanted: (count: number) => string): string => {
    let count = 1;
    while (taken.has(wanted(count))) count++;
    taken.add(wanted(count));
    return wanted(count);
  };
  const joins = new Map<string, string>();
  for (const [name, { sources }] of outputs) {
    if (sources.length > 1)
      joins.set(
        name,
        free((count) => `${name}_inputs${count === 1 ? '' : count}`),
      );
    for (const chain of sources) {
      let among = first;
      for (const layer of chain) {
        let inner = among.find((other) => other.layer === layer);
        if (inner === undefined) {
          const own = among === first ? named.get(layer) : undefined;
          inner = { name: own ?? free((count) => `${name}_${count}`), layer, next: [] };
          among.push(inner);
        }
        among = inner.next;
      }
    }
  }
  return { outputs, first, joins };
}

type LayersModel = ReturnType<TensorFlow['model']>;
type SymbolicTensor = ReturnType<TensorFlow['input']>;
type WeightSpecs = Saved['specs'];

function buildModel(
  tf: TensorFlow,
  features: number,
  { outputs, first, joins }: Layout,
  names: readonly string[],
  activation?: DenseLayer['activation'],
): LayersModel {
  const input = tf.input({ shape: [features], name: 'features' });
  const made = new Map<Inner, SymbolicTensor>();
  const follow = (chain: DenseChain): SymbolicTensor => {
    let [among, from] = [first, input];
    for (const layer of chain) {
      const inner = among.find((other) => other.layer === layer) as Inner;
      const value = made.get(inner) ?? applyLayer(tf, layer, inner.name, from);
      made.set(inner, value);
      [among, from] = [inner.next, value];
    }
    return from;
  };
  const tensors = names.map((name) => {
    const { sources, layer } = outputs.get(name) as JoinedLayer;
    const inside = first.find((inner) => inner.name === name);
    if (inside !== undefined) return follow([inside.layer]);
    const parts = sources.map(follow);
    const join = joins.get(name);
    const from =
      join === undefined ? parts[0] : (tf.layers.concatenate({ name: join }).apply(parts) as SymbolicTensor);
    return applyLayer(tf, activation === undefined ? layer : { ...layer, activation }, name, from);
  });
  return tf.model({ name: 'pointsman', inputs: input, outputs: tensors });
}

function applyLayer(tf: TensorFlow, layer: DenseLayer, name: string, from: SymbolicTensor): SymbolicTensor {
  const dense = tf.layers.dense({
    name,
    units: layer.outputs,
    activation: layer.activation,
    kernelInitializer: 'zeros',
  });
  const to = dense.apply(from) as SymbolicTensor;
  const kernel = tf.tensor2d(layer.kernel, [layer.inputs, layer.outputs]);
  const bias = tf.tensor1d(layer.bias);
  dense.setWeights([kernel, bias]);
  tf.dispose([kernel, bias]);
  return to;
}

/** What TF.js says of a model. */
interface Saved {
  readonly header: object;
  readonly specs: NonNullable<Parameters<TensorFlow['io']['decodeWeights']>[1]>;
  readonly weights: Uint8Array;
}

/** Also gives back the memory of the model. */
async function save(tf: TensorFlow, model: LayersModel): Promise<Saved> {
  let saved: Saved | undefined;
  try {
    await model.save(
      tf.io.withSaveHandler(async (artifacts) => {
        const { modelTopology, weightSpecs = [], weightData, format, generatedBy } = artifacts;
        const header = { format, generatedBy, convertedBy: null, modelTopology };
        const data = weightData === undefined ? [] : Array.isArray(weightData) ? weightData : [weightData];
        const weights = concatenate(data.map((part) => new Uint8Array(part)));
        saved = { header, specs: weightSpecs, weights };
        // No date: the same model has the same bytes.
        return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
      }),
    );
  } finally {
    model.dispose();
  }
  if (saved === undefined) throw new InvalidInputError('TF.js did not save the model. Check its version.');
  return saved;
}

function modelJson({ header }: Saved, weights: WeightSpecs, path: string): string {
  return `${JSON.stringify({ ...header, weightsManifest: [{ paths: [path], weights }] })}\n`;
}

function cutWeights({ specs, weights }: Saved): { spec: WeightSpecs[number]; bytes: Uint8Array }[] {
  let offset = 0;
  return specs.map((spec) => {
    const from = offset;
    offset += 4 * spec.shape.reduce((product, side) => product * side, 1);
    return { spec, bytes: weights.subarray(from, offset) };
  });
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}
