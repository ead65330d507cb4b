import type { FeatureBlock, Manifest } from '../artifact/manifest.ts';
import { ArtifactError } from '../errors/artifact-error.ts';
import { createFeatureExtractor, type ExtractorBlock, type FeatureExtractor } from './feature-extractor.ts';
import { decodeStandardisation } from './features.ts';
import { createNgramBlock } from './ngram-block.ts';
import { decodeNgramTable } from './ngram-table.ts';
import { createNgramCounter } from './ngrams.ts';
import { NUMERIC_SIGNAL_NAMES } from './numeric.ts';

/**
 * The feature extractor that an artifact describes.
 *
 * @param file the bytes of one of the artifact's files.
 * @throws ArtifactError when a table does not fit the manifest, or it asks for signals this version does not have.
 */
export function readFeatures(
  features: Manifest['features'],
  file: (path: string) => Uint8Array,
): FeatureExtractor {
  const blocks = features.blocks.map((block) => readBlock(block, file));
  return createFeatureExtractor(
    blocks,
    decodeStandardisation(file(features.standardisation), features.length),
  );
}

function readBlock(block: FeatureBlock, file: (path: string) => Uint8Array): ExtractorBlock {
  switch (block.kind) {
    case 'embedding':
      return { kind: 'embedding', dimensions: block.dimensions };
    case 'ngrams': {
      const table = decodeNgramTable(file(block.file), block.buckets, block.dimensions);
      const ngrams = createNgramBlock(createNgramCounter(block), table);
      return { kind: 'ngrams', dimensions: block.dimensions, block: ngrams };
    }
    case 'numeric':
      checkNames(block.names);
      return { kind: 'numeric' };
  }
}

function checkNames(names: readonly string[]): void {
  const unknown = names.findIndex((name, i) => name !== NUMERIC_SIGNAL_NAMES[i]);
  if (unknown !== -1 || names.length !== NUMERIC_SIGNAL_NAMES.length)
    throw new ArtifactError(
      `the numeric signals of the artifact must be the ${NUMERIC_SIGNAL_NAMES.length} of this version. Got ${names.length}, first different: "${names[unknown] ?? 'none'}". Use the version that trained it, or train again.`,
    );
}
