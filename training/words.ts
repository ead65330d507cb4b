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
  const text = formatPoints(quality, digits);
  return text.startsWith('−') || !/[1-9]/.test(text) ? text : `+${text}`;
}

/** The number that {@link formatPoints} shows: what is said beside it must hold for it. */
export function pointsAsPrinted(quality: number): number {
  return Number(formatPoints(quality).replace('−', '-'));
}

function minus(text: string): string {
  // -0.00 is 0.
  return text.replace('-', '−');
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

function withRange(interval: Bounds | null, format: (value: number) => string, formatBound = format): string {
  if (!interval || interval.estimate === null) return NONE;
  const { estimate, low, high } = interval;
  return low === null || high === null
    ? format(estimate)
    : `${format(estimate)} (${formatBound(low)} to ${formatBound(high)})`;
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
  const whole = (value: number) => formatPercent(value, 0);
  return withRange(share, whole, (value) => whole(value).replace(' %', ''));
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

/** The most that something "as good as" another may lose against it, in quality: 3 points. */
export const AS_GOOD_MARGIN = 0.03;

/**
 * On fewer nothing is called better, worse or as good: an interval of so few is too narrow. Near-duplicate groups are counted,
 * not rows: a thousand copies of one prompt are one.
 */
export const FEWEST_COMPARED_GROUPS = 30;

/**
 * Nor anything "as good as" on fewer than these: what happens on one prompt in 33, and so loses 3 points, may well not have
 * been seen at all (the rule of three: Hanley and Lippman-Hand 1983).
 */
export const FEWEST_AS_GOOD = Math.ceil(3 / AS_GOOD_MARGIN);

/**
 * How one way to choose stands beside another, by the 95 % interval of the difference:
 * - `better`, `worse`: the whole interval is on one side of 0;
 * - `as good`: it holds 0, and no loss above `AS_GOOD_MARGIN`;
 * - `unclear`: it holds 0 and larger losses, or there are too few groups to say `as good`;
 * - `too few`: fewer than `FEWEST_COMPARED_GROUPS` near-duplicate groups, or no interval;
 * - `unknown`: there is no figure.
 */
export type QualityStanding = 'better' | 'worse' | 'as good' | 'unclear' | 'too few' | 'unknown';

/** @param difference this one minus the other, in quality from 0 to 1 */
export function qualityStanding(difference: Interval | null): QualityStanding {
  if (difference === null || difference.estimate === null) return 'unknown';
  const { low, high, groups } = difference;
  if (low === null || high === null || groups < FEWEST_COMPARED_GROUPS) return 'too few';
  // What is said must hold for the figures as they are printed.
  if (pointsAsPrinted(low) > 0) return 'better';
  if (pointsAsPrinted(high) < 0) return 'worse';
  return pointsAsPrinted(low) >= -100 * AS_GOOD_MARGIN && groups >= FEWEST_AS_GOOD ? 'as good' : 'unclear';
}

/** What `it` is beside another: "is 3.1 points better than always using X (95 % interval +1.0 to +5.2)". */
export function describeQuality(difference: Interval | null, other: string): string {
  const standing = qualityStanding(difference);
  if (standing === 'unknown') return `could not be compared with ${other}`;
  const { estimate, low, high, rows, groups } = difference as Interval & { estimate: number };
  const signed = `${formatSignedPoints(estimate)} points`;
  if (standing === 'too few')
    return `cannot be compared with ${other} on ${pluralInGroups(rows, groups, 'prompt')} (${signed}), which are too few`;
  const range = `95 % interval ${formatSignedPoints(low!)} to ${formatSignedPoints(high!)}`;
  switch (standing) {
    case 'better':
      return `is ${formatPoints(estimate)} points better than ${other} (${range})`;
    case 'worse':
      return `is ${formatPoints(-estimate)} points worse than ${other} (${range})`;
    case 'as good':
      return `is as good as ${other}, to within ${100 * AS_GOOD_MARGIN} points (${signed}, ${range})`;
    case 'unclear':
      return (
        `is not clearly better or worse than ${other} (${signed}, ${range}: ` +
        `${pointsAsPrinted(low!) < -100 * AS_GOOD_MARGIN ? 'too wide' : 'of too few prompts'} to call it as good)`
      );
  }
}

/** What two ways to choose cost on the same prompts, in US dollars a request. */
export interface CostPair {
  readonly own: number | null;
  readonly other: number | null;
  /** The other's cost minus the own one, paired; null where it is not known. */
  readonly saving: Interval | null;
}

/**
 * - `cheaper`, `dearer`: the whole interval of the saving is on one side of 0;
 * - `same`: within half a per cent;
 * - `unclear`: the interval of the saving holds 0;
 * - `unknown`: a cost is not known, or was estimated at less than nothing.
 */
export type CostStanding = 'cheaper' | 'dearer' | 'same' | 'unclear' | 'unknown';

const SAME_COST = 0.005;

export function costStanding({ own, other, saving }: CostPair): CostStanding {
  if (own === null || other === null || !(own >= 0) || !(other >= 0)) return 'unknown';
  if (Math.abs(own - other) <= SAME_COST * other) return 'same';
  const { low, high } = saving ?? { low: null, high: null };
  if (low !== null && low > 0 && own < other) return 'cheaper';
  if (high !== null && high < 0 && own > other) return 'dearer';
  return 'unclear';
}

/**
 * At what cost, after a comma, against "the cost" of another: "at 14 % of the cost, which saves $5.76 per 1,000 requests".
 * Empty where nothing is known.
 */
export function describeCost(costs: CostPair): string {
  const standing = costStanding(costs);
  if (standing === 'unknown') return '';
  const [own, other] = [costs.own!, costs.other!];
  if (standing === 'same') return other === 0 ? 'and neither costs anything' : 'at the same cost';
  if (other === 0) return `at ${formatCost(own)} per 1,000 requests, where the other costs nothing`;
  const beside =
    own < other
      ? `at ${shareOf(own, other)} of the cost`
      : `at ${formatTimes(Math.max(1.01, own / other))} times the cost`;
  if (standing === 'unclear') return `${beside}, though not clearly ${own < other ? 'less' : 'more'}`;
  const amount = formatCost(Math.abs(other - own));
  return `${beside}, ${own < other ? `which saves ${amount}` : `${amount} more`} per 1,000 requests`;
}

/** "14 %", "0.40 %", "under 0.01 %"; two digits that count. */
function shareOf(own: number, other: number): string {
  const share = own / other;
  if (share === 0) return '0 %';
  if (share < 1e-4) return 'under 0.01 %';
  return formatPercent(share, share < 0.01 ? 2 : share < 0.1 ? 1 : 0);
}

/**
 * What a best fixed mix is called, by its cost beside that of the router. It is the best that costs no more; where no
 * candidate is as cheap as the router, there is none, and it is the cheapest candidate.
 */
export function fixedMixName(costs: CostPair): string {
  switch (costStanding(costs)) {
    case 'cheaper':
      return 'the cheapest candidate alone, which costs more';
    case 'dearer':
      return 'the best fixed mix of candidates that costs no more';
    case 'same':
      return 'the best fixed mix of candidates at equal cost';
    default:
      return 'the best fixed mix of candidates at about that cost';
  }
}
