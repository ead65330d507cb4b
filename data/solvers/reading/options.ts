export interface Option {
  readonly letter: string;
  readonly content: string;
}

/** Takes the option lines (`A. …`, `(B) …`) out of a prompt. */
export function readOptions(text: string): {
  readonly question: string;
  readonly options: readonly Option[];
} {
  const options: Option[] = [];
  const rest: string[] = [];
  for (const line of text.split('\n')) {
    const match = /^\(?([A-H])[.)]\s+(.+)$/.exec(line);
    if (match === null) rest.push(line);
    else options.push({ letter: match[1]!, content: match[2]!.trim() });
  }
  return { question: rest.join('\n'), options };
}

/** The letter of the option nearest to an answer; the answer itself when no option is like it. */
export function asOption(options: readonly Option[], answer: string): string {
  const same = options.find(({ content }) => content.toLowerCase() === answer.toLowerCase());
  if (same !== undefined) return same.letter;
  const value = Number(answer);
  const near = options.find(
    ({ content }) => Math.abs(Number(content) - value) <= 0.01 * Math.max(1, Math.abs(value)),
  );
  return near?.letter ?? answer;
}
