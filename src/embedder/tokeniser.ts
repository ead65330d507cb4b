import { InvalidInputError } from '../errors.ts';
import { FNV_OFFSET, hashUnit, prepareText, TextUnits } from '../text.ts';

/** Id of a character that no piece covers; a run of them within a word gives one. */
export const UNKNOWN_PIECE = 0;
const SPACE_MARK = 0x2581;
// '▁', which opens every word
const UNKNOWN_PENALTY = 10;
// SentencePiece's kUnkPenalty

/**
 * SentencePiece's unigram model: the segmentation whose pieces have the highest sum of scores (Viterbi).
 * No piece goes over a word border, so each word is solved by itself and the time is linear in the text.
 * Source: Kudo 2018, arXiv 1804.10959; github.com/google/sentencepiece, unigram_model.cc.
 */
export class UnigramTokeniser {
  readonly #cells: Int32Array;
  readonly #classOf: Uint8Array;
  readonly #scores: Float32Array;
  readonly #unknownScore: number;
  readonly #cache = new WordCache();
  readonly #reader = new TextUnits();
  #ids = new Int32Array(1024);
  #classes = new Uint8Array(64);
  #best = new Float64Array(65);
  #startOf = new Int32Array(65);
  #pieceOf = new Int32Array(65);

  /**
   * @param trie over the pieces, in which `▁` stands for the space before a word.
   * @param scores log-probability of each piece: `[pieces]`, all ≤ 0.
   */
  constructor(trie: PieceTrie, scores: Float32Array) {
    this.#scores = scores;
    this.#cells = trie.cells;
    this.#classOf = classesOf(trie);
    // Sorting is native code: at load, a loop would still run interpreted.
    this.#unknownScore = (scores.slice().sort()[0] ?? 0) - UNKNOWN_PENALTY;
  }

  /** Piece ids of any text, in order; none for an empty or blank one. Long texts are cut as `prepareText` says. */
  tokenise(text: string): Int32Array {
    return this.tokenisePrepared(prepareText(text)).slice();
  }

  /**
   * The same for a text that `prepareText` gave.
   *
   * @returns a view that the next call overwrites.
   */
  tokenisePrepared(text: string): Int32Array {
    const length = this.#reader.read(text);
    const { units } = this.#reader;
    let count = 0;
    let at = 0;
    while (at < length) {
      while (at < length && isSpace(units[at])) at++;
      const start = at;
      let hash = FNV_OFFSET | 0;
      for (; at < length; at++) {
        const code = units[at];
        if (isSpace(code)) break;
        hash = hashUnit(hash, code);
      }
      if (at > start) count += this.#addWord(units, start, at, hash, count);
    }
    return this.#ids.subarray(0, count);
  }

  #addWord(text: Uint16Array, start: number, end: number, hash: number, at: number): number {
    if (at + end - start + 1 > this.#ids.length) {
      const larger = new Int32Array(2 * (at + end - start + 1));
      larger.set(this.#ids);
      this.#ids = larger;
    }
    const known = this.#cache.read(text, start, end, hash, this.#ids, at);
    if (known > 0) return known;
    this.#solve(text, start, end);
    const count = this.#append(end - start + 1, at);
    this.#cache.write(text, start, end, hash, this.#ids, at, count);
    return count;
  }

  /** Viterbi over `▁` + `text[start, end)`: fills the back pointers. */
  #solve(text: Uint16Array, start: number, end: number): void {
    const length = end - start + 1;
    if (length > this.#classes.length) this.#reserve(2 * length);
    const classes = this.#classes;
    const classOf = this.#classOf;
    const best = this.#best;
    const startOf = this.#startOf;
    const pieceOf = this.#pieceOf;
    const cells = this.#cells;
    const scores = this.#scores;
    const unknownScore = this.#unknownScore;
    classes[0] = classOf[SPACE_MARK] ?? 0;
    for (let i = 1; i < length; i++) {
      const code = text[start + i - 1];
      classes[i] = code < classOf.length ? classOf[code] : 0;
    }
    best.fill(Number.NEGATIVE_INFINITY, 1, length + 1);
    best[0] = 0;
    for (let i = 0; i < length; i++) {
      const score = best[i];
      let covered = false;
      let node = 0;
      for (let j = i; j < length; j++) {
        const child = (cells[node] + classes[j]) * CELL_SIZE;
        if (classes[j] === 0 || cells[child + 1] * CELL_SIZE !== node) break;
        node = child;
        const piece = cells[node + 2];
        if (piece < 0) continue;
        if (j === i) covered = true;
        const sum = score + scores[piece];
        // On a tie the later start wins, as in the reference.
        if (sum >= best[j + 1]) {
          best[j + 1] = sum;
          startOf[j + 1] = i;
          pieceOf[j + 1] = piece;
        }
      }
      if (!covered && score + unknownScore > best[i + 1]) {
        best[i + 1] = score + unknownScore;
        startOf[i + 1] = i;
        pieceOf[i + 1] = UNKNOWN_PIECE;
      }
    }
  }

  /** Follows the back pointers and writes the pieces in reading order from `at` on; returns their number. */
  #append(length: number, at: number): number {
    const startOf = this.#startOf;
    const pieceOf = this.#pieceOf;
    const ids = this.#ids;
    let end = at;
    for (let i = length; i > 0; i = startOf[i]) {
      const piece = pieceOf[i];
      if (piece !== UNKNOWN_PIECE || end === at || ids[end - 1] !== UNKNOWN_PIECE) ids[end++] = piece;
    }
    for (let a = at, b = end - 1; a < b; a++, b--) {
      const swapped = ids[a];
      ids[a] = ids[b];
      ids[b] = swapped;
    }
    return end - at;
  }

  #reserve(size: number): void {
    this.#classes = new Uint8Array(size);
    this.#best = new Float64Array(size + 1);
    this.#startOf = new Int32Array(size + 1);
    this.#pieceOf = new Int32Array(size + 1);
  }
}

function isSpace(code: number): boolean {
  return code === 32 || (code < 14 && code > 8);
}

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
function classesOf(trie: PieceTrie): Uint8Array {
  let largest = 0;
  for (const unit of trie.units) largest = Math.max(largest, unit);
  const classes = new Uint8Array(largest + 1);
  trie.units.forEach((unit, i) => {
    classes[unit] = i + 1;
  });
  return classes;
}

/** Longest word (UTF-16 units) and most pieces that are kept; longer words are solved anew each time. */
const MAX_UNITS = 16;
const MAX_PIECES = 8;
const SLOTS = 8192;

/**
 * Remembers the pieces of recent words. Direct-mapped: a word has one slot, and the last word that fell into it stays,
 * so that the memory is fixed (some 0.5 MB) and nothing is ever swept.
 */
class WordCache {
  readonly #units = new Uint16Array(SLOTS * MAX_UNITS);
  readonly #pieces = new Int32Array(SLOTS * MAX_PIECES);
  readonly #unitCounts = new Uint8Array(SLOTS);
  readonly #pieceCounts = new Uint8Array(SLOTS);

  /**
   * Copies the pieces of `text[start, end)` to `out` from `at` on.
   *
   * @param hash any 32-bit hash of the word.
   * @returns how many there are, 0 where the word is not known.
   */
  read(text: Uint16Array, start: number, end: number, hash: number, out: Int32Array, at: number): number {
    const slot = slotOf(hash);
    const length = end - start;
    if (this.#unitCounts[slot] !== length) return 0;
    const units = slot * MAX_UNITS;
    for (let i = 0; i < length; i++) if (this.#units[units + i] !== text[start + i]) return 0;
    const count = this.#pieceCounts[slot];
    const pieces = slot * MAX_PIECES;
    for (let i = 0; i < count; i++) out[at + i] = this.#pieces[pieces + i];
    return count;
  }

  /** Keeps the `count` pieces in `ids` from `at` on as those of `text[start, end)`, where they are few enough. */
  write(
    text: Uint16Array,
    start: number,
    end: number,
    hash: number,
    ids: Int32Array,
    at: number,
    count: number,
  ): void {
    const length = end - start;
    if (length > MAX_UNITS || count > MAX_PIECES) return;
    const slot = slotOf(hash);
    for (let i = 0; i < length; i++) this.#units[slot * MAX_UNITS + i] = text[start + i];
    for (let i = 0; i < count; i++) this.#pieces[slot * MAX_PIECES + i] = ids[at + i];
    this.#unitCounts[slot] = length;
    this.#pieceCounts[slot] = count;
  }
}

function slotOf(hash: number): number {
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 19;
}

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
