/** Longest word (UTF-16 units) and most pieces that are kept; longer words are solved anew each time. */
const MAX_UNITS = 16;
const MAX_PIECES = 8;
const SLOTS = 8192;

/**
 * Remembers the pieces of recent words. Direct-mapped: a word has one slot, and the last word that fell into it stays,
 * so that the memory is fixed (some 0.5 MB) and nothing is ever swept.
 */
export class WordCache {
  private readonly units = new Uint16Array(SLOTS * MAX_UNITS);
  private readonly pieces = new Int32Array(SLOTS * MAX_PIECES);
  private readonly unitCounts = new Uint8Array(SLOTS);
  private readonly pieceCounts = new Uint8Array(SLOTS);

  /**
   * Copies the pieces of `text[start, end)` to `out` from `at` on.
   *
   * @param hash any 32-bit hash of the word.
   * @returns how many there are, 0 where the word is not known.
   */
  read(text: Uint16Array, start: number, end: number, hash: number, out: Int32Array, at: number): number {
    const slot = slotOf(hash);
    const length = end - start;
    if (this.unitCounts[slot] !== length) return 0;
    const units = slot * MAX_UNITS;
    for (let i = 0; i < length; i++) if (this.units[units + i] !== text[start + i]) return 0;
    const count = this.pieceCounts[slot];
    const pieces = slot * MAX_PIECES;
    for (let i = 0; i < count; i++) out[at + i] = this.pieces[pieces + i];
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
    for (let i = 0; i < length; i++) this.units[slot * MAX_UNITS + i] = text[start + i];
    for (let i = 0; i < count; i++) this.pieces[slot * MAX_PIECES + i] = ids[at + i];
    this.unitCounts[slot] = length;
    this.pieceCounts[slot] = count;
  }
}

function slotOf(hash: number): number {
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 19;
}
