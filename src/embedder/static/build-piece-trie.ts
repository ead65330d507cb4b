import { InvalidInputError } from '../../errors/invalid-input-error.ts';
import { CELL_SIZE, MAX_CLASSES, type PieceTrie } from './piece-trie.ts';

interface Node {
  piece: number;
  readonly children: Map<number, Node>;
}

/**
 * @param pieces texts of at most 255 distinct UTF-16 units together; of equal ones the first counts.
 * @param reserved how many at the start are left out.
 */
export function buildPieceTrie(pieces: readonly string[], reserved: number): PieceTrie {
  const classOf = new Map<number, number>();
  const root: Node = { piece: -1, children: new Map() };
  for (let p = reserved; p < pieces.length; p++) {
    let node = root;
    for (let i = 0; i < pieces[p].length; i++) {
      const unit = pieces[p].charCodeAt(i);
      const unitClass = classOf.get(unit) ?? classOf.size + 1;
      classOf.set(unit, unitClass);
      const child = node.children.get(unitClass) ?? { piece: -1, children: new Map() };
      node.children.set(unitClass, child);
      node = child;
    }
    if (node !== root && node.piece < 0) node.piece = p;
  }
  if (classOf.size > MAX_CLASSES) {
    throw new InvalidInputError(
      `\`pieces\` of a static table must hold at most ${MAX_CLASSES} distinct characters. Got ${classOf.size}. ` +
        'Leave out the pieces with the rarest ones.',
    );
  }
  return { units: Uint16Array.from(classOf.keys()), cells: layOut(root) };
}

/** Breadth first, each family in the first place where all its members find a free cell. */
function layOut(root: Node): Int32Array {
  const placed: { node: Node; at: number }[] = [{ node: root, at: 0 }];
  const base: number[] = [0];
  const check: number[] = [-1];
  const piece: number[] = [root.piece];
  let firstFree = 1;
  for (let next = 0; next < placed.length; next++) {
    const { node, at } = placed[next];
    const classes = [...node.children.keys()].sort((a, b) => a - b);
    if (classes.length === 0) continue;
    while (piece[firstFree] !== undefined) firstFree++;
    let start = Math.max(0, firstFree - classes[0]);
    while (classes.some((c) => piece[start + c] !== undefined)) start++;
    base[at] = start;
    for (const c of classes) {
      const child = node.children.get(c)!;
      base[start + c] = 0;
      check[start + c] = at;
      piece[start + c] = child.piece;
      placed.push({ node: child, at: start + c });
    }
  }
  const cells = new Int32Array((piece.length + MAX_CLASSES + 1) * CELL_SIZE);
  for (let t = 0; t * CELL_SIZE < cells.length; t++) {
    cells[t * CELL_SIZE] = base[t] ?? 0;
    cells[t * CELL_SIZE + 1] = check[t] ?? -1;
    cells[t * CELL_SIZE + 2] = piece[t] ?? -1;
  }
  return cells;
}
