const TOKEN =
  /'([^'\\]*(?:\\[\s\S][^'\\]*)*)'|"([^"\\]*(?:\\[\s\S][^"\\]*)*)"|\b(?:None|True|False)\b|[[\]{}(),:]|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\s+/y;
const WORDS: Readonly<Record<string, string>> = {
  None: 'null',
  True: 'true',
  False: 'false',
  '(': '[',
  ')': ']',
};
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', '\n': '' };

/**
 * A dictionary or list as Python prints it, which is what pandas writes into CSV files: with single quotes, `None`,
 * `True`. Runs in linear time.
 * @returns the value; undefined where the text is no such thing.
 */
export function pythonLiteral(text: string): unknown {
  const json: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const token = TOKEN.exec(text);
    if (token === null) return undefined;
    const words = token[1] ?? token[2];
    // Python ends lists with a comma, JSON does not.
    if (/^[\])}]$/.test(token[0]) && json.at(-1) === ',') json.pop();
    if (words !== undefined) json.push(JSON.stringify(unescaped(words)));
    else if (token[0].trim() !== '') json.push(WORDS[token[0]] ?? token[0]);
  }
  try {
    return JSON.parse(json.join(''));
  } catch {
    return undefined;
  }
}

function unescaped(words: string): string {
  return words.replaceAll(
    /\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4}|[\s\S])/g,
    (_, code: string) =>
      code.length > 1 ? String.fromCodePoint(Number.parseInt(code.slice(1), 16)) : (ESCAPES[code] ?? code),
  );
}
