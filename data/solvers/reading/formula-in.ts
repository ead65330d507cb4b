/** Words that name an operation, as signs. */
const spoken: readonly (readonly [RegExp, string])[] = [
  [/\b(?:plus|added to)\b/gi, '+'],
  [/\b(?:minus|less)\b/gi, '-'],
  [/\b(?:times|multiplied by)\b/gi, '*'],
  [/\bdivided by\b/gi, '/'],
  [/\b(?:to the power of|\*\*)\s*/gi, '^'],
  [/\bsquared\b/gi, '^2'],
  [/\bcubed\b/gi, '^3'],
  [/[×·]/g, '*'],
  [/÷/g, '/'],
  [/−/g, '-'],
];

/**
 * The longest piece of a text that looks like a formula over numbers and, when given, one-letter variables;
 * null when none has an operation.
 */
export function formulaIn(text: string, variables = ''): string | null {
  const signs = spoken.reduce((all, [words, sign]) => all.replaceAll(words, sign), text);
  const atom = variables === '' ? '\\d' : `\\d|\\b[${variables}]\\b|(?<=\\d)[${variables}]\\b`;
  const piece = new RegExp(`(?:${atom}|[-+*/^().! ])+`, 'g');
  const pieces = (signs.match(piece) ?? [])
    .map((found) => balanced(found.trim().replace(/[.!* ]+$/, (end) => (end.startsWith('!') ? '!' : ''))))
    .filter((found) => /[\d\w)]\s*[-+*/^!(]/.test(found) && /\d/.test(found));
  return pieces.length === 0 ? null : pieces.reduce((a, b) => (b.length > a.length ? b : a));
}

/** Drops brackets at the ends that have no partner, and signs left over before them. */
function balanced(text: string): string {
  let found = text;
  const count = (bracket: string): number => found.split(bracket).length - 1;
  while (count('(') > count(')') && found.startsWith('(')) found = found.slice(1).trim();
  while (count(')') > count('(') && found.endsWith(')')) found = found.slice(0, -1).trim();
  return found.replace(/^[*/^.) ]+|[-+*/^(. ]+$/g, '');
}
