import { InvalidInputError } from 'pointsman';
import type { Artifact } from 'pointsman/artifact';
import { readFloat32 } from 'pointsman/math';
import type { DenseChain, DenseLayer } from '../fit/chain.ts';
import type { JoinedLayer, ModelOutputs } from '../fit/fold-head.ts';

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
