import { ArtifactError } from '../errors/artifact-error.ts';
import { readFloat32 } from '../math/read-float32.ts';

/** How the weighted mean of outcomes becomes the head's output. The index is the code in the file. */
export const knnLinks = ['identity', 'logit', 'log'] as const;
export type KnnLink = (typeof knnLinks)[number];

/** First four bytes of the file, little-endian: "PKNN". */
export const knnMagic = 0x4e4e4b50;
export const knnVersion = 1;

/** Bytes before the arrays. */
export const knnHeaderBytes = 32;

/** What the neighbour file of a `knn` head holds. */
export interface KnnTable {
  readonly rows: number;
  readonly dimensions: number;
  readonly outputs: number;
  readonly link: KnnLink;
  /** Weight of the prior against the sum of the neighbours' weights; >= 0. */
  readonly shrinkage: number;
  /** A neighbour weighs (cosine, at least 0) to this power; > 0. */
  readonly sharpness: number;
  /** Unit rows are `vectors * scales`. */
  readonly scales: Float32Array; // [rows]
  /** What each row weighs beside its similarity (inverse propensity); 1 for none. */
  readonly weights: Float32Array; // [rows]
  /** Mean outcome of each output, before the link. */
  readonly prior: Float32Array; // [outputs]
  /** NaN is unobserved. */
  readonly outcomes: Float32Array; // [rows, outputs]
  readonly vectors: Int8Array; // [rows, dimensions]
}

/**
 * Reads a neighbour file, little-endian throughout:
 *
 * | bytes | what |
 * |---|---|
 * | 0, 4, 8, 12, 16 | uint32: magic, version, rows, dimensions, outputs |
 * | 20 | uint32: link (0 identity, 1 logit, 2 log) |
 * | 24, 28 | float32: shrinkage, sharpness |
 * | 32 | float32: scales, weights, prior, outcomes |
 * | then | int8: vectors |
 *
 * @throws ArtifactError where the file is not one, is cut short, or holds a number it must not hold
 */
export function readKnnFile(bytes: Uint8Array): KnnTable {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < knnHeaderBytes || view.getUint32(0, true) !== knnMagic) {
    throw new ArtifactError(
      'A neighbour file must begin with "PKNN" and 28 more bytes. Export the artifact again.',
    );
  }
  const version = view.getUint32(4, true);
  if (version !== knnVersion) {
    throw new ArtifactError(
      `A neighbour file must have version ${knnVersion}. Got ${version}. Update pointsman.`,
    );
  }
  const [rows, dimensions, outputs] = [8, 12, 16].map((at) => view.getUint32(at, true));
  const link = knnLinks[view.getUint32(20, true)];
  const shrinkage = view.getFloat32(24, true);
  const sharpness = view.getFloat32(28, true);
  const floats = 2 * rows + outputs + rows * outputs;
  const expected = knnHeaderBytes + 4 * floats + rows * dimensions;
  if (bytes.byteLength !== expected) {
    throw new ArtifactError(
      `A neighbour file of this shape must have ${expected} bytes. Got ${bytes.byteLength}.`,
    );
  }
  if (rows === 0 || dimensions === 0 || outputs === 0 || link === undefined) {
    throw new ArtifactError('A neighbour file must have rows, dimensions, outputs and a known link.');
  }
  let offset = knnHeaderBytes;
  const take = (length: number): Float32Array => {
    const values = readFloat32(bytes, offset, length);
    offset += 4 * length;
    return values;
  };
  const table = {
    rows,
    dimensions,
    outputs,
    link,
    shrinkage,
    sharpness,
    scales: take(rows),
    weights: take(rows),
    prior: take(outputs),
    outcomes: take(rows * outputs),
    vectors: new Int8Array(bytes.slice(offset).buffer),
  };
  checkNumbers(table);
  return table;
}

function checkNumbers(table: KnnTable): void {
  const amount = (x: number) => x >= 0 && Number.isFinite(x);
  // A row of whole numbers is at least 1 long, and its scale makes it 1.
  const scale = (x: number) => x >= 0 && x <= 1;
  const inLink = (x: number) => Number.isFinite(x) && (table.link === 'identity' || (x >= 0 && x <= 1));
  const wrong =
    !amount(table.shrinkage) || !(table.sharpness > 0) || !amount(table.sharpness)
      ? 'shrinkage and sharpness'
      : !table.scales.every(scale) || !table.weights.every(amount)
        ? 'scales and weights'
        : !table.prior.every(inLink) || !table.outcomes.every((x) => Number.isNaN(x) || inLink(x))
          ? 'prior and outcomes'
          : null;
  if (wrong !== null) {
    throw new ArtifactError(`The ${wrong} of a neighbour file must be within their bounds. Fit it again.`);
  }
}
