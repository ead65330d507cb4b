import type { Solver } from './solver.ts';

/** The context window of every solver, in UTF-16 units: their parsers take time that grows with the square of the text. */
export const longestText = 4000;

/** Makes a solver of a plain function: what the function throws on odd content counts as no answer, and a longer text has none. */
export function defineSolver(
  name: string,
  inputPricePerMillionTokens: number,
  outputPricePerMillionTokens: number,
  answer: (text: string, signal?: AbortSignal) => string | null | Promise<string | null>,
): Solver {
  return {
    name,
    price: { inputPricePerMillionTokens, outputPricePerMillionTokens },
    async solve(text, signal) {
      signal?.throwIfAborted();
      if (text.length > longestText) return null;
      try {
        const said = await answer(text, signal);
        // A sum over something that was no number is no answer.
        return said === '' || said === 'NaN' || said === 'undefined' || said === 'null' ? null : said;
      } catch {
        signal?.throwIfAborted();
        return null;
      }
    },
  };
}
