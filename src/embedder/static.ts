import { ArtifactError } from '../errors/artifact-error.ts';
import { CELL_SIZE, MAX_CLASSES } from './static/piece-trie.ts';
import type { StaticTable } from './static/static-table.ts';
import {
  PREFIX_BYTES,
  STATIC_TABLE_MAGIC,
  STATIC_TABLE_VERSION,
  type StaticTableHeader,
  sectionOffsets,
} from './static/static-table-layout.ts';

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
