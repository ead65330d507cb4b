import * as v from 'valibot';
import { InvalidInputError } from './errors.ts';

/**
 * Checks a value from outside against its schema, with one message shape:
 * "`field` of Thing must be X. Got Y."
 *
 * @param thing what the value is, as a reader of the message knows it.
 * @throws InvalidInputError naming the first field that is wrong.
 */
export function validate<T>(schema: v.GenericSchema<unknown, T>, value: unknown, thing: string): T {
  const result = parse(schema, value, thing);
  if (result.success) return result.output;
  const { issue, path } = deepest(result.issues[0], []);
  const isUnknownKey = issue.type === 'strict_object' && issue.expected === 'never';
  const at = isUnknownKey ? path.slice(0, -1) : path;
  const found = valueAt(value, at);
  const broken = schemaAt(schema as Inside, value, at);
  const must = isUnknownKey ? withoutUnknown(broken, found) : expectation(issue, broken);
  throw new InvalidInputError(`${fieldName(at, thing)} must be ${must}. Got ${shown(found)}.`);
}

function parse<T>(schema: v.GenericSchema<unknown, T>, value: unknown, thing: string) {
  try {
    return v.safeParse(schema, value, { abortEarly: true });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new InvalidInputError(`The ${thing} is nested too deep.`, { cause });
  }
}

type Issue = v.BaseIssue<unknown>;

/** A union reports every branch; the branch that got furthest is the one that was meant. */
function deepest(
  issue: Issue,
  before: readonly PropertyKey[],
): { issue: Issue; path: readonly PropertyKey[] } {
  const path = [...before, ...(issue.path ?? []).map(({ key }) => key as PropertyKey)];
  let best = { issue, path: path as readonly PropertyKey[] };
  for (const inside of issue.issues ?? []) {
    const branch = deepest(inside, path);
    if (branch.path.length > best.path.length) best = branch;
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

function expectation(issue: Issue, schema: Inside): string {
  const { requirement } = issue;
  switch (issue.type) {
    case 'min_value':
      return `a number >= ${requirement}`;
    case 'gt_value':
      return `a number > ${requirement}`;
    case 'max_value':
      return `a number <= ${requirement}`;
    case 'min_length':
      return `${ofLength(issue)} >= ${requirement}`;
    case 'max_length':
      return `${ofLength(issue)} <= ${requirement}`;
    case 'regex':
      return `text matching ${requirement}`;
    case 'check':
      return issue.message;
    case 'variant':
      return issue.expected === 'Object' ? 'an object' : 'of a known kind';
    default:
      return described(schema);
  }
}

function ofLength({ input }: Issue): string {
  return typeof input === 'string' ? 'text of length' : 'a list of length';
}

/** valibot's own takes the infinities too. */
export const finiteNumber = v.pipe(v.number(), v.check<number, string>(Number.isFinite, 'a number'));
export const wholeNumber = v.pipe(
  v.number(),
  v.check<number, string>(Number.isSafeInteger, 'a whole number'),
);
/** A number >= 0. */
export const amount = v.pipe(finiteNumber, v.minValue(0));
/** A number from 0 to 1. */
export const share = v.pipe(finiteNumber, v.minValue(0), v.maxValue(1));
/** A whole number >= 0. */
export const count = v.pipe(wholeNumber, v.minValue(0));

/** Lists are no objects, and what has a class is no record; valibot takes them for such. */
function refusing<Schema extends v.GenericSchema>(
  schema: Schema,
  isWrong: (value: unknown) => boolean,
): Schema {
  const run = schema['~run'];
  return {
    ...schema,
    '~run'(dataset, config) {
      return run.call(this, isWrong(dataset.value) ? { value: null } : dataset, config);
    },
  } as Schema;
}

/** An object whose further fields are dropped. */
export const object = <Entries extends v.ObjectEntries>(entries: Entries) =>
  refusing(v.object(entries), Array.isArray);
/** An object that has no further fields. */
export const strictObject = <Entries extends v.ObjectEntries>(entries: Entries) =>
  refusing(v.strictObject(entries), Array.isArray);
/** An object whose further fields are kept. */
export const looseObject = <Entries extends v.ObjectEntries>(entries: Entries) =>
  refusing(v.looseObject(entries), Array.isArray);
/** Values of one kind by name, whatever the name: valibot's own passes over `constructor`, and needs a third more code. */
export function record<Value extends v.GenericSchema>(value: Value) {
  type RecordSchema = ReturnType<typeof v.record<v.StringSchema<undefined>, Value>>;
  const schema = {
    ...v.strictObject({}),
    type: 'record',
    entries: undefined,
    value,
  } as unknown as RecordSchema;
  const run = schema['~run'];
  return {
    ...schema,
    '~run'(dataset, config) {
      const input = dataset.value;
      if (!isPlain(input)) return run.call(this, { value: null }, config);
      const entries: [string, unknown][] = [];
      for (const key of Object.keys(input)) {
        if (key === '__proto__') continue;
        const { value: output, issues } = value['~run']({ value: input[key] }, config);
        if (issues !== undefined) {
          const step = { type: 'object', origin: 'value', input, key, value: input[key] } as const;
          const [issue] = issues;
          return { typed: false, value: input, issues: [{ ...issue, path: [step, ...(issue.path ?? [])] }] };
        }
        entries.push([key, output]);
      }
      return { typed: true, value: Object.fromEntries(entries) };
    },
  } as typeof schema;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (value === null || typeof value !== 'object') return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/** What schemas of every kind have inside them. */
interface Inside {
  readonly type?: string;
  readonly expects?: string;
  readonly wrapped?: Inside;
  readonly getter?: (input: unknown) => Inside;
  readonly entries?: Readonly<Record<string, Inside>>;
  readonly item?: Inside;
  readonly items?: readonly Inside[];
  readonly value?: Inside;
  /** Of a variant. */
  readonly key?: string;
  /** Of a union or variant; of a picklist its values. */
  readonly options?: readonly Inside[];
}

function described({ type, expects = '' }: Inside): string {
  switch (type) {
    case 'string':
      return 'text';
    case 'array':
    case 'strict_tuple':
      return 'a list';
    case 'object':
    case 'strict_object':
    case 'loose_object':
    case 'variant':
      return 'an object';
    case 'literal':
    case 'picklist':
      return expects.replace(/^\(|\)$/g, '').replaceAll(' | ', ' or ');
    case 'union':
      return 'of a known shape';
    case 'unknown':
      return 'given';
    default:
      return `a ${type}`;
  }
}

/** The schema of a value inside another, as far as it can be told. */
function schemaAt(schema: Inside, value: unknown, path: readonly PropertyKey[]): Inside {
  if (schema.wrapped !== undefined) return schemaAt(schema.wrapped, value, path);
  if (schema.getter !== undefined) return schemaAt(schema.getter(value), value, path);
  const [step, ...rest] = path;
  if (schema.type === 'variant') {
    const own = optionFor(schema, value);
    return own === undefined || step === schema.key ? schema : schemaAt(own, value, path);
  }
  if (step === undefined) return schema;
  if (schema.type === 'union') {
    const found = schema.options!.map((option) => schemaAt(option, value, path));
    return found.find(({ type }) => type !== undefined) ?? {};
  }
  const next =
    schema.entries?.[step as string] ?? schema.items?.[step as number] ?? schema.item ?? schema.value;
  return next === undefined ? {} : schemaAt(next, (value as Record<PropertyKey, unknown>)?.[step], rest);
}

/** The option of a variant that a value says it is. */
function optionFor({ key, options }: Inside, value: unknown): Inside | undefined {
  const kind = (value as Record<string, unknown>)?.[key!];
  return options!.find(
    ({ entries }) => entries === undefined || v.is(entries[key!] as v.GenericSchema, kind),
  );
}

/** Of fields that there are none of, those that there are. */
function withoutUnknown(schema: Inside, value: unknown): string {
  // Of a union, that which is an object.
  const broken =
    schema.options?.map((option) => schemaAt(option, value, [])).find(({ entries }) => entries) ?? schema;
  const names = Object.keys(broken.entries ?? {});
  const unknown = Object.keys(value as object).filter((key) => !names.includes(key));
  const known = names.length === 0 ? '' : ` (it may have ${names.join(', ')})`;
  return `without ${unknown.map((key) => `\`${key}\``).join(', ')}${known}`;
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
