/** FNV-1a offset basis and prime, 32 bits. Fowler, Noll and Vo; draft-eastlake-fnv. */
export const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** One step of FNV-1a over a UTF-16 unit (a byte at a time would cost twice as much for the same use). */
export function hashUnit(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, FNV_PRIME);
}

/** Hash of a lower-cased word, a signed 32-bit integer. */
export function hashWord(word: string): number {
  let hash = FNV_OFFSET | 0;
  for (let i = 0; i < word.length; i++) hash = hashUnit(hash, word.charCodeAt(i));
  return hash;
}

/** Spreads a hash's entropy over its low bits, so that a mask makes a fair bucket. MurmurHash3's finaliser. */
export function mixHash(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
