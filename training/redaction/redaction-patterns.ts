import { InvalidInputError } from 'pointsman';
import type { RedactionPattern } from '../ingest/redact.ts';

/**
 * Makes patterns of a user's words: name to regular expression.
 * @throws InvalidInputError naming the pattern that is none.
 */
export function redactionPatterns(patterns: Readonly<Record<string, string>>): RedactionPattern[] {
  return Object.entries(patterns).map(([name, expression]) => {
    if (!/^[A-Z][A-Z0-9_]{0,30}$/.test(name))
      throw new InvalidInputError(
        `The name of a redaction must be capital letters, digits and "_". Got "${name}". Say for example ORDER=\\bA-\\d{6}\\b.`,
      );
    try {
      return { name, expression: new RegExp(expression, 'gu') };
    } catch (cause) {
      throw new InvalidInputError(
        `The redaction ${name} must be a regular expression of JavaScript. Got ${expression}: ${(cause as Error).message}. Correct it.`,
        { cause },
      );
    }
  });
}
