import * as z from 'zod/mini';
import { InvalidInputError } from './errors.ts';

/**
 * Checks a value from outside against its schema, with one message shape:
 * "`field` of Thing must be X. Got Y."
 *
 * @param thing what the value is, as a reader of the message knows it.
 * @throws InvalidInputError naming the first field that is wrong.
 */
export function validate<T>(schema: z.core.$ZodType<T>, value: unknown, thing: string): T {
  // Without its generated functions zod is ready sooner, and no code is made from data.
  const result = parse(schema, value, thing);
  if (result.success) return result.data;
  const issue = deepest(result.error.issues[0]);
  throw new InvalidInputError(
    `${fieldName(issue.path, thing)} must be ${expectation(issue)}${known(schema, value, issue)}. Got ${shown(valueAt(value, issue.path))}.`,
  );
}

function parse<T>(schema: z.core.$ZodType<T>, value: unknown, thing: string) {
  try {
    return z.safeParse(schema, value, { jitless: true });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new InvalidInputError(`The ${thing} is nested too deep.`, { cause });
  }
}

type Issue = z.core.$ZodIssue;

/** A union reports every branch; the branch that got furthest is the one that was meant. */
function deepest(issue: Issue): Issue {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return issue;
  let best: Issue = issue;
  for (const branch of issue.errors) {
    if (branch.length === 0) continue;
    const inner = deepest({ ...branch[0], path: [...issue.path, ...branch[0].path] });
    if (inner.path.length > best.path.length) best = inner;
  }
  return best;
}

function fieldName(path: readonly PropertyKey[], thing: string): string {
  if (path.length === 0) return `The ${thing}`;
  let name = '';
  for (const step of path) {
    if (typeof step === 'number') name += `[${step}]`;
    else name += name === '' ? String(step) : `.${String(step)}`;
  }
  return `\`${name}\` of ${thing}`;
}

function expectation(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return withArticle(issue.expected);
    case 'too_small':
      return limit(issue.origin, issue.inclusive === false ? '>' : '>=', issue.minimum);
    case 'too_big':
      return limit(issue.origin, issue.inclusive === false ? '<' : '<=', issue.maximum);
    case 'invalid_value':
      return issue.values.map((value) => shown(value)).join(' or ');
    case 'invalid_union':
      return issue.discriminator === undefined ? 'of a known shape' : 'of a known kind';
    case 'unrecognized_keys':
      return `without ${issue.keys.map((key) => `\`${key}\``).join(', ')}`;
    case 'invalid_format':
      return issue.pattern === undefined ? `a valid ${issue.format}` : `text matching ${issue.pattern}`;
    case 'custom':
      return issue.message;
    default:
      return 'valid';
  }
}

/** Of a field that there is none of, those that there are. */
function known(schema: z.core.$ZodType, value: unknown, issue: Issue): string {
  if (issue.code !== 'unrecognized_keys') return '';
  const names = namesAt(schema, value, issue.path);
  return names.length === 0 ? '' : ` (it may have ${names.join(', ')})`;
}

/** What schemas of every kind have inside them. */
interface Inside {
  readonly innerType?: z.core.$ZodType;
  readonly getter?: () => z.core.$ZodType;
  readonly discriminator?: string;
  readonly options?: readonly z.core.$ZodType[];
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly valueType?: z.core.$ZodType;
  readonly element?: z.core.$ZodType;
}

function namesAt(schema: z.core.$ZodType, value: unknown, [step, ...rest]: readonly PropertyKey[]): string[] {
  const def = schema._zod.def as Inside;
  if (def.innerType !== undefined) return namesAt(def.innerType, value, [step, ...rest]);
  if (def.getter !== undefined) return namesAt(def.getter(), value, [step, ...rest]);
  if (def.discriminator !== undefined) {
    const kind = (value as Record<string, unknown>)?.[def.discriminator];
    const own = def.options?.find((option) =>
      option._zod.propValues?.[def.discriminator!]?.has(kind as string),
    );
    return own === undefined ? [] : namesAt(own, value, [step, ...rest]);
  }
  if (step === undefined) return Object.keys(def.shape ?? {});
  const next = def.shape?.[step as string] ?? def.valueType ?? def.element;
  return next === undefined ? [] : namesAt(next, (value as Record<PropertyKey, unknown>)?.[step], rest);
}

function limit(origin: string, sign: string, bound: number | bigint): string {
  if (origin === 'string') return `text of length ${sign} ${bound}`;
  if (origin === 'array') return `a list of length ${sign} ${bound}`;
  return `a number ${sign} ${bound}`;
}

function withArticle(type: string): string {
  if (type === 'int') return 'a whole number';
  if (type === 'array') return 'a list';
  if (type === 'string') return 'text';
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const step of path) {
    if (at === null || typeof at !== 'object' || !Object.hasOwn(at, step)) return undefined;
    at = (at as Record<PropertyKey, unknown>)[step];
  }
  return at;
}

const LONGEST_SHOWN = 80;

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol')
    return typeof value;
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value) && value.length > 8) return `a list of ${value.length}`;
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // A cycle, or a toJSON that throws: its type says enough.
  }
  if (text === undefined) return `an ${typeof value}`;
  return text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}...` : text;
}
