const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const BACKSLASH = 92;
const OPEN = [91, 123];
const CLOSE = [93, 125];

/**
 * Parses some fields of a JSON object, and jumps over the others, which in logs are the most of it.
 * @param fields names at the top level.
 * @throws SyntaxError when the text is no JSON as far as it is read, or no object.
 */
export function pickFields(json: string, fields: ReadonlySet<string>): Record<string, unknown> {
  let at = skipSpace(json, 0);
  if (json.charCodeAt(at) !== OPEN[1]) return JSON.parse(json);
  let picked = '';
  at = skipSpace(json, at + 1);
  if (json.charCodeAt(at) === CLOSE[1]) return JSON.parse(json);
  for (;;) {
    if (json.charCodeAt(at) !== QUOTE) return JSON.parse(json);
    const keyEnd = endOfText(json, at);
    const colon = skipSpace(json, keyEnd);
    if (json.charCodeAt(colon) !== COLON) return JSON.parse(json);
    const end = endOfValue(json, skipSpace(json, colon + 1));
    if (fields.has(json.slice(at + 1, keyEnd - 1)))
      picked += `${picked === '' ? '' : ','}${json.slice(at, end)}`;
    at = skipSpace(json, end);
    if (json.charCodeAt(at) !== COMMA) break;
    at = skipSpace(json, at + 1);
  }
  // Whatever does not end as an object does is for the real parser to complain of.
  if (json.charCodeAt(at) !== CLOSE[1] || skipSpace(json, at + 1) !== json.length) return JSON.parse(json);
  return JSON.parse(`{${picked}}`);
}

function skipSpace(json: string, from: number): number {
  let at = from;
  for (let c = json.charCodeAt(at); c === 32 || (c >= 9 && c <= 13); c = json.charCodeAt(at)) at++;
  return at;
}

/** Behind the text that begins at `from`; the end of `json` when it does not end. */
function endOfText(json: string, from: number): number {
  for (let end = json.indexOf('"', from + 1); end >= 0; end = json.indexOf('"', end + 1)) {
    let before = end - 1;
    while (json.charCodeAt(before) === BACKSLASH) before--;
    if ((end - before) % 2 === 1) return end + 1;
  }
  return json.length;
}

function endOfValue(json: string, from: number): number {
  let depth = 0;
  for (let at = from; at < json.length; at++) {
    const c = json.charCodeAt(at);
    if (c === QUOTE) at = endOfText(json, at) - 1;
    else if (c === OPEN[0] || c === OPEN[1]) depth++;
    else if (c === CLOSE[0] || c === CLOSE[1]) {
      // A bare number or word ends where the object around it does.
      if (depth === 0) return at;
      depth--;
    } else if (depth > 0 || c !== COMMA) continue;
    if (depth === 0) return c === COMMA ? at : at + 1;
  }
  return json.length;
}
