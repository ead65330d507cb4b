import { RE2JS } from 're2js';
import { InvalidInputError } from '../errors/invalid-input-error.ts';

/** Instructions that a pattern may be compiled to: each character of a text may meet all of them. */
const MOST_INSTRUCTIONS = 500;

/**
 * Compiles a pattern as the CEL specification asks: RE2's syntax, in time linear in the text.
 *
 * @throws InvalidInputError when it is none, or too large.
 */
export function compilePattern(pattern: string): (text: string) => boolean {
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern);
  } catch (cause) {
    throw new InvalidInputError(
      `The pattern of \`matches\` must be in RE2's syntax, which has no look-around and no back-references: ` +
        `${(cause as Error).message}.`,
      { cause },
    );
  }
  const size = compiled.programSize();
  if (size > MOST_INSTRUCTIONS) {
    throw new InvalidInputError(
      `The pattern of \`matches\` must compile to at most ${MOST_INSTRUCTIONS} instructions. Got ${size}. Ask for ` +
        'fewer repetitions.',
    );
  }
  return (text) => compiled.test(text);
}
