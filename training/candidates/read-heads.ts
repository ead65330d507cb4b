import { InvalidInputError } from 'pointsman';
import type { Artifact } from 'pointsman/artifact';
import { type HeadSpec, type KnnTable, readKnnFile } from 'pointsman/head';
import { readFloat32 } from 'pointsman/math';
import type { DenseChain, DenseLayer } from '../fit/chain.ts';
import type { JoinedLayer, ModelOutputs } from '../fit/fold-head.ts';

interface LayerJson {
  readonly class_name: string;
  readonly name: string;
  readonly config: { readonly units: number; readonly activation: DenseLayer['activation'] };
  readonly inbound_nodes: readonly (readonly (readonly [string, ...unknown[]])[])[];
}

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

/**
 * The mirror of `exportLayersModel`: every output of an exported model, and what it reads. Outputs that share layers
 * share the objects, as they did.
 *
 * @param modelJson an artifact's model, which has been checked
 * @throws InvalidInputError when the model has layers that `exportLayersModel` does not write
 */
function readOutputs(modelJson: Uint8Array, weights: Uint8Array): ModelOutputs {
  const { modelTopology, weightsManifest }: ModelJson = JSON.parse(new TextDecoder().decode(modelJson));
  const tensors = new Map<string, Float32Array>();
  let offset = 0;
  for (const { name, shape } of weightsManifest.flatMap((group) => group.weights)) {
    const length = shape.reduce((product, size) => product * size, 1);
    tensors.set(name, readFloat32(weights, offset, length));
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

/** What the heads of an artifact are made of. */
export interface HeadParts {
  /** Every output of the LayersModel, by name. */
  readonly outputs: ModelOutputs;
  /** Tables of neighbours, by file. */
  readonly tables: ReadonlyMap<string, KnnTable>;
  /** Length of the feature vector. */
  readonly features: number;
}

/**
 * Takes the heads of an artifact apart.
 *
 * @throws InvalidInputError when a head is of a form to which no output can be added
 */
export function headParts(artifact: Artifact): HeadParts {
  const { features, model, heads } = artifact.manifest;
  const outputs = readOutputs(artifact.file(model.topology), artifact.file(model.weights));
  const tables = new Map<string, KnnTable>();
  const visit = (spec: HeadSpec): void => {
    if (spec.kind === 'knn')
      tables.set(spec.file, checkTable(readKnnFile(artifact.file(spec.file)), spec.file));
    else if (spec.kind === 'layers') checkOutput(outputs.get(spec.output), spec.output);
    else if (spec.kind === 'stack') for (const { head } of spec.members) visit(head);
    else visit(spec.head);
  };
  for (const part of Object.values(heads)) if (part != null) visit(part.head);
  return { outputs, tables, features: features.length };
}

function checkOutput(found: JoinedLayer | undefined, output: string): void {
  const activation = found?.layer.activation;
  if (activation === 'linear') return;
  throw new InvalidInputError(
    `A candidate can be added to a "layers" head only if its last layer is linear. "${output}" is ` +
      `${activation ?? 'not in the model'}. Train the router again with the new candidate's traffic.`,
  );
}

/** What is missing of a neighbour weighs apart for each candidate, so the mean of all is no column of the table. */
function checkTable(table: KnnTable, file: string): KnnTable {
  const problem =
    table.link !== 'identity'
      ? `gives its means through a ${table.link}`
      : table.outcomes.some(Number.isNaN)
        ? 'has prompts that not every candidate was seen on'
        : null;
  if (problem === null) return table;
  throw new InvalidInputError(
    `A candidate cannot be added to the "knn" head of ${file}, which ${problem}. Train the router again with the new ` +
      "candidate's traffic, or without this head.",
  );
}
