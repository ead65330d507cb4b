import type { ASTNode } from '@marcbachmann/cel-js';
import { RE2JS } from 're2js';
import { InvalidInputError } from '../errors.ts';

/** How large a value can be: a text's length, a list's or map's number of items, and what they are made of. */
export interface Size {
  readonly length: number;
  readonly item?: Size;
}

/** The most that a value can be, and the most steps that it takes to find it. */
interface Cost {
  readonly steps: number;
  readonly size: Size;
}

export const SCALAR: Size = { length: 0 };

/** Steps of an error that is thrown and passed over, as `all`, `exists`, `&&` and `||` do. */
const CAUGHT = 100;

/** A time zone is looked up in tables. */
const TIME_ZONE = 2000;
const NUMBER_LENGTH = 25;

/** Functions by what they give: a text or list no larger than what they are given, or something of one size. */
const NO_LARGER = new Set([...'lowerAscii upperAscii trim substring dyn bytes string hex base64'.split(' ')]);
const SMALL = new Set(
  (
    'size startsWith endsWith contains indexOf lastIndexOf matches at has type bool int uint double timestamp duration ' +
    'getDate getDayOfMonth getDayOfWeek getDayOfYear getFullYear getHours getMilliseconds getMinutes getMonth getSeconds'
  ).split(' '),
);

/**
 * The most steps that a rule can take, whatever the request: a bound found from its text and the sizes of what it reads,
 * as Kubernetes does with the CEL of its users. A step is some tens of nanoseconds.
 *
 * @param sizes of the variables.
 * @throws InvalidInputError for a function whose cost is not known.
 */
export function ruleCost(ast: ASTNode, sizes: ReadonlyMap<string, Size>): number {
  return costOf(ast, sizes).steps;
}

function costOf(node: ASTNode, sizes: ReadonlyMap<string, Size>): Cost {
  switch (node.op) {
    case 'value': {
      const length = typeof node.args === 'string' || node.args instanceof Uint8Array ? node.args.length : 0;
      return { steps: 1, size: { length } };
    }
    case 'id':
      return { steps: 1, size: sizes.get(node.args) ?? SCALAR };
    case '.':
    case '.?': {
      const { steps, size } = costOf(node.args[0], sizes);
      return { steps: steps + 1, size: size.item ?? SCALAR };
    }
    case '[]':
    case '[?]': {
      const [of, at] = node.args.map((arg) => costOf(arg, sizes));
      return { steps: of.steps + at.steps + 1, size: of.size.item ?? SCALAR };
    }
    case 'list':
      return listOf(node.args.map((arg) => costOf(arg, sizes)));
    case 'map':
      return listOf(node.args.flatMap((entry) => entry.map((arg) => costOf(arg, sizes))));
    case '?:': {
      const [when, a, b] = node.args.map((arg) => costOf(arg, sizes));
      return { steps: when.steps + a.steps + b.steps + 1, size: larger(a.size, b.size) };
    }
    case '&&':
    case '||': {
      const [a, b] = node.args.map((arg) => costOf(arg, sizes));
      return { steps: a.steps + b.steps + (isSafe(node.args[0]) ? 1 : CAUGHT), size: SCALAR };
    }
    case '!_':
    case '-_':
      return { steps: costOf(node.args, sizes).steps + 1, size: SCALAR };
    case 'call':
      return callCost(node.args[0], undefined, node.args[1], sizes);
    case 'rcall':
      return callCost(node.args[0], node.args[1], node.args[2], sizes);
    default: {
      const [a, b] = node.args.map((arg) => costOf(arg, sizes));
      const steps = a.steps + b.steps + 1;
      if (node.op !== '+') return { steps: steps + Math.min(whole(a.size), whole(b.size)), size: SCALAR };
      const size = { ...larger(a.size, b.size), length: a.size.length + b.size.length };
      return { steps: steps + size.length, size };
    }
  }
}

function callCost(
  name: string,
  receiver: ASTNode | undefined,
  args: readonly ASTNode[],
  sizes: ReadonlyMap<string, Size>,
): Cost {
  const on = receiver === undefined ? { steps: 0, size: SCALAR } : costOf(receiver, sizes);
  const isLoop = ['all', 'exists', 'exists_one', 'map', 'filter'].includes(name);
  const isBind = name === 'bind' && args.length === 3;
  if (isLoop || isBind) {
    const value = isBind ? costOf(args[1], sizes) : on;
    const variable = args[0].op === 'id' ? args[0].args : '';
    const item = isBind ? value.size : (value.size.item ?? { length: NUMBER_LENGTH });
    const inside = new Map(sizes).set(variable, item);
    const bodies = (isBind ? args.slice(2) : args.slice(1)).map((arg) => costOf(arg, inside));
    const body = bodies.reduce((sum, { steps }) => sum + steps, 0);
    const last = bodies[bodies.length - 1].size;
    if (isBind) return { steps: value.steps + body + 1, size: last };
    const caught = (name === 'all' || name === 'exists') && !args.slice(1).every(isSafe) ? CAUGHT : 2;
    return {
      steps: on.steps + on.size.length * (body + caught) + 1,
      size: name === 'map' ? { length: on.size.length, item: last } : name === 'filter' ? on.size : SCALAR,
    };
  }
  const given = args.map((arg) => costOf(arg, sizes));
  const all = [on, ...given];
  const read = all.reduce((sum, { size }) => sum + whole(size), 0);
  const steps = all.reduce((sum, cost) => sum + cost.steps, 1) + read;
  const { length } = on.size;
  if (name === 'split') return { steps: steps + length, size: { length: length + 1, item: { length } } };
  if (name === 'join') {
    const joined = length * ((on.size.item?.length ?? 0) + (given[0]?.size.length ?? 0));
    return { steps: steps + joined, size: { length: joined } };
  }
  // Twice: 'ß' in capitals is 'SS', and a byte is two hexadecimal digits.
  if (NO_LARGER.has(name)) {
    const most = all.reduce<Size>((size, cost) => larger(size, cost.size), SCALAR);
    return { steps, size: { ...most, length: Math.max(NUMBER_LENGTH, 3 * most.length) } };
  }
  if (!SMALL.has(name)) throw new InvalidInputError(`\`${name}\` cannot be used in rules.`);
  if (name.startsWith('get')) return { steps: steps + args.length * TIME_ZONE, size: SCALAR };
  // Searching for a text in a text looks at each place.
  const product = length * Math.max(1, given[0]?.size.length ?? 0);
  return { steps: steps + (name === 'size' ? 0 : Math.ceil(product / 16)), size: SCALAR };
}

/** Whether nothing in it can fail: comparisons, and logic over them. */
function isSafe(node: ASTNode): boolean {
  if (node.op === 'value' || node.op === 'id') return true;
  if (!['==', '!=', '<', '<=', '>', '>=', '&&', '||', '!_', 'in', '?:'].includes(node.op)) return false;
  return (Array.isArray(node.args) ? (node.args as ASTNode[]) : [node.args as ASTNode]).every(isSafe);
}

function listOf(items: readonly Cost[]): Cost {
  const item = items.reduce<Size>((size, cost) => larger(size, cost.size), SCALAR);
  return { steps: items.reduce((sum, cost) => sum + cost.steps, 1), size: { length: items.length, item } };
}

function larger(a: Size, b: Size): Size {
  const item = a.item === undefined ? b.item : b.item === undefined ? a.item : larger(a.item, b.item);
  const length = Math.max(a.length, b.length);
  return item === undefined ? { length } : { length, item };
}

/** Everything in it, at any depth. */
function whole({ length, item }: Size): number {
  return item === undefined ? length : length * (1 + whole(item));
}

/** Instructions that a pattern may be compiled to: each character of a text may meet all of them. */
const MOST_INSTRUCTIONS = 500;

/**
 * Compiles a pattern as the CEL specification asks: RE2's syntax, in time linear in the text.
 *
 * @throws InvalidInputError when it is none, or too large.
 */
export function compilePattern(pattern: string): (text: string) => boolean {
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern);
  } catch (cause) {
    throw new InvalidInputError(
      `The pattern of \`matches\` must be in RE2's syntax, which has no look-around and no back-references: ` +
        `${(cause as Error).message}.`,
      { cause },
    );
  }
  const size = compiled.programSize();
  if (size > MOST_INSTRUCTIONS) {
    throw new InvalidInputError(
      `The pattern of \`matches\` must compile to at most ${MOST_INSTRUCTIONS} instructions. Got ${size}. Ask for ` +
        'fewer repetitions.',
    );
  }
  return (text) => compiled.test(text);
}
