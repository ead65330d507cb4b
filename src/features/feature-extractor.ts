import type { Prompt } from '../request/prompt-text.ts';
import { prepareText } from '../text.ts';
import type { Standardisation } from './features.ts';
import type { NgramBlock } from './ngram-block.ts';
import { createNumericSignals, NUMERIC_SIGNAL_NAMES } from './numeric.ts';
import { createTextScan, scanText } from './text-scan.ts';

/** One stretch of the feature vector, ready to be computed. */
export type ExtractorBlock =
  | { readonly kind: 'embedding'; readonly dimensions: number }
  | { readonly kind: 'ngrams'; readonly dimensions: number; readonly block: NgramBlock }
  | { readonly kind: 'numeric' };

/** A prompt and its embedding to the feature vector. Training and serving both go through here. */
export interface FeatureExtractor {
  /** Length of the feature vector. */
  readonly length: number;
  /**
   * @param embedding the embedder's vector for `prompt.text`, `[dimensions]`.
   * @param out `[length]`, from `offset`.
   */
  extractInto(prompt: Prompt, embedding: Float32Array, out: Float32Array, offset?: number): void;
}

/** Not safe to call from two threads at once: it reuses its buffers. */
export function createFeatureExtractor(
  blocks: readonly ExtractorBlock[],
  standardisation: Standardisation | null,
): FeatureExtractor {
  const length = blocks.reduce((sum, block) => sum + blockLength(block), 0);
  const readsText = blocks.some((block) => block.kind !== 'embedding');
  const numeric = createNumericSignals();
  const scan = createTextScan();

  return {
    length,
    extractInto(prompt, embedding, out, offset = 0) {
      let at = offset;
      if (readsText) scanText(prepareText(prompt.text), scan);
      for (const block of blocks) {
        if (block.kind === 'embedding') out.set(embedding, at);
        else if (block.kind === 'ngrams') block.block.writeInto(scan, out, at);
        else numeric.writeInto(prompt, scan, out, at);
        at += blockLength(block);
      }
      if (standardisation !== null) standardisation.apply(out, offset);
    },
  };
}

function blockLength(block: ExtractorBlock): number {
  return block.kind === 'numeric' ? NUMERIC_SIGNAL_NAMES.length : block.dimensions;
}
