import { ArtifactError } from '../errors/artifact-error.ts';
import { readFloat32 } from '../math/read-float32.ts';

/** The fitted part of the n-gram block: how rare each bucket is, and where it points. */
export interface NgramTable {
  readonly buckets: number;
  readonly dimensions: number;
  /** Inverse document frequency; 0 for a bucket too rare to say anything: [buckets] */
  readonly idf: Float32Array;
  /** Step of each column's int8 values: [dimensions] */
  readonly steps: Float32Array;
  /** [buckets, dimensions] */
  readonly projection: Int8Array;
}

/** Little-endian: idf float32 [buckets], steps float32 [dimensions], projection int8 [buckets, dimensions]. */
export function encodeNgramTable(table: NgramTable): Uint8Array {
  const floats = table.buckets + table.dimensions;
  const bytes = new Uint8Array(floats * 4 + table.buckets * table.dimensions);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < table.buckets; i++) view.setFloat32(i * 4, table.idf[i], true);
  for (let i = 0; i < table.dimensions; i++) view.setFloat32((table.buckets + i) * 4, table.steps[i], true);
  bytes.set(
    new Uint8Array(table.projection.buffer, table.projection.byteOffset, table.projection.length),
    floats * 4,
  );
  return bytes;
}

/** Far beyond what any traffic gives, and small enough that no sum of them leaves the range of a float32. */
const MOST = 1e6;
const isOrdinary = (value: number) => Math.abs(value) <= MOST;

/** @throws ArtifactError when the size is not what `buckets` and `dimensions` ask for, or a number is not finite or huge. */
export function decodeNgramTable(bytes: Uint8Array, buckets: number, dimensions: number): NgramTable {
  const floats = buckets + dimensions;
  const expected = floats * 4 + buckets * dimensions;
  if (bytes.byteLength !== expected)
    throw new ArtifactError(
      `the n-gram table must have ${expected} bytes for ${buckets} buckets of ${dimensions} dimensions. Got ${bytes.byteLength}. Export the artifact again.`,
    );
  const idf = readFloat32(bytes, 0, buckets);
  const steps = readFloat32(bytes, 4 * buckets, dimensions);
  if (!idf.every(isOrdinary) || !steps.every(isOrdinary))
    throw new ArtifactError(
      `the n-gram table holds a number that is not between ±${MOST}. Export the artifact again.`,
    );
  return {
    buckets,
    dimensions,
    idf,
    steps,
    projection: new Int8Array(bytes.buffer, bytes.byteOffset + floats * 4, buckets * dimensions),
  };
}
