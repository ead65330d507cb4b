import { describe, expect, it } from 'vitest';
import { parseAst } from 'vitest/node';
import { type SourceFile, sourceFiles } from './source-files.ts';

/**
 * A spread into a call puts every element on the call stack, which overflows at some 120,000 of them. Whoever needs
 * the largest of a list has `largest` and `argMax`; whoever appends a list has a loop. Spreads into array literals
 * are no calls.
 */
const ALLOWED: Readonly<Record<string, string>> = {
  'bench/off-policy.ts: lines.push(...(await simulate(held, setting, onProgress)))': 'a few lines a setting',
  'bench/quality.ts: lines.push(...(await gapLines(mmlu, { fit, calibrate }, apgr, ece, onProgress)))':
    'a few lines a bench',
  'bench/quality.ts: lines.push(...(await routedLines(nine, onProgress, 0.655)))': 'a few lines a bench',
  'data/solvers/families/code-output.ts: Math.max(...list)': 'a list of a generated puzzle',
  'data/solvers/families/code-output.ts: Math.min(...list)': 'a list of a generated puzzle',
  'data/solvers/families/sets-and-sorting.ts: Math.max(...list)': 'a list of a generated puzzle',
  'data/solvers/families/sets-and-sorting.ts: Math.min(...list)': 'a list of a generated puzzle',
  'data/solvers/families/units.ts: answer(...temperature(random.next() < 0.5, amount))': 'a tuple',
};

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

/** Calls that spread what is no literal, and calls of `Function.prototype.apply`, as `path: source`. */
function spreadingCalls({ path, text }: SourceFile): string[] {
  const found: string[] = [];
  const visit = (value: unknown, restNames: ReadonlySet<string>): void => {
    if (Array.isArray(value)) for (const each of value) visit(each, restNames);
    if (!isNode(value)) return;
    const names = 'params' in value ? new Set([...restNames, ...restParameters(value.params)]) : restNames;
    if (spreads(value, names) || applies(value))
      found.push(`${path}: ${text.slice(value.start, value.end).replace(/\s+/g, ' ')}`);
    for (const field of Object.values(value)) if (typeof field === 'object') visit(field, names);
  };
  visit(parseAst(text, { lang: path.endsWith('x') ? 'tsx' : 'ts' }).body, new Set());
  return found;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
}

function restParameters(parameters: unknown): string[] {
  return (parameters as Node[]).flatMap(({ type, argument }) =>
    type === 'RestElement' ? [String((argument as Node).name)] : [],
  );
}

/** What came as arguments may go on as arguments: it was on the stack already. */
function spreads({ type, arguments: given }: Node, restNames: ReadonlySet<string>): boolean {
  if (type !== 'CallExpression' && type !== 'NewExpression') return false;
  return (given as Node[]).some(({ type: kind, argument }) => {
    const { type: what, name } = (argument ?? {}) as Node;
    return kind === 'SpreadElement' && what !== 'ArrayExpression' && !restNames.has(String(name));
  });
}

/** `Math.max.apply(null, values)` does the same; an object's own method called `apply` does not. */
function applies({ type, callee }: Node): boolean {
  const { object, property } = (type === 'CallExpression' ? callee : {}) as Node;
  return (property as Node | undefined)?.name === 'apply' && (object as Node).type === 'MemberExpression';
}

const files = ['src', 'training', 'gateway', 'data', 'bench'].flatMap((top) => sourceFiles(top));
const found = files.flatMap(spreadingCalls);

describe('a call with a list spread into it', () => {
  it('is one whose list is known to be short', () => {
    expect(found.filter((call) => !(call in ALLOWED))).toEqual([]);
  });

  it('is in the list of exceptions only while the code has it', () => {
    expect(Object.keys(ALLOWED).filter((call) => !found.includes(call))).toEqual([]);
  });

  it.each([
    ['Math.max(...values)', 1],
    ['list.push(...others)', 1],
    ['String.fromCharCode(...bytes)', 1],
    ['new Set(...lists)', 1],
    ['Math.max.apply(null, values)', 1],
    ['layer.apply(values, 0)', 0],
    ['const all = [...left, ...right]', 0],
    ['Math.max(...[a, b])', 0],
    ['const call = (...given: number[]) => log(...given)', 0],
  ])('is found in %s: %i', (text, count) => {
    const file = { path: 'some.ts', room: '', text, lines: 1, imports: [] };
    expect(spreadingCalls(file)).toHaveLength(count);
  });
});
