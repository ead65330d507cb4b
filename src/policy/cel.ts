import { type ASTNode, Environment } from '@marcbachmann/cel-js';
import { RE2JS } from 're2js';
import { InvalidInputError } from '../errors.ts';
import { type CandidateLoad, type CelType, SIGNALS, type Signals } from '../signals/signals.ts';
import type { Predictions } from './plan.ts';
import type { CompileExpression } from './policy.ts';

/** Longest text among signals, in UTF-16 units; the caller's are checked to be no longer. */
const LONGEST_TEXT = 200;

/** What a rule is asked of one request. */
interface Asked {
  readonly signals: Signals;
  readonly predictions: Predictions;
  readonly novelty: () => number | null;
  readonly candidates: readonly string[];
}

/** A signal as a value of its CEL type. */
const CEL_VALUES = {
  bool: (value: boolean) => value,
  double: (value: number | null) => value ?? Infinity,
  int: (value: number) => BigInt(value),
  'list<string>': (values: readonly string[]) => values,
  'map<string, map<string, double>>': loadByName,
  // Rules are bounded for texts of this length; the router lets none through that is longer.
  string: (text: string) => text.slice(0, LONGEST_TEXT),
} as const satisfies Readonly<Record<CelType, unknown>>;

/** Names that an expression may use, with their CEL types: the signals, and what the router predicts. */
const VARIABLES: Readonly<Record<string, { readonly cel: string; read(asked: Asked): unknown }>> = {
  ...Object.fromEntries((Object.keys(SIGNALS) as (keyof Signals)[]).map((name) => [name, variableOf(name)])),
  hasCode: { cel: 'bool', read: ({ signals }) => signals.codeShare > 0 },
  // 0 where the artifact does not say.
  novelty: { cel: 'double', read: ({ novelty }) => novelty() ?? 0 },
  ...Object.fromEntries(
    (['success', 'choice', 'costUsd', 'latencyMs'] as const).map((name) => [
      name,
      {
        cel: 'map<string, double>',
        read: ({ candidates, predictions }: Asked) =>
          new Map(candidates.map((candidate, c) => [candidate, predictions[name][c]])),
      },
    ]),
  ),
};

function variableOf(name: keyof Signals) {
  const { cel } = SIGNALS[name];
  const convert = CEL_VALUES[cel] as (value: unknown, candidates: readonly string[]) => unknown;
  return { cel, read: ({ candidates, signals }: Asked) => convert(signals[name], candidates) };
}

const ARITHMETIC = {
  '+': (a: number, b: number) => a + b,
  '-': (a: number, b: number) => a - b,
  '*': (a: number, b: number) => a * b,
  '/': (a: number, b: number) => a / b,
} as const;

/** Maps have an entry a candidate, and what is in a map of maps has its two. */
const PER_CANDIDATE = new Set(Object.keys(VARIABLES).filter((name) => VARIABLES[name].cel.startsWith('map')));

/**
 * Compiles a CEL expression (Common Expression Language, cel.dev) over the signals of a request and the predictions
 * for it. Types are checked here, and names of candidates too: `success["large"] > 0.8 && tokens < 2000`.
 * Numbers of either type compare with each other: `codeShare == 0` is fine.
 */
export const compileCel: CompileExpression = (expression, candidates) => {
  const patterns = new Map<string, (text: string) => boolean>();
  const environment = createEnvironment(patterns);
  let run: ReturnType<Environment['parse']>;
  try {
    run = environment.parse(expression);
  } catch (cause) {
    throw refusal(expression, cause);
  }
  const steps = boundOf(run.ast, candidates, expression);
  linearMatches(run.ast, patterns, expression);
  const check = run.check();
  if (!check.valid) throw refusal(expression, check.error);
  if (check.type !== 'bool') {
    throw new InvalidInputError(`${quoted(expression)} must be true or false. It gives ${check.type}.`);
  }
  checkCandidates(run.ast, candidates, expression);
  return {
    maxSteps: steps,
    evaluate(signals, predictions, novelty) {
      return run(new CelVariables({ signals, predictions, novelty, candidates })) === true;
    },
  };
};

const MOST_MODALITIES = 5;

/** Steps that one rule may take at most: some milliseconds. */
const MOST_STEPS = 200_000;
const MATCHES = 'matchesLinear';

/**
 * The most steps that a rule can take, whatever the request: a bound found from its text and the sizes of what it reads,
 * as Kubernetes does with the CEL of its users. A step is some tens of nanoseconds.
 *
 * @throws InvalidInputError when that is too long.
 */
function boundOf(ast: ASTNode, candidates: readonly string[], expression: string): number {
  const perCandidate = (item: Size): Size => ({ length: candidates.length, item });
  const sizeOf: Readonly<Record<string, Size>> = {
    string: { length: LONGEST_TEXT },
    'list<string>': { length: MOST_MODALITIES, item: { length: LONGEST_TEXT } },
    'map<string, double>': perCandidate(SCALAR),
    'map<string, map<string, double>>': perCandidate({ length: 2, item: SCALAR }),
  };
  const sizes = new Map(Object.entries(VARIABLES).map(([name, { cel }]) => [name, sizeOf[cel] ?? SCALAR]));
  let steps: number;
  try {
    ({ steps } = costOf(ast, sizes));
  } catch (cause) {
    const said = (cause as Error).message;
    throw new InvalidInputError(`${quoted(expression)} cannot be bounded: ${said}`, { cause });
  }
  if (steps <= MOST_STEPS) return steps;
  throw new InvalidInputError(
    `${quoted(expression)} must take at most ${MOST_STEPS} steps for any request. It could take ${steps.toPrecision(3)}. Nest fewer comprehensions, and let lists and texts grow less.`,
  );
}

/** Puts RE2 in the place of JavaScript's expressions, which can take time without end. Patterns are compiled now. */
function linearMatches(ast: ASTNode, patterns: Map<string, (text: string) => boolean>, expression: string) {
  for (const node of nodesOf(ast)) {
    if (node.op !== 'rcall' || node.args[0] !== 'matches') continue;
    const [pattern] = node.args[2];
    if (pattern?.op !== 'value' || typeof pattern.args !== 'string') {
      throw new InvalidInputError(
        `The pattern of \`matches\` in ${quoted(expression)} must be a text in quotes.`,
      );
    }
    patterns.set(pattern.args, compilePattern(pattern.args));
    node.args[0] = MATCHES;
  }
}

function createEnvironment(patterns: ReadonlyMap<string, (text: string) => boolean>): Environment {
  const environment = new Environment({ limits: { maxAstNodes: 2_000, maxDepth: 50 } });
  for (const [name, { cel }] of Object.entries(VARIABLES)) environment.registerVariable(name, cel);
  environment.registerFunction(`string.${MATCHES}(string): bool`, (text: string, pattern: string) =>
    patterns.get(pattern)!(text),
  );
  // CEL does not mix its two kinds of number, but a person who writes `codeShare == 0` means it.
  environment.registerOperator('double == int', (a: number, b: bigint) => a === Number(b));
  for (const [sign, apply] of Object.entries(ARITHMETIC)) {
    environment.registerOperator(`double ${sign} int: double`, (a: number, b: bigint) => apply(a, Number(b)));
    environment.registerOperator(`int ${sign} double: double`, (a: bigint, b: number) => apply(Number(a), b));
  }
  return environment;
}

/** The variables of one request, each computed when an expression reads it. */
class CelVariables {
  readonly #asked: Asked;

  constructor(asked: Asked) {
    this.#asked = asked;
  }

  static {
    for (const [name, { read }] of Object.entries(VARIABLES)) {
      Object.defineProperty(CelVariables.prototype, name, {
        get(this: CelVariables) {
          return read(this.#asked);
        },
      });
    }
  }
}

/** Of what is not known there is none: 0. */
function loadByName(
  load: Readonly<Record<string, CandidateLoad>>,
  candidates: readonly string[],
): Map<string, Map<string, number>> {
  return new Map(
    candidates.map((name) => {
      const { inFlight = 0, recentLatencyMs = null } = Object.hasOwn(load, name) ? load[name] : {};
      const amounts = { inFlight, recentLatencyMs: recentLatencyMs ?? 0 };
      return [name, new Map(Object.entries(amounts))];
    }),
  );
}

/** Candidates that an expression names must be there: a typing error would be silent otherwise. */
function checkCandidates(ast: ASTNode, candidates: readonly string[], expression: string): void {
  for (const node of nodesOf(ast)) {
    if ((node.op !== '[]' && node.op !== '.') || node.args[0].op !== 'id') continue;
    const map = node.args[0].args as string;
    const key = node.op === '.' ? node.args[1] : node.args[1].op === 'value' ? node.args[1].args : undefined;
    if (PER_CANDIDATE.has(map) && typeof key === 'string' && !candidates.includes(key)) {
      throw new InvalidInputError(
        `\`${map}\` in ${quoted(expression)} must name one of the candidates ${candidates.join(', ')}. Got "${key}".`,
      );
    }
  }
}

/** A node and all below it, from the outside to the inside. */
function nodesOf(node: ASTNode): ASTNode[] {
  return [node, ...children(node.args).flatMap(nodesOf)];
}

function children(args: unknown): ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(children);
  return args !== null && typeof args === 'object' && 'op' in args ? [args as ASTNode] : [];
}

function refusal(expression: string, cause: unknown): InvalidInputError {
  const said = cause instanceof Error && 'summary' in cause ? String(cause.summary) : 'it cannot be read';
  return new InvalidInputError(
    `${quoted(expression)} is not an expression over ${Object.keys(VARIABLES).join(', ')}: ${said.replaceAll(MATCHES, 'matches').trim()}.`,
    { cause },
  );
}

function quoted(expression: string): string {
  return JSON.stringify(expression.length > 200 ? `${expression.slice(0, 200)}...` : expression);
}

/** How large a value can be: a text's length, a list's or map's number of items, and what they are made of. */
interface Size {
  readonly length: number;
  readonly item?: Size;
}

/** The most that a value can be, and the most steps that it takes to find it. */
interface Cost {
  readonly steps: number;
  readonly size: Size;
}

const SCALAR: Size = { length: 0 };

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

/** @throws InvalidInputError for a function whose cost is not known. */
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
  return children(node.args).every(isSafe);
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
function compilePattern(pattern: string): (text: string) => boolean {
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(pattern);
  } catch (cause) {
    throw new InvalidInputError(
      `The pattern of \`matches\` must be in RE2's syntax, which has no look-around and no back-references: ${(cause as Error).message}.`,
      { cause },
    );
  }
  const size = compiled.programSize();
  if (size > MOST_INSTRUCTIONS) {
    throw new InvalidInputError(
      `The pattern of \`matches\` must compile to at most ${MOST_INSTRUCTIONS} instructions. Got ${size}. Ask for fewer repetitions.`,
    );
  }
  return (text) => compiled.test(text);
}
