import { CELL_SIZE } from './piece-trie.ts';

/**
 * The file: `magic`, `version` and the header's length (uint32 each), the header (JSON, filled up with spaces to a
 * multiple of 4 bytes), then these sections without gaps, little-endian:
 * scores float32 `[pieces]`, scales float32 `[dimensions]`, cells int32 `[cells, 3]`, units uint16 `[classes]`,
 * matrix int8 `[pieces, dimensions]`, and the pieces as UTF-8 with a line feed between them.
 */
export const STATIC_TABLE_MAGIC = 0x54534d50;
// "PMST"
export const STATIC_TABLE_VERSION = 1;
export const PREFIX_BYTES = 12;

export interface StaticTableHeader {
  readonly id: string;
  readonly dimensions: number;
  readonly pieces: number;
  readonly cells: number;
  readonly classes: number;
  readonly textBytes: number;
}

/** Where each section begins, in bytes from the start of the file, and where the file ends. */
export function sectionOffsets(header: StaticTableHeader, headerBytes: number) {
  const scores = PREFIX_BYTES + headerBytes;
  const scales = scores + 4 * header.pieces;
  const cells = scales + 4 * header.dimensions;
  const units = cells + 4 * CELL_SIZE * header.cells;
  const matrix = units + 2 * header.classes;
  const text = matrix + header.pieces * header.dimensions;
  return { scores, scales, cells, units, matrix, text, end: text + header.textBytes };
}
