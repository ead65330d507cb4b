import { InvalidInputError } from 'pointsman';
import { type TensorFlow, useBackend } from '../backend/use-backend.ts';
import type { DenseChain, DenseLayer } from './dense-chain.ts';

/** The two files of TF.js's own format. */
export interface ExportedModel {
  /** `model.json`. */
  readonly modelJson: string;
  /** `weights.bin`, the path that `model.json` names. */
  readonly weights: Uint8Array;
}

type SymbolicTensor = ReturnType<TensorFlow['input']>;

/**
 * Makes one TF.js LayersModel of all the chains, each ending in an output of its name, and writes it as
 * `tf.loadLayersModel` reads it. The same chains give the same bytes.
 * @param chains outputs by name; all read the same features
 * @throws InvalidInputError when there are none, or their inputs differ
 */
export async function exportLayersModel(
  chains: Readonly<Record<string, DenseChain>>,
): Promise<ExportedModel> {
  const names = Object.keys(chains).sort();
  const lengths = new Set(names.map((name) => chains[name][0].inputs));
  if (lengths.size !== 1) {
    throw new InvalidInputError(
      `\`chains\` of exportLayersModel must read features of one length. Got ${names.length} chains of [${[...lengths]}].`,
    );
  }
  const { tf } = await useBackend();
  const input = tf.input({ shape: [...lengths], name: 'features' });
  const shared = new Map<SymbolicTensor, Map<DenseLayer, SymbolicTensor>>();
  const outputs = names.map((name) => {
    const chain = chains[name];
    return chain.reduce((from, layer, i) => {
      // The last layer carries the output's name, so it is its own even where two chains are alike.
      if (i === chain.length - 1) return applyLayer(tf, layer, name, from);
      const made = shared.get(from) ?? new Map<DenseLayer, SymbolicTensor>();
      shared.set(from, made);
      const value = made.get(layer) ?? applyLayer(tf, layer, `${name}_${i + 1}`, from);
      made.set(layer, value);
      return value;
    }, input);
  });
  const model = tf.model({ name: 'pointsman', inputs: input, outputs });
  try {
    return await serialise(tf, model);
  } finally {
    model.dispose();
  }
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

async function serialise(tf: TensorFlow, model: ReturnType<TensorFlow['model']>): Promise<ExportedModel> {
  let exported: ExportedModel | undefined;
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      const { modelTopology, weightSpecs, weightData, format, generatedBy } = artifacts;
      exported = {
        modelJson: `${JSON.stringify({
          format,
          generatedBy,
          convertedBy: null,
          modelTopology,
          weightsManifest: [{ paths: ['weights.bin'], weights: weightSpecs }],
        })}\n`,
        weights: joined(weightData),
      };
      // No date: the same model has the same bytes.
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  if (exported === undefined) throw new InvalidInputError('TF.js did not save the model. Check its version.');
  return exported;
}

function joined(data: ArrayBuffer | ArrayBuffer[] | undefined): Uint8Array {
  const parts = data === undefined ? [] : Array.isArray(data) ? data : [data];
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(new Uint8Array(part), offset);
    offset += part.byteLength;
  }
  return bytes;
}
