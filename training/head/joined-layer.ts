import { activate, Dense, type Head } from 'pointsman/head';
import { chainHead, type DenseChain, type DenseLayer } from './dense-chain.ts';

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

/** Whether two chains are the same layers. */
export function isSameChain(a: DenseChain, b: DenseChain): boolean {
  return a.length === b.length && a.every((layer, i) => layer === b[i]);
}

/** Length of what a chain gives. */
export function chainOutputs(chain: DenseChain, features: number): number {
  return chain.at(-1)?.outputs ?? features;
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
