/** The words, numbers and signs of a text, in lower case. Signs and numbers stay: "2+3" is not "2-3". */
const TOKEN =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}]|[\p{L}\p{M}]+|\p{N}+|[^\s\p{L}\p{M}\p{N}]/gu;
const WORDS = 3;

/**
 * The distinct runs of three tokens of a text, as 32-bit hashes in no order. A text of fewer tokens is one shingle,
 * an empty one none. Scripts without spaces count each character as a token.
 */
export function shingles(text: string): Uint32Array {
  const tokens = Array.from(text.matchAll(TOKEN), ([token]) => hashText(token));
  if (tokens.length === 0) return new Uint32Array();
  const found = new Set<number>();
  for (let i = 0; i === 0 || i + WORDS <= tokens.length; i++) {
    let run = 0;
    for (let k = i; k < Math.min(i + WORDS, tokens.length); k++) run = mix(run, tokens[k]);
    found.add(run);
  }
  return Uint32Array.from(found);
}

/** The text that two exact copies share: Unicode form, case and white space set aside. */
export function normalisedText(text: string): string {
  return text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();
}

/** FNV-1a over UTF-16 units. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** MurmurHash3's finaliser over a pair. */
function mix(left: number, right: number): number {
  let hash = Math.imul(left, 0x9e3779b1) ^ right;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
