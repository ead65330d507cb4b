import { TextUnits } from '../text/text-units.ts';
import { prepareText } from '../text.ts';
import { CELL_SIZE, classesOf, type PieceTrie } from './static/piece-trie.ts';
import { WordCache } from './static/word-cache.ts';

/** Id of a character that no piece covers; a run of them within a word gives one. */
export const UNKNOWN_PIECE = 0;
const SPACE_MARK = 0x2581;
// '▁', which opens every word
const UNKNOWN_PENALTY = 10;
// SentencePiece's kUnkPenalty
const HASH_SEED = 0x811c9dc5;
const HASH_PRIME = 0x01000193;

// FNV-1a

/**
 * SentencePiece's unigram model: the segmentation whose pieces have the highest sum of scores (Viterbi).
 * No piece goes over a word border, so each word is solved by itself and the time is linear in the text.
 * Source: Kudo 2018, arXiv 1804.10959; github.com/google/sentencepiece, unigram_model.cc.
 */
export class UnigramTokeniser {
  private readonly cells: Int32Array;
  private readonly classOf: Uint8Array;
  private readonly unknownScore: number;
  private readonly cache = new WordCache();
  private readonly reader = new TextUnits();
  private ids = new Int32Array(1024);
  private classes = new Uint8Array(64);
  private best = new Float64Array(65);
  private startOf = new Int32Array(65);
  private pieceOf = new Int32Array(65);

  /**
   * @param trie over the pieces, in which `▁` stands for the space before a word.
   * @param scores log-probability of each piece: `[pieces]`, all ≤ 0.
   */
  constructor(
    trie: PieceTrie,
    private readonly scores: Float32Array,
  ) {
    this.cells = trie.cells;
    this.classOf = classesOf(trie);
    // Sorting is native code: at load, a loop would still run interpreted.
    this.unknownScore = (scores.slice().sort()[0] ?? 0) - UNKNOWN_PENALTY;
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
    const length = this.reader.read(text);
    const { units } = this.reader;
    let count = 0;
    let at = 0;
    while (at < length) {
      while (at < length && isSpace(units[at])) at++;
      const start = at;
      let hash = HASH_SEED;
      for (; at < length; at++) {
        const code = units[at];
        if (isSpace(code)) break;
        hash = Math.imul(hash ^ code, HASH_PRIME);
      }
      if (at > start) count += this.addWord(units, start, at, hash, count);
    }
    return this.ids.subarray(0, count);
  }

  private addWord(text: Uint16Array, start: number, end: number, hash: number, at: number): number {
    if (at + end - start + 1 > this.ids.length) {
      const larger = new Int32Array(2 * (at + end - start + 1));
      larger.set(this.ids);
      this.ids = larger;
    }
    const known = this.cache.read(text, start, end, hash, this.ids, at);
    if (known > 0) return known;
    this.solve(text, start, end);
    const count = this.append(end - start + 1, at);
    this.cache.write(text, start, end, hash, this.ids, at, count);
    return count;
  }

  /** Viterbi over `▁` + `text[start, end)`: fills the back pointers. */
  private solve(text: Uint16Array, start: number, end: number): void {
    const length = end - start + 1;
    if (length > this.classes.length) this.reserve(2 * length);
    const { classes, classOf, best, startOf, pieceOf, cells, scores, unknownScore } = this;
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
  private append(length: number, at: number): number {
    const { startOf, pieceOf, ids } = this;
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

  private reserve(size: number): void {
    this.classes = new Uint8Array(size);
    this.best = new Float64Array(size + 1);
    this.startOf = new Int32Array(size + 1);
    this.pieceOf = new Int32Array(size + 1);
  }
}

function isSpace(code: number): boolean {
  return code === 32 || (code < 14 && code > 8);
}
