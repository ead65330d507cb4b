import { ArtifactError, InvalidInputError } from '../errors.ts';
import type { RowSums, Simd } from '../simd.ts';
import { prepareText } from '../text.ts';
import type { SyncEmbedder } from './embedder.ts';
import { CELL_SIZE, MAX_CLASSES, type PieceTrie, UnigramTokeniser } from './tokeniser.ts';

const MAX_HEADER_BYTES = 64 * 2 ** 10;

/** Far beyond any real one, and small enough that no sum of vectors leaves the range of a float32. */
const MOST_SCALE = 1e6;

/**
 * Reads a static table from memory. Its arrays are views of `bytes` where the alignment allows, so do not write there.
 *
 * @throws ArtifactError where the bytes are no static table, are cut short, or are of a newer version.
 */
export function decodeStaticTable(bytes: Uint8Array): StaticTable {
  const file = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  const { header, headerBytes } = readHeader(file);
  const at = sectionOffsets(header, headerBytes);
  check(at.end === file.length, `must be ${at.end} bytes long by its header. Got ${file.length}`);
  const section = (from: number) => file.byteOffset + from;
  let pieces: readonly string[] | undefined;
  const table: StaticTable = {
    id: header.id,
    dimensions: header.dimensions,
    // 8,000 strings take longer to make than all else here, and routing needs none of them.
    get pieces() {
      pieces ??= readPieces(file.subarray(at.text), header.pieces);
      return pieces;
    },
    scores: new Float32Array(file.buffer, section(at.scores), header.pieces),
    scales: new Float32Array(file.buffer, section(at.scales), header.dimensions),
    trie: {
      cells: new Int32Array(file.buffer, section(at.cells), header.cells * CELL_SIZE),
      units: new Uint16Array(file.buffer, section(at.units), header.classes),
    },
    matrix: new Int8Array(file.buffer, section(at.matrix), header.pieces * header.dimensions),
  };
  check(header.classes <= MAX_CLASSES, `must have at most ${MAX_CLASSES} classes. Got ${header.classes}`);
  checkNumbers(table);
  return table;
}

function readHeader(file: Uint8Array): { header: StaticTableHeader; headerBytes: number } {
  check(file.length >= PREFIX_BYTES, `must be at least ${PREFIX_BYTES} bytes long. Got ${file.length}`);
  const view = new DataView(file.buffer, file.byteOffset, PREFIX_BYTES);
  check(view.getUint32(0, true) === STATIC_TABLE_MAGIC, 'must begin with "PMST". Got other bytes');
  const version = view.getUint32(4, true);
  check(version === STATIC_TABLE_VERSION, `must be of version ${STATIC_TABLE_VERSION}. Got ${version}`);
  const headerBytes = view.getUint32(8, true);
  check(
    headerBytes % 4 === 0 && headerBytes <= Math.min(file.length - PREFIX_BYTES, MAX_HEADER_BYTES),
    `must have a header inside the file, of at most ${MAX_HEADER_BYTES} bytes. Got one of ${headerBytes}`,
  );
  const json = new TextDecoder().decode(file.subarray(PREFIX_BYTES, PREFIX_BYTES + headerBytes));
  let header: Partial<StaticTableHeader> | null;
  try {
    header = JSON.parse(json);
  } catch (cause) {
    throw new ArtifactError('The header of the static table must be JSON. Copy the file anew.', { cause });
  }
  check(typeof header?.id === 'string' && header.id !== '', 'must have an `id` in its header');
  for (const name of ['dimensions', 'pieces', 'cells', 'classes', 'textBytes'] as const) {
    const count = header?.[name];
    check(
      Number.isInteger(count) && count! > 0 && count! <= file.length,
      `must have \`${name}\` from 1 to its length in bytes in its header. Got ${count}`,
    );
  }
  return { header: header as StaticTableHeader, headerBytes };
}

/**
 * Sorting is native code, and so beats a loop that has not been compiled yet; it puts NaN last. The trie needs no look:
 * whatever its cells say, a walk stops at the first one that does not point back, and unknown pieces never win.
 */
function checkNumbers({ scores, scales }: StaticTable): void {
  const sorted = scores.slice().sort();
  check(sorted[0] > -1e6, `must have scores > -1e6. Got ${sorted[0]}`);
  check(sorted[sorted.length - 1] <= 0, `must have scores ≤ 0. Got ${sorted[sorted.length - 1]}`);
  check(
    scales.every((scale) => Math.abs(scale) <= MOST_SCALE),
    `must have finite scales between ±${MOST_SCALE}. Got others`,
  );
}

function readPieces(text: Uint8Array, count: number): readonly string[] {
  const pieces = new TextDecoder().decode(text).split('\n');
  check(pieces.length === count, `must hold the texts of ${count} pieces. Got ${pieces.length}`);
  return pieces;
}

function check(holds: boolean, rule: string): void {
  if (!holds) throw refused(rule);
}

function refused(rule: string): ArtifactError {
  return new ArtifactError(`The static table ${rule}. Copy the file anew, or make it again.`);
}

/** A vector for every piece of a vocabulary: all that the static embedder needs. */
export interface StaticTable {
  /** Names the contents: tables that differ in any number have different ids. */
  readonly id: string;
  readonly dimensions: number;
  /** Texts in which `▁` stands for the space before a word; piece 0 is the unknown one. */
  readonly pieces: readonly string[];
  /** Log-probability of each piece, ≤ 0: `[pieces]`. */
  readonly scores: Float32Array;
  readonly trie: PieceTrie;
  /** Vectors, each times the weight its piece has in a text, divided by `scales`: `[pieces, dimensions]`. */
  readonly matrix: Int8Array;
  /** What one step of `matrix` is worth in each dimension: `[dimensions]`. */
  readonly scales: Float32Array;
}

/**
 * The file: `magic`, `version` and the header's length (uint32 each), the header (JSON, filled up with spaces to a
 * multiple of 4 bytes), then these sections without gaps, little-endian:
 * scores float32 `[pieces]`, scales float32 `[dimensions]`, cells int32 `[cells, 3]`, units uint16 `[classes]`,
 * matrix int8 `[pieces, dimensions]`, and the pieces as UTF-8 with a line feed between them.
 */
const STATIC_TABLE_MAGIC = 0x54534d50;
// "PMST"
const STATIC_TABLE_VERSION = 1;
const PREFIX_BYTES = 12;

interface StaticTableHeader {
  readonly id: string;
  readonly dimensions: number;
  readonly pieces: number;
  readonly cells: number;
  readonly classes: number;
  readonly textBytes: number;
}

/** Where each section begins, in bytes from the start of the file, and where the file ends. */
function sectionOffsets(header: StaticTableHeader, headerBytes: number) {
  const scores = PREFIX_BYTES + headerBytes;
  const scales = scores + 4 * header.pieces;
  const cells = scales + 4 * header.dimensions;
  const units = cells + 4 * CELL_SIZE * header.cells;
  const matrix = units + 2 * header.classes;
  const text = matrix + header.pieces * header.dimensions;
  return { scores, scales, cells, units, matrix, text, end: text + header.textBytes };
}

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

/**
 * The sum of the vectors of a text's pieces, scaled to length 1. Word order is lost; what it costs is microseconds.
 * Source: the idea of model2vec (github.com/MinishLab/model2vec).
 */
export class StaticEmbedder implements SyncEmbedder {
  readonly id: string;
  readonly dimensions: number;
  private readonly scales: Float32Array;
  private readonly tokeniser: UnigramTokeniser;
  private readonly sumRows: RowSums;

  /**
   * @param table from `decodeStaticTable`.
   * @param createRowSums adds vectors faster, where the system can; the sums are the same. @default one after the other
   */
  constructor(table: StaticTable, createRowSums?: Simd['createRowSums']) {
    this.id = table.id;
    this.dimensions = table.dimensions;
    this.scales = table.scales;
    this.tokeniser = new UnigramTokeniser(table.trie, table.scores);
    const { dimensions, matrix } = table;
    this.sumRows = createRowSums?.(matrix, dimensions) ?? plainSums(matrix, dimensions);
  }

  async embed(texts: readonly string[]): Promise<Float32Array[]> {
    return texts.map((text) => {
      const vector = new Float32Array(this.dimensions);
      this.embedInto(text, vector);
      return vector;
    });
  }

  embedInto(text: string, out: Float32Array): void {
    this.embedPreparedInto(prepareText(text), out);
  }

  /**
   * As `embedInto`, for a text that `prepareText` gave: callers that read it too need not prepare it twice.
   *
   * @returns the text's piece ids (0 for unknown characters), a view that the next call overwrites.
   */
  embedPreparedInto(prepared: string, out: Float32Array): Int32Array {
    const ids = this.tokeniser.tokenisePrepared(prepared);
    this.pool(ids, out);
    return ids;
  }

  /** Piece ids of a text, in order. Their number is near the number of tokens that a language model would count. */
  tokenise(text: string): Int32Array {
    return this.tokeniser.tokenise(text);
  }

  /** Writes the vector of a text with these piece ids to `out` (`[dimensions]`); no ids give the zero vector. */
  pool(ids: Int32Array, out: Float32Array): void {
    const { scales } = this;
    this.sumRows(ids, out);
    let squares = 0;
    for (let i = 0; i < scales.length; i++) {
      const value = out[i] * scales[i];
      out[i] = value;
      squares += value * value;
    }
    if (squares === 0) return;
    const factor = 1 / Math.sqrt(squares);
    for (let i = 0; i < scales.length; i++) out[i] *= factor;
  }
}

/** One row after the other. */
function plainSums(matrix: Int8Array, columns: number): RowSums {
  return (ids, out) => {
    out.fill(0);
    for (const id of ids) for (let c = 0, at = id * columns; c < columns; c++) out[c] += matrix[at++];
  };
}
