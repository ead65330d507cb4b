import { dereference, type Schema, validate } from '@cfworker/json-schema';

/** What a check may cost; one that would cost more has not shown that the answer is right. */
const MOST_CHARACTERS = 1_000_000;
const MOST_STEPS = 300_000;
const DEEPEST = 64;
/** Texts times instructions of their patterns. */
const MOST_PATTERN_WORK = 1_000_000;

/**
 * Whether a text is JSON, and as the schema says where there is one. Nothing but JSON: no fence, no words around. A schema
 * may be the request's own: patterns run in linear time, and a check that takes too many steps is not passed.
 */
export async function isJsonMatching(
  text: string,
  schema: Readonly<Record<string, unknown>> | undefined,
): Promise<boolean> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return false;
  }
  if (schema === undefined) return true;
  if (text.length > MOST_CHARACTERS) return false;
  let left = MOST_STEPS;
  const take = (steps: number) => {
    left -= steps;
    if (left < 0) throw new Error('The check takes too many steps.');
  };
  try {
    const strings = new Set<string>();
    collectStrings(value, strings, 0, take);
    const hasPatterns = /"(pattern|patternProperties)":/.test(JSON.stringify(schema));
    const engine = hasPatterns ? (await import('re2js')).RE2JS : undefined;
    let work = 0;
    /** A pattern that matches the same of the texts at hand, and can be tried in no time: the texts themselves. */
    const safePattern = (pattern: string): string => {
      const compiled = engine!.compile(engine!.translateRegExp(pattern));
      const same: string[] = [];
      for (const one of strings) {
        work += one.length * compiled.programSize();
        if (work > MOST_PATTERN_WORK) throw new Error('The patterns take too many steps.');
        if (compiled.test(one)) same.push(one.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
      }
      take(same.length ** 2);
      return same.length === 0 ? '[^\\s\\S]' : `^(?:${same.join('|')})$`;
    };
    // A copy, since the validator writes into the schema.
    const copied = copySchema(schema, 0, take, safePattern);
    const lookup = dereference(copied as Schema);
    for (const [uri, one] of Object.entries(lookup)) lookup[uri] = metered(one, take);
    return validate(metered(value, take), metered(copied as Schema, take), '2020-12', lookup, true).valid;
  } catch {
    return false;
  }
}

/** What is read of it counts. */
function metered<T>(value: T, take: (steps: number) => void): T {
  if (typeof value !== 'object' || value === null) return value;
  return new Proxy(value, {
    get(target, name) {
      const inner = Reflect.get(target, name);
      if (inner === undefined || typeof name === 'symbol') return inner;
      take(1);
      return typeof inner === 'object' ? metered(inner, take) : inner;
    },
    ownKeys(target) {
      const keys = Reflect.ownKeys(target);
      take(keys.length);
      return keys;
    },
  });
}

const DATA = new Set(['enum', 'const', 'default', 'examples']);
const BY_NAME = new Set([
  'properties',
  '$defs',
  'definitions',
  'dependentSchemas',
  'dependencies',
  'patternProperties',
]);

function copySchema(
  schema: unknown,
  depth: number,
  take: (steps: number) => void,
  safePattern: (pattern: string) => string,
): unknown {
  take(1);
  if (typeof schema !== 'object' || schema === null) return schema;
  if (depth > DEEPEST) throw new Error('The schema is nested too deep.');
  const copy = (inner: unknown) => copySchema(inner, depth + 1, take, safePattern);
  if (Array.isArray(schema)) return schema.map(copy);
  return Object.fromEntries(
    Object.entries(schema)
      // No format of the specification; its expression takes time without end.
      .filter(([key, value]) => !(key === 'format' && value === 'url'))
      .map(([key, value]) => {
        if (DATA.has(key)) return [key, structuredClone(value)];
        if (key === 'pattern' && typeof value === 'string') return [key, safePattern(value)];
        if (!BY_NAME.has(key) || typeof value !== 'object' || value === null) return [key, copy(value)];
        const entries = Object.entries(value).map(([name, inner]) => [
          key === 'patternProperties' ? safePattern(name) : name,
          copy(inner),
        ]);
        return [key, Object.fromEntries(entries)];
      }),
  );
}

function collectStrings(
  value: unknown,
  into: Set<string>,
  depth: number,
  take: (steps: number) => void,
): void {
  take(1);
  if (typeof value === 'string') into.add(value);
  if (typeof value !== 'object' || value === null) return;
  if (depth > DEEPEST) throw new Error('The answer is nested too deep.');
  for (const [key, inner] of Object.entries(value)) {
    if (!Array.isArray(value)) into.add(key);
    collectStrings(inner, into, depth + 1, take);
  }
}
