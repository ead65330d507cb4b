import * as z from 'zod/mini';

const size = z.int().check(z.positive(), z.maximum(10_000_000));
const name = z.string().check(z.minLength(1));

/** TF.js: one node, each input `[layer, node, tensor, options?]`. We read the first node of each layer only. */
const reference = z.tuple([name, z.literal(0), z.literal(0)], z.unknown());
const inbound = z.array(z.array(reference).check(z.minLength(1))).check(z.length(1));

const inputLayer = z.object({
  class_name: z.literal('InputLayer'),
  name,
  config: z.object({ batch_input_shape: z.tuple([z.null(), size]) }),
});
const dense = z.object({
  class_name: z.literal('Dense'),
  name,
  config: z.object({
    units: size,
    activation: z.enum(['linear', 'relu', 'tanh', 'sigmoid', 'softmax']),
    use_bias: z._default(z.boolean(), true),
  }),
  inbound_nodes: inbound,
});

/** Layers without weights: inputs side by side, inputs summed, and what only training needs. */
const plain = z.object({
  class_name: z.enum(['Concatenate', 'Add', 'Dropout']),
  name,
  inbound_nodes: inbound,
});

const layer = z.discriminatedUnion('class_name', [inputLayer, dense, plain]);

/** The part of TF.js's `model.json` (format "layers-model") that an artifact may use. */
export const layersModelSchema = z.object({
  format: z.literal('layers-model'),
  modelTopology: z.object({
    class_name: z.enum(['Functional', 'Model']),
    config: z.object({
      layers: z.array(layer).check(z.minLength(1), z.maxLength(1000)),
      input_layers: z.array(reference).check(z.length(1)),
      output_layers: z.array(reference).check(z.minLength(1)),
    }),
  }),
  weightsManifest: z.array(
    z.object({
      weights: z.array(
        z.object({ name, dtype: z.literal('float32'), shape: z.array(size).check(z.maxLength(2)) }),
      ),
    }),
  ),
});

export type LayersModelJson = z.output<typeof layersModelSchema>;
export type LayerJson = z.output<typeof layer>;
