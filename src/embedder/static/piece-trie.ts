/** Numbers a cell of {@link PieceTrie.cells} takes: base, check, piece. */
export const CELL_SIZE = 3;

/** Most classes a trie may have, and the room that must lie behind every base. */
export const MAX_CLASSES = 255;

/**
 * A prefix tree over pieces as a double array (Aoe 1989): the child of node `n` over class `c` is `t = base[n] + c`,
 * and it exists where `check[t]` is `n`. It is laid out when the table is made, so that loading it takes no time.
 */
export interface PieceTrie {
  /** The UTF-16 unit of class 1, 2, ...: `[classes]`. */
  readonly units: Uint16Array;
  /** `[cells, 3]`: base, check (-1 where free), and the piece that ends here (-1 for none). Cell 0 is the root. */
  readonly cells: Int32Array;
}

/** Class of each UTF-16 unit, 0 for one that no piece holds: `[largest unit + 1]`. */
export function classesOf(trie: PieceTrie): Uint8Array {
  let largest = 0;
  for (const unit of trie.units) largest = Math.max(largest, unit);
  const classes = new Uint8Array(largest + 1);
  trie.units.forEach((unit, i) => {
    classes[unit] = i + 1;
  });
  return classes;
}
