const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/**
 * Little-endian float32 numbers, copied out of a file's bytes.
 *
 * @param from first byte; any alignment.
 * @param length how many numbers. They must lie within `bytes`.
 */
export function readFloat32(bytes: Uint8Array, from: number, length: number): Float32Array {
  const copy = bytes.slice(from, from + 4 * length);
  if (LITTLE_ENDIAN) return new Float32Array(copy.buffer, copy.byteOffset, length);
  const view = new DataView(copy.buffer, copy.byteOffset);
  return Float32Array.from({ length }, (_, i) => view.getFloat32(4 * i, true));
}
