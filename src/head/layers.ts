import * as v from 'valibot';
import { ArtifactError } from '../errors.ts';
import { type Activation, activate, allFinite, Dense, type Layer, readFloat32 } from '../math.ts';
import type { MakeLayer, Simd } from '../simd.ts';
import { object, wholeNumber } from '../validate.ts';
import type { Head } from './head.ts';

/** A TF.js LayersModel made ready for prediction, without TF.js. */
export interface LayersModel {
  /** Length of the feature vector. */
  readonly inputs: number;
  /** Names of the output layers, in the model's order. */
  readonly outputNames: readonly string[];
  /** The head that ends in the named output layer. @throws ArtifactError when there is none. */
  head(output: string): Head;
}

/**
 * Reads TF.js's own format: a functional model with one input, any number of named outputs, made of Dense,
 * Concatenate, Add and Dropout (which does nothing here). Every shape is checked against the weights.
 * @param modelJson the parsed `model.json`
 * @param weights the weight file's bytes
 * @param turn heads that are asked in one turn share the layers that they have in common. @default each is asked anew
 * @param simd makes its Dense layers faster, where the system can; what they give is the same, bit for bit. @default none
 * @throws ArtifactError naming what is wrong
 */
export function readLayersModel(
  modelJson: unknown,
  weights: Uint8Array,
  turn?: Turn,
  simd?: Simd,
): LayersModel {
  const parsed = v.safeParse(layersModelSchema, modelJson, { abortEarly: true });
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new ArtifactError(
      `\`${issue.path?.map(({ key }) => key).join('.') ?? ''}\` of model.json must be as in a TF.js layers-model of Dense, Concatenate, Add and ` +
        `Dropout layers. Got: ${issue.message}. Export the artifact again.`,
    );
  }
  const { layers, input_layers, output_layers } = parsed.output.modelTopology.config;
  const tensors = readLayerWeights(parsed.output.weightsManifest, weights);
  const nodes = buildNodes(layers, tensors, simd);
  const input = nodes.get(input_layers[0][0]);
  if (input === undefined || input.before.length > 0 || input.run !== null) {
    throw new ArtifactError(
      `\`input_layers\` of model.json must name its InputLayer. Got "${input_layers[0][0]}".`,
    );
  }
  const outputNames = output_layers.map(([name]) => name);
  const heads = new Map(
    outputNames.map((name) => {
      const node = nodes.get(name);
      if (node === undefined) {
        throw new ArtifactError(`\`output_layers\` of model.json must name its layers. Got "${name}".`);
      }
      return [name, layersHead(input, node, turn)];
    }),
  );
  return {
    inputs: input.value.length,
    outputNames,
    head(output) {
      const head = heads.get(output);
      if (head !== undefined) return head;
      throw new ArtifactError(
        `A "layers" head must name an output of the model (${outputNames.join(', ')}). Got "${output}".`,
      );
    },
  };
}

/** Counts predictions: a new one means new features. */
interface Turn {
  count: number;
}

/** A layer and where its value is written; `run` reads the values of the layers before it. */
interface Node {
  readonly value: Float64Array;
  readonly run: (() => void) | null;
  readonly before: readonly Node[];
  /** The turn that its value is of. */
  turn: number;
}

function layersHead(input: Node, output: Node, turn: Turn | undefined): Head {
  const nodes = inOrder(output);
  return {
    inputs: input.value.length,
    outputs: output.value.length,
    predictInto(features, out) {
      for (const node of nodes) {
        if (turn !== undefined) {
          if (node.turn === turn.count) continue;
          node.turn = turn.count;
        }
        if (node.run === null) node.value.set(features);
        else node.run();
      }
      out.set(output.value);
    },
  };
}

/** Every node that `last` needs, each after those it reads. */
function inOrder(last: Node, seen = new Set<Node>()): Node[] {
  if (seen.has(last)) return [];
  seen.add(last);
  return [...last.before.flatMap((node) => inOrder(node, seen)), last];
}

function buildNodes(
  layers: readonly LayerJson[],
  tensors: ReadonlyMap<string, WeightTensor>,
  simd: Simd | undefined,
): ReadonlyMap<string, Node> {
  const nodes = new Map<string, Node>();
  const allocate = allocator();
  const make: MakeLayer =
    simd?.createSimdLayers([...tensors.values()].map(({ shape }) => shape)) ??
    ((kernel, bias) => new Dense(kernel, bias));
  for (const layer of layers) {
    if (nodes.has(layer.name)) throw new ArtifactError(`Layer "${layer.name}" of model.json must come once.`);
    if (layer.class_name === 'InputLayer') {
      if (nodes.size > 0) throw new ArtifactError('model.json must have one InputLayer, and it comes first.');
      nodes.set(layer.name, {
        value: allocate(layer.name, layer.config.batch_input_shape[1]),
        run: null,
        before: [],
        turn: -1,
      });
      continue;
    }
    const before = layer.inbound_nodes[0].map(([name]) => {
      const node = nodes.get(name);
      if (node !== undefined) return node;
      throw new ArtifactError(
        `Layer "${layer.name}" of model.json must read layers before it. Got "${name}".`,
      );
    });
    nodes.set(layer.name, layerNode(layer, before, tensors, allocate, make));
  }
  return nodes;
}

/** Numbers that all layers may hold together: of layers that each read the one before twice, the last would hold 2^n. */
const MOST_VALUES = 10_000_000;

/** Makes room for the value of a layer. */
type Allocate = (layer: string, length: number) => Float64Array;

function allocator(): Allocate {
  let left = MOST_VALUES;
  return (layer, length) => {
    left -= length;
    if (left >= 0) return new Float64Array(length);
    throw new ArtifactError(
      `The layers of model.json must hold at most ${MOST_VALUES} numbers. They hold more with layer "${layer}".`,
    );
  };
}

function layerNode(
  layer: Exclude<LayerJson, { class_name: 'InputLayer' }>,
  before: readonly Node[],
  tensors: ReadonlyMap<string, WeightTensor>,
  allocate: Allocate,
  make: MakeLayer,
): Node {
  switch (layer.class_name) {
    case 'Dense': {
      const [from] = one(layer.name, before);
      const { units, use_bias = true, activation } = layer.config;
      const kernel = weight(tensors, `${layer.name}/kernel`, [from.value.length, units]);
      const bias = use_bias ? weight(tensors, `${layer.name}/bias`, [units]) : new Float32Array(units);
      return denseNode(from, make(kernel, bias), activation, allocate(layer.name, units));
    }
    case 'Dropout':
      return one(layer.name, before)[0];
    case 'Add':
      return addNode(layer.name, before, allocate);
    case 'Concatenate':
      return concatenateNode(layer.name, before, allocate);
  }
}

function denseNode(from: Node, dense: Layer, activation: Activation, value: Float64Array): Node {
  const run = () => {
    dense.apply(from.value, value);
    activate(activation, value);
  };
  return { value, run, before: [from], turn: -1 };
}

function addNode(name: string, before: readonly Node[], allocate: Allocate): Node {
  const { length } = before[0].value;
  if (before.some((node) => node.value.length !== length)) {
    throw new ArtifactError(
      `Layer "${name}" of model.json must add equal lengths. Got ${before.map((node) => node.value.length)}.`,
    );
  }
  const value = allocate(name, length);
  const run = () => {
    value.fill(0);
    for (const node of before) for (let i = 0; i < length; i++) value[i] += node.value[i];
  };
  return { value, run, before, turn: -1 };
}

function concatenateNode(name: string, before: readonly Node[], allocate: Allocate): Node {
  const value = allocate(
    name,
    before.reduce((sum, node) => sum + node.value.length, 0),
  );
  const run = () => {
    let offset = 0;
    for (const node of before) {
      value.set(node.value, offset);
      offset += node.value.length;
    }
  };
  return { value, run, before, turn: -1 };
}

function one(name: string, before: readonly Node[]): readonly [Node] {
  if (before.length === 1) return [before[0]];
  throw new ArtifactError(`Layer "${name}" of model.json must read one layer. Got ${before.length}.`);
}

function weight(
  tensors: ReadonlyMap<string, WeightTensor>,
  name: string,
  shape: readonly number[],
): Float32Array {
  const tensor = tensors.get(name);
  if (tensor !== undefined && String(tensor.shape) === String(shape)) return tensor.values;
  throw new ArtifactError(
    `Weight "${name}" of the model must have the shape [${shape}]. ` +
      `Got ${tensor === undefined ? 'no such weight' : `[${tensor.shape}]`}. Export the artifact again.`,
  );
}

/** A weight tensor of the model, row-major. */
interface WeightTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/**
 * Cuts the weight file (little-endian float32, one tensor after the other) into the tensors the manifest names.
 * @throws ArtifactError where sizes disagree, a name comes twice, or a weight is not finite.
 */
function readLayerWeights(
  manifest: LayersModelJson['weightsManifest'],
  bytes: Uint8Array,
): Map<string, WeightTensor> {
  const tensors = new Map<string, WeightTensor>();
  let offset = 0;
  for (const { name, shape } of manifest.flatMap((group) => group.weights)) {
    const length = shape.reduce((product, side) => product * side, 1);
    if (offset + 4 * length > bytes.byteLength) {
      throw new ArtifactError(
        `The weight file must hold weight "${name}" [${shape}], which ends at byte ${offset + 4 * length}. ` +
          `Got ${bytes.byteLength} bytes. Export the artifact again.`,
      );
    }
    if (tensors.has(name))
      throw new ArtifactError(`Weight "${name}" of the model must come once. Got it twice.`);
    const values = readFloat32(bytes, offset, length);
    if (!allFinite(values)) {
      const at = values.findIndex((value) => !Number.isFinite(value));
      throw new ArtifactError(
        `Weight "${name}" of the model must be finite. Got ${values[at]} at ${at}. Fit it again.`,
      );
    }
    tensors.set(name, { shape, values });
    offset += 4 * length;
  }
  if (offset !== bytes.byteLength) {
    throw new ArtifactError(
      `The weight file must have ${offset} bytes, as its manifest says. Got ${bytes.byteLength}. ` +
        'Export the artifact again.',
    );
  }
  return tensors;
}

const size = v.pipe(wholeNumber, v.gtValue(0), v.maxValue(MOST_VALUES));

const name = v.pipe(v.string(), v.minLength(1));

/** TF.js: one node, each input `[layer, node, tensor, options?]`. We read the first node of each layer only. */
const reference = v.custom<readonly [string, 0, 0, ...unknown[]]>(
  (value) =>
    Array.isArray(value) &&
    typeof value[0] === 'string' &&
    value[0] !== '' &&
    value[1] === 0 &&
    value[2] === 0,
);

/** Any number of rows. */
const inputShape = v.custom<readonly [null, number]>(
  (shape) => Array.isArray(shape) && shape.length === 2 && shape[0] === null && v.is(size, shape[1]),
);

const inbound = v.pipe(v.array(v.pipe(v.array(reference), v.minLength(1))), v.minLength(1), v.maxLength(1));

const inputLayer = object({
  class_name: v.literal('InputLayer'),
  name,
  config: object({ batch_input_shape: inputShape }),
});

const dense = object({
  class_name: v.literal('Dense'),
  name,
  config: object({
    units: size,
    activation: v.picklist(['linear', 'relu', 'tanh', 'sigmoid', 'softmax']),
    use_bias: v.exactOptional(v.boolean()),
  }),
  inbound_nodes: inbound,
});

/** Layers without weights: inputs side by side, inputs summed, and what only training needs. */
const plain = object({
  class_name: v.picklist(['Concatenate', 'Add', 'Dropout']),
  name,
  inbound_nodes: inbound,
});

const layer = v.variant('class_name', [inputLayer, dense, plain]);

/** The part of TF.js's `model.json` (format "layers-model") that an artifact may use. */
const layersModelSchema = object({
  format: v.literal('layers-model'),
  modelTopology: object({
    class_name: v.picklist(['Functional', 'Model']),
    config: object({
      layers: v.pipe(v.array(layer), v.minLength(1), v.maxLength(1000)),
      input_layers: v.pipe(v.array(reference), v.minLength(1), v.maxLength(1)),
      output_layers: v.pipe(v.array(reference), v.minLength(1)),
    }),
  }),
  weightsManifest: v.array(
    object({
      weights: v.array(
        object({ name, dtype: v.literal('float32'), shape: v.pipe(v.array(size), v.maxLength(2)) }),
      ),
    }),
  ),
});

type LayersModelJson = v.InferOutput<typeof layersModelSchema>;

type LayerJson = v.InferOutput<typeof layer>;
