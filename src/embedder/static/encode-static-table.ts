import { InvalidInputError } from '../../errors/invalid-input-error.ts';
import { CELL_SIZE } from './piece-trie.ts';
import type { StaticTable } from './static-table.ts';
import {
  PREFIX_BYTES,
  STATIC_TABLE_MAGIC,
  STATIC_TABLE_VERSION,
  type StaticTableHeader,
  sectionOffsets,
} from './static-table-layout.ts';

/**
 * The bytes that `decodeStaticTable` reads; the same table gives the same bytes.
 *
 * @throws InvalidInputError where a piece holds a line feed, which separates them in the file.
 */
export function encodeStaticTable(table: StaticTable): Uint8Array<ArrayBuffer> {
  const split = table.pieces.find((piece) => piece.includes('\n'));
  if (split !== undefined) {
    throw new InvalidInputError(
      `\`pieces\` of a static table must not hold line feeds. Got ${JSON.stringify(split)}. Leave that piece out.`,
    );
  }
  const text = new TextEncoder().encode(table.pieces.join('\n'));
  const header: StaticTableHeader = {
    id: table.id,
    dimensions: table.dimensions,
    pieces: table.pieces.length,
    cells: table.trie.cells.length / CELL_SIZE,
    classes: table.trie.units.length,
    textBytes: text.length,
  };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(json.length / 4) * 4;
  const at = sectionOffsets(header, headerBytes);
  const bytes = new Uint8Array(at.end);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, STATIC_TABLE_MAGIC, true);
  view.setUint32(4, STATIC_TABLE_VERSION, true);
  view.setUint32(8, headerBytes, true);
  bytes.fill(32, PREFIX_BYTES, PREFIX_BYTES + headerBytes);
  bytes.set(json, PREFIX_BYTES);
  bytes.set(bytesOf(table.scores), at.scores);
  bytes.set(bytesOf(table.scales), at.scales);
  bytes.set(bytesOf(table.trie.cells), at.cells);
  bytes.set(bytesOf(table.trie.units), at.units);
  bytes.set(bytesOf(table.matrix), at.matrix);
  bytes.set(text, at.text);
  return bytes;
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
