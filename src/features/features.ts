import type { FeatureBlock, Manifest, NoveltySpec } from '../artifact/manifest.ts';
import { ArtifactError } from '../errors.ts';
import { allFinite, readFloat32 } from '../math.ts';
import type { Prompt } from '../request.ts';
import { createTextScan, prepareText, scanText } from '../text.ts';
import { createNgramBlock, createNgramCounter, decodeNgramTable, type NgramBlock } from './ngrams.ts';
import { createNumericSignals, NUMERIC_SIGNAL_NAMES } from './numeric.ts';

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
  return block.kind === 'embedding'
    ? { kind: 'embedding', dimensions: block.dimensions }
    : readTextBlock(block, file);
}

/** A block that is read off a text. @throws ArtifactError as {@link readFeatures} does. */
export function readTextBlock(
  block: Exclude<FeatureBlock, { kind: 'embedding' }>,
  file: (path: string) => Uint8Array,
): TextExtractorBlock {
  if (block.kind === 'numeric') {
    checkNames('numeric signals', block.names, NUMERIC_SIGNAL_NAMES);
    return { kind: 'numeric' };
  }
  const table = decodeNgramTable(file(block.file), block.buckets, block.dimensions);
  const ngrams = createNgramBlock(createNgramCounter(block), table);
  return { kind: 'ngrams', dimensions: block.dimensions, block: ngrams };
}

/** @throws ArtifactError when what is counted has other names than those of this version. */
export function checkNames(what: string, names: readonly string[], known: readonly string[]): void {
  const unknown = names.findIndex((name, i) => name !== known[i]);
  if (unknown !== -1 || names.length !== known.length)
    throw new ArtifactError(
      `the ${what} of the artifact must be the ${known.length} of this version. Got ${names.length}, first different: "${names[unknown] ?? 'none'}". Use the version that trained it, or train again.`,
    );
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

/** One stretch of the feature vector, ready to be computed. */
export type ExtractorBlock = { readonly kind: 'embedding'; readonly dimensions: number } | TextExtractorBlock;

type TextExtractorBlock =
  | { readonly kind: 'ngrams'; readonly dimensions: number; readonly block: NgramBlock }
  | { readonly kind: 'numeric' };

function blockLength(block: ExtractorBlock): number {
  return block.kind === 'numeric' ? NUMERIC_SIGNAL_NAMES.length : block.dimensions;
}

/** Features are (x - mean) * scale, held within ±`LIMIT` so that one odd prompt cannot run away with a linear head. */
export interface Standardisation {
  readonly mean: Float32Array; // [length]
  readonly scale: Float32Array; // [length]
  /** Standardises `[length]` numbers of `features` from `offset`, in place. */
  apply(features: Float32Array, offset: number): void;
}

/** In units of the scale's inverse; for a z-scored feature, standard deviations. */
const LIMIT = 5;

/**
 * Features as far out as standardisation lets them be: what is finite for all of them has no weight that is huge. All
 * alike and in turn, so that weights of either sign add up somewhere.
 */
export function extremeFeatures(length: number): Float32Array[] {
  const signs: readonly ((i: number) => number)[] = [
    () => 0,
    () => 1,
    () => -1,
    (i) => (i % 2 === 0 ? 1 : -1),
  ];
  return signs.map((sign) => Float32Array.from({ length }, (_, i) => LIMIT * sign(i)));
}

export function createStandardisation(mean: Float32Array, scale: Float32Array): Standardisation {
  return {
    mean,
    scale,
    apply(features, offset) {
      for (let i = 0; i < mean.length; i++) {
        const value = (features[offset + i] - mean[i]) * scale[i];
        features[offset + i] = Math.max(-LIMIT, Math.min(LIMIT, value));
      }
    },
  };
}

/** Little-endian float32: the means, then the scales. */
export function encodeStandardisation({ mean, scale }: Standardisation): Uint8Array {
  const bytes = new Uint8Array((mean.length + scale.length) * 4);
  const view = new DataView(bytes.buffer);
  mean.forEach((value, i) => {
    view.setFloat32(i * 4, value, true);
  });
  scale.forEach((value, i) => {
    view.setFloat32((mean.length + i) * 4, value, true);
  });
  return bytes;
}

/** @throws ArtifactError when the file is not two floats a feature, or a number is not finite. */
export function decodeStandardisation(bytes: Uint8Array, length: number): Standardisation {
  if (bytes.byteLength !== length * 8)
    throw new ArtifactError(
      `the standardisation must have ${length * 8} bytes for ${length} features. Got ${bytes.byteLength}. Export the artifact again.`,
    );
  const mean = readFloat32(bytes, 0, length);
  const scale = readFloat32(bytes, 4 * length, length);
  if (!allFinite(mean) || !allFinite(scale))
    throw new ArtifactError(
      'the standardisation holds a number that is not finite. Export the artifact again.',
    );
  return createStandardisation(mean, scale);
}

/** Features to distance over threshold: over 1 is out of distribution. */
export type NoveltyScore = (features: Float32Array) => number;

/**
 * Mahalanobis distance under a covariance of a few directions and one variance for all others (probabilistic PCA,
 * Tipping and Bishop 1999), per feature. Features have mean 0 over the fit split.
 *
 * @throws ArtifactError when the file does not fit.
 */
export function readNovelty(spec: NoveltySpec, length: number, bytes: Uint8Array): NoveltyScore {
  const { components, residualPrecision, threshold } = spec;
  const count = components * (1 + length);
  if (bytes.length !== 4 * count) {
    throw new ArtifactError(
      `"${spec.file}" must hold ${count} numbers of 4 bytes. Got ${bytes.length} bytes. Export the artifact again.`,
    );
  }
  const numbers = readFloat32(bytes, 0, count);
  if (!allFinite(numbers)) {
    throw new ArtifactError(`"${spec.file}" holds a number that is not finite. Export the artifact again.`);
  }
  const precisions = numbers.subarray(0, components);
  const scale = 1 / (length * threshold);
  return (features) => {
    let rest = 0;
    for (let i = 0; i < length; i++) rest += features[i] * features[i];
    let distance = 0;
    for (let k = 0, at = components; k < components; k++) {
      let along = 0;
      for (let i = 0; i < length; i++) along += features[i] * numbers[at++];
      distance += precisions[k] * along * along;
      rest -= along * along;
    }
    return (distance + residualPrecision * Math.max(0, rest)) * scale;
  };
}
