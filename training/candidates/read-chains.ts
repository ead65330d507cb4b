import { InvalidInputError } from 'pointsman';
import { readFloat32 } from 'pointsman/math';
import type { DenseChain, DenseLayer } from '../head/index.ts';

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
 * The mirror of `exportLayersModel`: every output of an exported model as its chain of layers. Chains that share
 * layers share the objects, as they did.
 *
 * @param modelJson an artifact's `model.json`, which has been checked
 * @throws InvalidInputError when the model has layers that `exportLayersModel` does not write
 */
export function readChains(modelJson: Uint8Array, weights: Uint8Array): Map<string, DenseChain> {
  const { modelTopology, weightsManifest }: ModelJson = JSON.parse(new TextDecoder().decode(modelJson));
  const tensors = new Map<string, Float32Array>();
  let offset = 0;
  for (const { name, shape } of weightsManifest.flatMap((group) => group.weights)) {
    const length = shape.reduce((product, size) => product * size, 1);
    tensors.set(name, readFloat32(weights, offset, length));
    offset += 4 * length;
  }
  const chains = new Map<string, DenseChain>();
  for (const layer of modelTopology.config.layers) {
    if (layer.class_name === 'InputLayer') {
      chains.set(layer.name, []);
      continue;
    }
    const kernel = tensors.get(`${layer.name}/kernel`);
    const bias = tensors.get(`${layer.name}/bias`);
    const before = chains.get(layer.inbound_nodes[0][0][0]);
    if (layer.class_name !== 'Dense' || kernel === undefined || bias === undefined || before === undefined) {
      throw new InvalidInputError(
        `A candidate can be added to models of dense layers with a bias. Layer "${layer.name}" of model.json is ` +
          `${layer.class_name}. Train the router again with the new candidate's traffic.`,
      );
    }
    const { units, activation } = layer.config;
    chains.set(layer.name, [
      ...before,
      { inputs: kernel.length / units, outputs: units, kernel, bias, activation },
    ]);
  }
  return new Map(modelTopology.config.output_layers.map(([name]) => [name, chains.get(name) as DenseChain]));
}
