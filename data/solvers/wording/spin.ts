import type { Random } from 'pointsman/internal';

/**
 * Writes one wording of a template: `{a|b|}` takes one branch at random (branches may nest), `$name` is replaced
 * by `values.name` afterwards, so that values may hold any character.
 */
export function spin(
  random: Random,
  template: string,
  values: Readonly<Record<string, string | number>> = {},
): string {
  const words = branch(random, template);
  return words
    .replaceAll(/\$([a-zA-Z]+\d*)/g, (whole, name: string) => (name in values ? String(values[name]) : whole))
    .replaceAll(/ {2,}(?=\S)/g, (spaces, offset: number, all: string) =>
      offset === 0 || all[offset - 1] === '\n' ? spaces : ' ',
    )
    .trim();
}

function branch(random: Random, template: string): string {
  const innermost = /\{([^{}]*)\}/;
  let text = template;
  for (let match = innermost.exec(text); match !== null; match = innermost.exec(text)) {
    const chosen = pick(random, match[1]!.split('|'));
    text = text.slice(0, match.index) + chosen + text.slice(match.index + match[0].length);
  }
  return text;
}

/** One item of a list that is not empty. */
export function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.integer(items.length)]!;
}

/** `count` different items, in random order. */
export function sample<T>(random: Random, items: readonly T[], count: number): T[] {
  return random.shuffle([...items]).slice(0, count);
}

/** A whole number from `low` to `high`, both included. */
export function between(random: Random, low: number, high: number): number {
  return low + random.integer(high - low + 1);
}
