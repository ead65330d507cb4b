const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '\n': '',
};

/**
 * The strings of a Python list written as text (`['one', "it's two"]`); null when the text is no such list.
 * RouterBench keeps its prompts that way: one item a turn.
 */
export function pythonList(text: string): string[] | null {
  const source = text.trim();
  if (!source.startsWith('[') || !source.endsWith(']')) return null;
  const body = source.slice(1, -1);
  const items: string[] = [];
  const item = /\s*(?:'((?:[^'\\]|\\[\s\S])*)'|"((?:[^"\\]|\\[\s\S])*)")\s*(,|$)/y;
  while (item.lastIndex < body.length) {
    const match = item.exec(body);
    if (match === null) return null;
    items.push(unescaped(match[1] ?? match[2]!));
  }
  return items;
}

function unescaped(text: string): string {
  return text.replaceAll(
    /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|([\s\S]))/gi,
    (whole, x, u, wide, one) => {
      const hex = x ?? u ?? wide;
      if (hex === undefined) return escapes[one] ?? whole;
      const code = Number.parseInt(hex, 16);
      return code > 0x10ffff ? whole : String.fromCodePoint(code);
    },
  );
}
