/** The texts within double or single quotes, in order. */
export function quoted(text: string): string[] {
  return [...text.matchAll(/"([^"\n]*)"|(?<!\w)'([^'\n]*)'/g)].map((match) => match[1] ?? match[2]!);
}
