/** Replaces what no page and no terminal may hold: control characters, and halves of surrogate pairs. */
export function cleanText(text: string): string {
  return text
    .replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, '\uFFFD')
    .replace(/\p{Cc}/gu, (character) => (/[\n\t]/.test(character) ? character : '\uFFFD'));
}

/**
 * A name that fits: at most `limit` characters, the middle left out, since model names differ at both ends.
 * Direction overrides are dropped, so that a name cannot turn the text around it.
 */
export function shorten(name: string, limit: number): string {
  const characters = charactersOf(name);
  if (characters.length <= limit) return characters.join('');
  const head = Math.ceil((limit - 1) * 0.6);
  return `${characters.slice(0, head).join('')}…${characters.slice(characters.length - (limit - 1 - head)).join('')}`;
}

function charactersOf(name: string): string[] {
  return [...cleanText(name).replace(/[\u202A-\u202E\u2066-\u2069]/g, '')];
}

/** Shorter common beginnings and ends are worth no ellipsis. */
const WORTH_LEAVING_OUT = 4;

/**
 * Names that fit beside one another, and stay different: of those that are too long, what all of them begin and end with is
 * left out, then their middles. Names that are equal stay equal; those that fit stay as they are.
 *
 * @param limit characters, 6 at the least @returns the short name of each, by its full name
 */
export function shortNames(names: Iterable<string>, limit: number): Map<string, string> {
  const unique = [...new Set(names)];
  const parts = new Map(unique.map((name) => [name, charactersOf(name)]));
  const long = unique.filter((name) => parts.get(name)!.length > limit);
  const lists = long.map((name) => parts.get(name)!);
  const start = commonStart(lists);
  const end = commonStart(lists.map((list) => list.slice(start).reverse()));
  const taken = new Set<string>();
  const short = new Map<string, string>();
  for (const name of unique) {
    if (long.includes(name)) continue;
    const whole = parts.get(name)!.join('');
    // What was cleaned of it may have been all that made it another.
    const own = taken.has(whole) ? numbered(whole, limit, taken) : whole;
    taken.add(own);
    short.set(name, own);
  }
  for (const name of long) {
    const all = parts.get(name)!;
    const core = all.slice(start, all.length - end).join('');
    const tries = [
      shorten(`${start > 0 ? '…' : ''}${core}${end > 0 ? '…' : ''}`, limit),
      shorten(all.join(''), limit),
      ...aroundDifferences(all, lists, limit),
    ];
    const own = tries.find((text) => !taken.has(text)) ?? numbered(tries[0], limit, taken);
    taken.add(own);
    short.set(name, own);
  }
  return short;
}

/** How many characters all begin with, back to the end of a word; 0 where that is not worth leaving out. */
function commonStart(lists: readonly (readonly string[])[]): number {
  if (lists.length < 2) return 0;
  const [first, ...others] = lists;
  let length = 0;
  while (
    length < first.length - 1 &&
    others.every((list) => length < list.length - 1 && list[length] === first[length])
  )
    length++;
  while (length > 0 && !/[\s/:._@-]/.test(first[length - 1])) length--;
  return length >= WORTH_LEAVING_OUT ? length : 0;
}

/** What stands about the first character in which a name differs from each of the others, the nearest relations first. */
function aroundDifferences(
  own: readonly string[],
  lists: readonly (readonly string[])[],
  limit: number,
): string[] {
  const places = new Set(
    lists
      .filter((list) => list !== own)
      .map((list) => own.findIndex((character, i) => character !== list[i]))
      .map((place) => (place === -1 ? own.length - 1 : place)),
  );
  return [...places]
    .sort((a, b) => b - a)
    .map((place) => {
      const from = Math.max(0, Math.min(place - 2, own.length - (limit - 2)));
      const middle = own.slice(from, from + limit - 2).join('');
      return `${from > 0 ? '…' : ''}${middle}${from + limit - 2 < own.length ? '…' : ''}`;
    });
}

/** "name…12": the last resort. */
function numbered(text: string, limit: number, taken: ReadonlySet<string>): string {
  for (let number = 2; ; number++) {
    const own = `${[...text].slice(0, limit - 1 - String(number).length).join('')}…${number}`;
    if (!taken.has(own)) return own;
  }
}
