/** Tokens of a text, at four UTF-16 units a token: the usual rule of thumb for English, and the same for every solver. */
export function countTokens(text: string): number {
  return Math.ceil(text.length / 4);
}
