import { type ASTNode, Environment } from '@marcbachmann/cel-js';
import { InvalidInputError } from '../errors.ts';
import { type CandidateLoad, type CelType, SIGNALS, type Signals } from '../signals/signals.ts';
import { compilePattern, ruleCost, SCALAR, type Size } from './cel-cost.ts';
import type { Predictions } from './plan.ts';
import type { CompileExpression } from './policy.ts';

/** Names that an expression may use, with their CEL types: the signals, and what the router predicts. */
const VARIABLES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(SIGNALS).map(([name, { cel }]) => [name, cel])),
  hasCode: 'bool',
  novelty: 'double',
  success: 'map<string, double>',
  choice: 'map<string, double>',
  costUsd: 'map<string, double>',
  latencyMs: 'map<string, double>',
};

const ARITHMETIC = {
  '+': (a: number, b: number) => a + b,
  '-': (a: number, b: number) => a - b,
  '*': (a: number, b: number) => a * b,
  '/': (a: number, b: number) => a / b,
} as const;

/** Maps have an entry a candidate, and what is in a map of maps has its two. */
const PER_CANDIDATE = new Set(Object.keys(VARIABLES).filter((name) => VARIABLES[name].startsWith('map')));

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
      return run(new CelVariables(signals, predictions, novelty, candidates)) === true;
    },
  };
};

/** Longest text among signals, in UTF-16 units; the caller's are checked to be no longer. */
const LONGEST_TEXT = 200;
const MOST_MODALITIES = 5;

/** Steps that one rule may take at most: some milliseconds. */
const MOST_STEPS = 200_000;
const MATCHES = 'matchesLinear';

/** @throws InvalidInputError when the rule could take too long for some request. */
function boundOf(ast: ASTNode, candidates: readonly string[], expression: string): number {
  const text: Size = { length: LONGEST_TEXT };
  const perCandidate: Size = { length: candidates.length, item: SCALAR };
  const sizes = new Map<string, Size>();
  for (const [name, type] of Object.entries(VARIABLES)) {
    if (type === 'string') sizes.set(name, text);
    else if (type === 'list<string>') sizes.set(name, { length: MOST_MODALITIES, item: text });
    else if (type === 'map<string, map<string, double>>')
      sizes.set(name, { length: candidates.length, item: { length: 2, item: SCALAR } });
    else if (type.startsWith('map')) sizes.set(name, perCandidate);
  }
  let steps: number;
  try {
    steps = ruleCost(ast, sizes);
  } catch (cause) {
    throw new InvalidInputError(`${quoted(expression)} cannot be bounded: ${(cause as Error).message}`, {
      cause,
    });
  }
  if (steps <= MOST_STEPS) return steps;
  throw new InvalidInputError(
    `${quoted(expression)} must take at most ${MOST_STEPS} steps for any request. It could take ${steps.toPrecision(3)}. ` +
      'Nest fewer comprehensions, and let lists and texts grow less.',
  );
}

/** Puts RE2 in the place of JavaScript's expressions, which can take time without end. Patterns are compiled now. */
function linearMatches(
  node: ASTNode,
  patterns: Map<string, (text: string) => boolean>,
  expression: string,
): void {
  if (node.op === 'rcall' && node.args[0] === 'matches') {
    const [pattern] = node.args[2];
    if (pattern?.op !== 'value' || typeof pattern.args !== 'string') {
      throw new InvalidInputError(
        `The pattern of \`matches\` in ${quoted(expression)} must be a text in quotes.`,
      );
    }
    patterns.set(pattern.args, compilePattern(pattern.args));
    node.args[0] = MATCHES;
  }
  for (const child of children(node.args)) linearMatches(child, patterns, expression);
}

function createEnvironment(patterns: ReadonlyMap<string, (text: string) => boolean>): Environment {
  const environment = new Environment({ limits: { maxAstNodes: 2_000, maxDepth: 50 } });
  for (const [name, type] of Object.entries(VARIABLES)) environment.registerVariable(name, type);
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

/** A signal as a value of its CEL type. */
const CEL_VALUES = {
  bool: (value: boolean) => value,
  double: (value: number | null) => value ?? Infinity,
  int: (value: number) => BigInt(value),
  'list<string>': (values: readonly string[]) => values,
  'map<string, map<string, double>>': loadByName,
  string: short,
} as const satisfies Readonly<Record<CelType, unknown>>;

/** The variables of one request, each computed when an expression reads it. */
class CelVariables {
  readonly #signals: Signals;
  readonly #predictions: Predictions;
  readonly #novelty: () => number | null;
  readonly #candidates: readonly string[];

  constructor(
    signals: Signals,
    predictions: Predictions,
    novelty: () => number | null,
    candidates: readonly string[],
  ) {
    this.#signals = signals;
    this.#predictions = predictions;
    this.#novelty = novelty;
    this.#candidates = candidates;
  }

  static {
    for (const name of Object.keys(SIGNALS) as (keyof Signals)[]) {
      const convert = CEL_VALUES[SIGNALS[name].cel] as (
        value: unknown,
        candidates: readonly string[],
      ) => unknown;
      Object.defineProperty(CelVariables.prototype, name, {
        get(this: CelVariables) {
          return convert(this.#signals[name], this.#candidates);
        },
      });
    }
  }

  get hasCode(): boolean {
    return this.#signals.codeShare > 0;
  }
  /** 0 where the artifact does not say. */
  get novelty(): number {
    return this.#novelty() ?? 0;
  }
  get success(): Map<string, number> {
    return this.#byName(this.#predictions.success);
  }
  get choice(): Map<string, number> {
    return this.#byName(this.#predictions.choice);
  }
  get costUsd(): Map<string, number> {
    return this.#byName(this.#predictions.costUsd);
  }
  get latencyMs(): Map<string, number> {
    return this.#byName(this.#predictions.latencyMs);
  }

  #byName(values: Float64Array): Map<string, number> {
    const map = new Map<string, number>();
    for (let c = 0; c < values.length; c++) map.set(this.#candidates[c], values[c]);
    return map;
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

/** Rules were bounded for texts of this length; the router lets none through that is longer. */
function short(text: string): string {
  return text.slice(0, LONGEST_TEXT);
}

/** Candidates that an expression names must be there: a typing error would be silent otherwise. */
function checkCandidates(node: ASTNode, candidates: readonly string[], expression: string): void {
  if ((node.op === '[]' || node.op === '.') && node.args[0].op === 'id') {
    const map = node.args[0].args as string;
    const key = node.op === '.' ? node.args[1] : node.args[1].op === 'value' ? node.args[1].args : undefined;
    if (PER_CANDIDATE.has(map) && typeof key === 'string' && !candidates.includes(key)) {
      throw new InvalidInputError(
        `\`${map}\` in ${quoted(expression)} must name one of the candidates ${candidates.join(', ')}. Got "${key}".`,
      );
    }
  }
  for (const child of children(node.args)) checkCandidates(child, candidates, expression);
}

function children(args: unknown): ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(children);
  return args !== null && typeof args === 'object' && 'op' in args ? [args as ASTNode] : [];
}

function refusal(expression: string, cause: unknown): InvalidInputError {
  const summary = (
    cause instanceof Error && 'summary' in cause ? String(cause.summary) : 'it cannot be read'
  ).replaceAll(MATCHES, 'matches');
  return new InvalidInputError(
    `${quoted(expression)} is not an expression over ${Object.keys(VARIABLES).join(', ')}: ${summary.trim()}.`,
    { cause },
  );
}

function quoted(expression: string): string {
  return JSON.stringify(expression.length > 200 ? `${expression.slice(0, 200)}...` : expression);
}
