/** A figure with what is known of its precision. */
export interface Interval {
  readonly estimate: number | null;
  /** 2.5 % and 97.5 % points, or as whoever made it says; null where they could not be found. */
  readonly low: number | null;
  readonly high: number | null;
  /** How many rows it rests on. */
  readonly rows: number;
  /** How many near-duplicate groups they are of: what copies repeat is one piece of evidence. */
  readonly groups: number;
}

/** The interval alone, whatever it rests on. */
type Bounds = Pick<Interval, 'estimate' | 'low' | 'high'>;

const NONE = '–';

/** Quality, 0 to 1, in points (hundredths): one decimal, two where that would hide a small difference. */
export function formatPoints(quality: number, digits = Math.abs(100 * quality) < 1 ? 2 : 1): string {
  return minus((Number((100 * quality).toFixed(digits)) + 0).toFixed(digits));
}

/** The same with its sign. */
export function formatSignedPoints(quality: number, digits?: number): string {
  return signed(formatPoints(quality, digits));
}

/** The number that {@link formatPoints} shows: what is said beside it must hold for it. */
export function pointsAsPrinted(quality: number): number {
  return Number(formatPoints(quality).replace('−', '-'));
}

function minus(text: string): string {
  // -0.00 is 0.
  return text.replace('-', '−');
}

function signed(text: string): string {
  return text.startsWith('−') || !/[1-9]/.test(text) ? text : `+${text}`;
}

/**
 * Two figures, each with as many digits as it takes to see which is the larger.
 * @param format a figure with so many digits @param digits to begin with
 */
export function formatApart(
  a: number,
  b: number,
  format: (value: number, digits: number) => string,
  digits: number,
): readonly [string, string] {
  for (let more = digits; more < 15 && a !== b; more++)
    if (format(a, more) !== format(b, more)) return [format(a, more), format(b, more)];
  return [format(a, digits), format(b, digits)];
}

/** "1 prompt", "1,234 prompts". */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** "200 prompts", or "200 prompts in 20 near-duplicate groups" where some are copies of others. */
export function pluralInGroups(rows: number, groups: number, noun: string): string {
  const all = plural(rows, noun);
  return groups < rows ? `${all} in ${plural(groups, 'near-duplicate group')}` : all;
}

/** "71.2 (69.0 to 73.4)", in points. */
export function formatQuality(interval: Bounds): string {
  return withRange(interval, (value) => formatPoints(value));
}

/** "+1.2 (−0.3 to +2.7)", in points. */
export function formatDifference(interval: Bounds | null): string {
  return withRange(interval, (value) => formatSignedPoints(value));
}

/** Three decimals with their interval, for figures without a unit. */
export function formatFigure(interval: Bounds): string {
  return withRange(interval, (value) => minus(value.toFixed(3)));
}

/** "35.4 (33.0 to 38.1)", in per cent. */
export function formatShareNumber(interval: Bounds): string {
  return withRange(interval, (value) => minus((100 * value).toFixed(1)));
}

/** Dollars of 1,000 requests with their interval, given those of one: "$5.76 ($5.10 to $6.40)". */
export function formatCosts(interval: Bounds | null): string {
  return withRange(interval, formatCost);
}

function withRange(interval: Bounds | null, format: (value: number) => string): string {
  if (!interval || interval.estimate === null) return NONE;
  const { estimate, low, high } = interval;
  return low === null || high === null
    ? format(estimate)
    : `${format(estimate)} (${format(low)} to ${format(high)})`;
}

/** "12.3 %". What is not nothing is not called 0.0 %, and what is not all is not called 100.0 %. */
export function formatPercent(share: number | null, digits = 1): string {
  if (share === null) return NONE;
  const text = (100 * share).toFixed(digits);
  const step = (10 ** -digits).toFixed(digits);
  if (share > 0 && Number(text) === 0) return `<${step} %`;
  if (share < 1 && Number(text) === 100) return `>${(100 - 10 ** -digits).toFixed(digits)} %`;
  return `${minus(text)} %`;
}

/** "56 % (53 to 59)" */
export function formatShares(share: Bounds | null): string {
  if (share === null || share.estimate === null) return '–';
  const number = (value: number) => formatPercent(value, 0).replace(' %', '');
  const { estimate, high, low } = share;
  const bounds = low === null || high === null ? '' : ` (${number(low)} to ${number(high)})`;
  return `${formatPercent(estimate, 0)}${bounds}`;
}

/** "90 %", "97.5 %": as it was asked for. */
export function formatConfidence(confidence: number): string {
  return `${Number((100 * confidence).toFixed(3))} %`;
}

/** Dollars of 1,000 requests, given those of one. */
export function formatCost(costUsd: number | null | undefined): string {
  return costUsd === null || costUsd === undefined ? NONE : formatDollars(1000 * costUsd);
}

/** Three digits that count: "$12.3", "$0.0412", "−$4.00". */
export function formatDollars(dollars: number): string {
  if (dollars === 0) return '$0';
  const amount = Math.abs(dollars);
  const text = amount >= 999.5 ? Math.round(amount).toLocaleString('en-US') : significant(amount);
  return `${dollars < 0 ? '−' : ''}$${text}`;
}

/** "85.0 µs", "1.20 ms", "3.40 s". */
export function formatDuration(microseconds: number): string {
  if (microseconds < 1000) return `${significant(microseconds)} µs`;
  if (microseconds < 1e6) return `${significant(microseconds / 1000)} ms`;
  return `${significant(microseconds / 1e6)} s`;
}

/** "1.25", "0.0123", "1,230": a factor, in two decimals, or three digits that count. */
export function formatTimes(factor: number): string {
  if (factor >= 1000) return formatCount(factor);
  return factor >= 100 || factor < 0.1 ? significant(factor) : factor.toFixed(2);
}

export function formatDecimal(value: number | null): string {
  return value === null ? NONE : value.toFixed(3);
}

/** An effective sample size: whole prompts, and never more than it is, as in what is said and decided by it. */
export function formatSample(size: number): string {
  return formatCount(Math.floor(size));
}

export function formatCount(count: number): string {
  return count.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

function significant(value: number): string {
  if (value === 0) return '0';
  if (value >= 100) return value.toFixed(0);
  const digits = Math.max(0, 2 - Math.floor(Math.log10(value)));
  return digits > 6 ? value.toExponential(2) : value.toFixed(digits);
}

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
