import type { Manifest } from 'pointsman/artifact';
import { exportLayersModel } from '../fit/export.ts';
import { type FoldedHeads, notLayers } from '../fit/fold-head.ts';

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
