import { type KnnTable, knnHeaderBytes, knnLinks, knnMagic, knnVersion } from 'pointsman/head';

/** Writes a neighbour file: the mirror of `readKnnFile`, which describes the format. */
export function encodeKnn(table: KnnTable): Uint8Array {
  const arrays = [table.scales, table.weights, table.prior, table.outcomes];
  const floats = arrays.reduce((sum, array) => sum + array.length, 0);
  const bytes = new Uint8Array(knnHeaderBytes + 4 * floats + table.vectors.length);
  const view = new DataView(bytes.buffer);
  const header = [
    knnMagic,
    knnVersion,
    table.rows,
    table.dimensions,
    table.outputs,
    knnLinks.indexOf(table.link),
  ];
  header.forEach((value, i) => {
    view.setUint32(4 * i, value, true);
  });
  view.setFloat32(24, table.shrinkage, true);
  view.setFloat32(28, table.sharpness, true);
  let offset = knnHeaderBytes;
  for (const array of arrays) {
    for (const value of array) {
      view.setFloat32(offset, value, true);
      offset += 4;
    }
  }
  bytes.set(new Uint8Array(table.vectors.buffer, table.vectors.byteOffset, table.vectors.length), offset);
  return bytes;
}
