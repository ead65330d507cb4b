/**
 * JSON as servers write it: where a number could not be told, Python's writes `NaN` or `Infinity`, which is no JSON and
 * is read as null.
 *
 * @throws SyntaxError when it is no JSON beside that.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!/NaN|Infinity/.test(text)) throw error;
    return JSON.parse(withNull(text));
  }
}

const UNKNOWN = ['NaN', 'Infinity', '-Infinity'];

/** By hand: an expression for strings and words takes the square of a hostile text's length. */
function withNull(text: string): string {
  const parts: string[] = [];
  let from = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const letter = text[i];
    if (inString && letter === '\\') i++;
    else if (letter === '"') inString = !inString;
    else if (!inString && (letter === 'N' || letter === 'I' || letter === '-')) {
      const word = UNKNOWN.find((unknown) => text.startsWith(unknown, i));
      if (word === undefined) continue;
      parts.push(text.slice(from, i), 'null');
      from = i + word.length;
      i = from - 1;
    }
  }
  return parts.join('') + text.slice(from);
}
