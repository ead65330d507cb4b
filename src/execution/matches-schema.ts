import { dereference, format, type Schema, ucs2length, validate } from '@cfworker/json-schema';

/** What a check may cost; one that would cost more has not shown that the answer is right. */
const MOST_CHARACTERS = 1_000_000;
const MOST_STEPS = 300_000;
const DEEPEST = 64;

/** Texts times instructions of their patterns. */
const MOST_PATTERN_WORK = 1_000_000;

/** To copy one and write its address down. */
const STEPS_A_SCHEMA = 10;

/** UTF-16 units of text that may be gone through in one step. */
const UNITS_A_STEP = 64;

/** What a check has shown. */
interface SchemaCheck {
  /** Whether the text is as it should be. */
  readonly matches: boolean;
  /** Why nothing was shown: the check would cost too much, or the schema cannot be read. Then it does not match. */
  readonly problem?: { readonly code: 'SCHEMA_LIMIT' | 'SCHEMA_UNREADABLE'; readonly message: string };
}

/** The check was given up. */
class LimitError extends Error {}

/**
 * Whether a text is JSON, and as the schema says where there is one. Nothing but JSON: no fence, no words around. A schema
 * may be the request's own: patterns run in linear time, and a check that takes too many steps is not passed.
 */
export async function checkJson(
  text: string,
  schema: Readonly<Record<string, unknown>> | undefined,
): Promise<SchemaCheck> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { matches: false };
  }
  if (schema === undefined) return { matches: true };
  try {
    return { matches: await isMatching(value, text.length, schema) };
  } catch (error) {
    // A reference to itself may fill the stack before it has taken its steps.
    const isLimit = error instanceof LimitError || error instanceof RangeError;
    const why = error instanceof LimitError ? error.message : isLimit ? 'it goes too deep' : messageOf(error);
    return {
      matches: false,
      problem: isLimit
        ? { code: 'SCHEMA_LIMIT', message: `The answer was not checked against its schema: ${why}.` }
        : { code: 'SCHEMA_UNREADABLE', message: `The schema for the answer cannot be read: ${why}` },
    };
  }
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 500);
}

/** @throws LimitError, and whatever a schema brings about that is none. */
async function isMatching(
  value: unknown,
  characters: number,
  schema: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  if (characters > MOST_CHARACTERS) {
    throw new LimitError(`it has ${characters} characters, and at most ${MOST_CHARACTERS} are`);
  }
  const meter = createMeter();
  const names = new Set<string>();
  collectNames(value, names, 0, meter);
  const engine = hasPatterns(schema, 0, meter) ? (await import('re2js')).RE2JS : undefined;
  const compile = (pattern: string): ((text: string) => boolean) => {
    const compiled = engine!.compile(engine!.translateRegExp(pattern));
    const size = compiled.programSize();
    return (text) => {
      meter.match(text.length * size);
      return compiled.test(text);
    };
  };
  const texts = new Map<string, TextTest>();
  // A copy, since the validator writes into the schema.
  const copied = copySchema(schema, { depth: 0, path: 0, meter, names, texts, compile }) as Schema;
  const lookup = dereference(copied);
  for (const [uri, one] of Object.entries(lookup)) lookup[uri] = metered(one, meter);
  // The validator knows the formats of this table alone. Nothing is awaited before they are taken out of it.
  try {
    for (const [name, test] of texts) format[name] = test;
    return validate(metered(value, meter), metered(copied, meter), '2020-12', lookup, true).valid;
  } finally {
    for (const name of texts.keys()) delete format[name];
  }
}

function hasPatterns(schema: unknown, depth: number, meter: Meter): boolean {
  meter.take(1);
  if (typeof schema !== 'object' || schema === null) return false;
  if (depth > DEEPEST) throw new LimitError(`the schema is nested more than ${DEEPEST} deep`);
  return Object.entries(schema).some(
    ([key, inner]) =>
      key === 'pattern' || key === 'patternProperties' || hasPatterns(inner, depth + 1, meter),
  );
}

interface Meter {
  /** Throws when all is used up. */
  take(steps: number): void;
  /** A step, and more for a long text. */
  read(text: string): void;
  /** Characters times instructions of a pattern. */
  match(work: number): void;
}

function createMeter(): Meter {
  let left = MOST_STEPS;
  let leftToMatch = MOST_PATTERN_WORK;
  const take = (steps: number) => {
    left -= steps;
    if (left < 0) throw new LimitError(`that takes more than ${MOST_STEPS} steps`);
  };
  return {
    take,
    read: ({ length }) => take(1 + Math.floor(length / UNITS_A_STEP)),
    match(work) {
      leftToMatch -= work;
      if (leftToMatch < 0) throw new LimitError('its patterns take too many steps');
    },
  };
}

/** What is read of it counts. */
function metered<T>(value: T, meter: Meter): T {
  if (typeof value !== 'object' || value === null) return value;
  return new Proxy(value, {
    get(target, name) {
      const inner: unknown = Reflect.get(target, name);
      if (inner === undefined || typeof name === 'symbol') return inner;
      meter.read(name);
      if (typeof inner === 'string') meter.read(inner);
      // Reckons with whole numbers of hundreds of digits.
      if (name === 'multipleOf') meter.take(100);
      // Each of its patterns is compiled, and tried with every name.
      if (name === 'patternProperties')
        for (const one of Object.keys(inner ?? {})) meter.take(one.length / 4);
      return metered(inner, meter);
    },
    ownKeys(target) {
      const keys = Reflect.ownKeys(target);
      for (const key of keys) meter.read(String(key));
      return keys;
    },
  });
}

type TextTest = (text: string) => boolean;

const DATA = new Set(['enum', 'const', 'default', 'examples']);
const BY_NAME = new Set([
  'properties',
  '$defs',
  'definitions',
  'dependentSchemas',
  'dependencies',
  'patternProperties',
]);

/** What is said of texts alone. */
const OF_TEXTS = ['pattern', 'minLength', 'maxLength', 'format'] as const;

/** Taken apart character by character. */
const ADDRESSES = ['$id', 'id', '$ref', '$anchor', '$recursiveRef'];

interface Copying {
  readonly depth: number;
  /** Characters of the way to it, which is written down for each schema. */
  readonly path: number;
  readonly meter: Meter;
  /** Of all members of objects in the answer. */
  readonly names: ReadonlySet<string>;
  /** Tests of texts, by the format that stands for each. */
  readonly texts: Map<string, TextTest>;
  readonly compile: (pattern: string) => TextTest;
}

function copySchema(schema: unknown, copying: Copying): unknown {
  const { depth, path, meter, names, compile } = copying;
  meter.take(STEPS_A_SCHEMA + Math.floor(path / UNITS_A_STEP));
  if (typeof schema !== 'object' || schema === null) return schema;
  if (depth > DEEPEST) throw new LimitError(`the schema is nested more than ${DEEPEST} deep`);
  const copy = (inner: unknown, name: string) =>
    copySchema(inner, { ...copying, depth: depth + 1, path: path + name.length + 1 });
  if (Array.isArray(schema)) return schema.map((inner) => copy(inner, ''));
  const copied: [name: string, value: unknown][] = [];
  for (const [key, value] of Object.entries(schema)) {
    if ((OF_TEXTS as readonly string[]).includes(key) || key === '$comment') continue;
    if (ADDRESSES.includes(key) && typeof value === 'string') meter.take(value.length);
    if (DATA.has(key)) copied.push([key, structuredClone(value)]);
    else if (!BY_NAME.has(key) || typeof value !== 'object' || value === null)
      copied.push([key, copy(value, key)]);
    else {
      const inner = Object.entries(value).map(([name, one], at) => [
        key === 'patternProperties' ? namesLike(compile(name), names, at, meter) : name,
        copy(one, name),
      ]);
      copied.push([key, Object.fromEntries(inner)]);
    }
  }
  const test = textTest(schema as Readonly<Record<string, unknown>>, copying);
  if (test !== undefined) copied.push(['format', test]);
  return Object.fromEntries(copied);
}

/** All that is said of texts, as one format: the validator would go through a text again for each schema that it meets. */
function textTest(
  schema: Readonly<Record<string, unknown>>,
  { meter, texts, compile }: Copying,
): string | undefined {
  const said = OF_TEXTS.map((name) => schema[name] ?? null);
  if (said.every((one) => one === null)) return undefined;
  const name = JSON.stringify(said);
  if (texts.has(name)) return name;
  const [pattern, least, most, form] = said;
  const tests: TextTest[] = [];
  if (typeof least === 'number') tests.push((text) => ucs2length(text) >= least);
  if (typeof most === 'number') tests.push((text) => ucs2length(text) <= most);
  if (typeof pattern === 'string') tests.push(compile(pattern));
  // `url` is no format of the specification; its expression takes time without end.
  if (typeof form === 'string' && form !== 'url' && Object.hasOwn(format, form)) tests.push(format[form]);
  const known = new Map<string, boolean>();
  texts.set(name, (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    meter.read(text);
    const passes = tests.every((test) => test(text));
    known.set(text, passes);
    return passes;
  });
  return name;
}

/** A pattern that is like another for the names at hand, and can be tried in no time: the names themselves. */
function namesLike(test: TextTest, names: ReadonlySet<string>, at: number, meter: Meter): string {
  const same = [...names].filter(test);
  meter.take(same.length ** 2);
  const escaped = same.map((name) => name.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
  // Two patterns may be like the same names, and both count.
  const apart = '(?:)'.repeat(at);
  return (same.length === 0 ? '[^\\s\\S]' : `^(?:${escaped.join('|')})$`) + apart;
}

function collectNames(value: unknown, into: Set<string>, depth: number, meter: Meter): void {
  meter.take(1);
  if (typeof value !== 'object' || value === null) return;
  if (depth > DEEPEST) throw new LimitError(`it is nested more than ${DEEPEST} deep`);
  for (const [key, inner] of Object.entries(value)) {
    if (!Array.isArray(value)) {
      meter.read(key);
      into.add(key);
    }
    collectNames(inner, into, depth + 1, meter);
  }
}
