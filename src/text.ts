/** Texts longer than this are read at both ends only: the head, where the task is, and the tail, where the question is. */
export const MAX_HEAD_CHARACTERS = 16_384;
export const MAX_TAIL_CHARACTERS = 4_096;

const PLAIN = /^[\t\n\f\r -~]*$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it takes out.
const CONTROL = /[\0-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]/g;
const SPACE = /[\x85\u1680\u200b\u200e\u200f\u2028\u2029\u2581\ufeff\ufffd]/g;

/**
 * The text as every reader of words sees it: SentencePiece's `nmt_nfkc` rules, which are NFKC, without control
 * characters, and with zero-width and exotic white space as a space. Plain ASCII comes back as it is.
 *
 * @param text any Unicode, of any length; of a long one only the first {@link MAX_HEAD_CHARACTERS} and the last
 *   {@link MAX_TAIL_CHARACTERS} UTF-16 units are kept, so that the time is bounded.
 */
export function prepareText(text: string): string {
  const bounded = text.length > MAX_HEAD_CHARACTERS + MAX_TAIL_CHARACTERS ? bothEnds(text) : text;
  if (PLAIN.test(bounded)) return bounded;
  return bounded.normalize('NFKC').replace(CONTROL, '').replace(SPACE, ' ');
}

function bothEnds(text: string): string {
  return `${text.slice(0, MAX_HEAD_CHARACTERS)} ${text.slice(-MAX_TAIL_CHARACTERS)}`;
}
