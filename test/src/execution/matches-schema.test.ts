import { dereference, type Schema, validate } from '@cfworker/json-schema';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkJson } from '../../../src/execution/matches-schema.ts';

const doubling = { $defs: { x0: { type: 'number' } } as Record<string, object>, $ref: '#/$defs/x30' };
for (let i = 1; i <= 30; i++) {
  const $ref = `#/$defs/x${i - 1}`;
  doubling.$defs[`x${i}`] = { allOf: [{ $ref }, { $ref }] };
}

const many = (count: number, schema: object) => ({ allOf: Array(count).fill(schema) });
const often = (count: number, schema: object) => ({
  $defs: { often: schema },
  ...many(count, { anyOf: [{ $ref: '#/$defs/often' }, true] }),
});
const longKey = 'k'.repeat(100_000);
const alike = Array.from({ length: 300 }, (_, i) => 'a'.repeat(700) + i);

test.each<[string, object, string]>([
  ['a pattern that backtracks', { type: 'string', pattern: '^(a+)+$' }, JSON.stringify(`${'a'.repeat(40)}!`)],
  [
    'names by a pattern that backtracks',
    { patternProperties: { '^(a+)+$': { type: 'null' } } },
    JSON.stringify({ [`${'a'.repeat(40)}!`]: 1 }),
  ],
  ['a reference that doubles thirty times', doubling, '1'],
  ['a reference to itself', { $ref: '#' }, '1'],
  [
    '20,000 items that must differ',
    { uniqueItems: true },
    JSON.stringify(Array.from({ length: 20_000 }, (_, i) => i)),
  ],
  ['an answer nested 100,000 deep', { type: 'array' }, '['.repeat(1e5) + ']'.repeat(1e5)],
  ['the length of a long text, again and again', many(5_000, { minLength: 2 }), longText()],
  [
    'lengths of a long text',
    { allOf: Array.from({ length: 5_000 }, (_, i) => ({ minLength: i })) },
    longText(),
  ],
  ['a pattern for a long text, again and again', often(20_000, { pattern: '^a+$' }), longText(100_000)],
  ['a long text among the right ones', often(20_000, { enum: ['b'.repeat(900_000)] }), longText()],
  ['a long name', often(20_000, { properties: { [longKey]: {} } }), JSON.stringify({ [longKey]: 1 })],
  ['schemas under a long name', { properties: { [longKey]: many(10_000, { type: 'number' }) } }, '{}'],
  ['a long reference', many(100, { $ref: `#/${'%20'.repeat(30_000)}` }), '1'],
  [
    'names that begin alike, by a pattern',
    often(20_000, { patternProperties: { a: {} } }),
    JSON.stringify(Object.fromEntries(alike.map((name) => [name, 1]))),
  ],
  ['multiples of next to nothing', many(50_000, { multipleOf: 1e-300 }), '1e300'],
  [
    'an address by a format of no specification',
    { format: 'url', type: 'string' },
    JSON.stringify(`http://${'a'.repeat(60)}!`),
  ],
])('%s does not hold the process up', async (_, schema, text) => {
  const started = performance.now();
  expect(typeof (await checkJson(text, schema as Record<string, unknown>)).matches).toBe('boolean');
  expect(performance.now() - started).toBeLessThan(2000);
});

function longText(length = 900_000): string {
  return JSON.stringify('a'.repeat(length));
}

test.each<[string, object, string, string, RegExp]>([
  ['doubles', doubling, '1', 'SCHEMA_LIMIT', /more than 300000 steps/],
  ['is nested deep', nestedSchema(100), '1', 'SCHEMA_LIMIT', /the schema is nested more than 64 deep/],
  ['leads to itself', { $ref: '#' }, '1', 'SCHEMA_LIMIT', /steps|too deep/],
  ['is for a shorter answer', {}, longText(1_000_001), 'SCHEMA_LIMIT', /1000003 characters/],
  ['has costly patterns', { pattern: 'a{400}' }, longText(), 'SCHEMA_LIMIT', /patterns take too many steps/],
  ['names what is not there', { $ref: '#/none' }, '1', 'SCHEMA_UNREADABLE', /Unresolved \$ref/],
  ['looks ahead', { pattern: '(?=a)' }, '"a"', 'SCHEMA_UNREADABLE', /regexp/],
])('of a schema that %s the reason is told', async (_, schema, text, code, message) => {
  const { matches, problem } = await checkJson(text, schema as Record<string, unknown>);
  expect(matches).toBe(false);
  expect(problem).toMatchObject({ code, message: expect.stringMatching(message) });
});

function nestedSchema(depth: number): object {
  return depth === 0 ? {} : { not: nestedSchema(depth - 1) };
}

const name = fc.constantFrom('a', 'b', 'aa', 'x1', '');
/** Of patterns that take no time in any engine. */
const plain = fc.constantFrom('^a', 'b$', '^[a-z]+$', '\\d', 'a|b', '^(?:aa|x)', '.');
const count = fc.integer({ min: 0, max: 3 });
const { schema: anySchema } = fc.letrec<{ schema: object | boolean }>((tie) => {
  const inner = tie('schema');
  const list = fc.array(inner, { minLength: 1, maxLength: 3 });
  return {
    schema: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.boolean(),
      fc.record(
        {
          type: fc.constantFrom('string', 'number', 'object', 'array', 'null'),
          pattern: plain,
          minLength: count,
          maxLength: count,
          format: fc.constantFrom('date', 'email', 'ipv4', 'none'),
          enum: fc.array(fc.oneof(name, count), { minLength: 1, maxLength: 3 }),
          minimum: count,
          uniqueItems: fc.boolean(),
          required: fc.array(name, { maxLength: 2 }),
        },
        { requiredKeys: [] },
      ),
      fc.record(
        {
          properties: fc.dictionary(name, inner, { maxKeys: 3 }),
          patternProperties: fc.dictionary(plain, inner, { maxKeys: 3 }),
          additionalProperties: inner,
          propertyNames: inner,
        },
        { requiredKeys: [] },
      ),
      fc.record({ items: inner, contains: inner, minItems: count }, { requiredKeys: [] }),
      fc.record({ allOf: list, anyOf: list, oneOf: list, not: inner }, { requiredKeys: [] }),
      fc.record({ if: inner, then: inner, else: inner }),
    ),
  };
});
const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.oneof(name, count, fc.constantFrom(null, true, '2024-02-29', 'a@b.c', '1.2.3.4', '\u{1F600}')),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(name, tie('value'), { maxKeys: 4 }),
  ),
}));

test('whatever schema: it says what the validator says without bounds', async () => {
  await fc.assert(
    fc.asyncProperty(anySchema, anyValue, async (schema, value) => {
      const [plainSchema, plainValue] = JSON.parse(JSON.stringify([schema, value])) as [Schema, unknown];
      const { valid } = validate(plainValue, plainSchema, '2020-12', dereference(plainSchema));
      const checked = await checkJson(JSON.stringify(value), schema as Record<string, unknown>);
      expect(checked).toEqual({ matches: valid });
    }),
    { numRuns: 400 },
  );
});

/** Schemas that are repeated, as such: an example that fails can be read so. */
function unfold(part: unknown): unknown {
  if (typeof part !== 'object' || part === null) return part;
  if ('times' in part && 'of' in part) return many(part.times as number, unfold(part.of) as object);
  if (Array.isArray(part)) return part.map(unfold);
  return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, unfold(inner)]));
}

test('whatever patterns, references and long texts a schema has: checked or given up, and soon', async () => {
  const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
    pattern: fc.oneof(
      { maxDepth: 6 },
      fc.constantFrom('a', '.', '[ab]', '\\w', 'aa|a', '^', '$', '\\b'),
      fc.tuple(tie('pattern'), fc.constantFrom('+', '*', '?', '{2,9}', '+?')).map(([of, n]) => `(${of})${n}`),
      fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => a + b),
      fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => `(?:${a}|${b})`),
    ),
  }));
  const length = fc.constantFrom(1, 40, 3_000, 200_000);
  const ref = fc.constantFrom('#', '#/$defs/a', '#/$defs/b');
  const { part } = fc.letrec<{ part: object }>((tie) => ({
    part: fc.oneof(
      { maxDepth: 5 },
      pattern.map((one) => ({ pattern: one })),
      pattern.map((one) => ({ patternProperties: { [one]: {} } })),
      length.map((one) => ({ minLength: one, format: 'uri' })),
      length.map((one) => ({ enum: ['a'.repeat(one), 1] })),
      ref.map(($ref) => ({ $ref })),
      fc.tuple(fc.constantFrom(2, 60, 4_000), tie('part')).map(([times, of]) => ({ times, of })),
      tie('part').map((of) => ({ items: of, additionalProperties: of, propertyNames: of })),
      tie('part').map((of) => ({ anyOf: [of, { not: of }], uniqueItems: true })),
    ),
  }));
  const answer = fc.tuple(length, fc.constantFrom(1, 30, 2_000), fc.constantFrom('text', 'list', 'names'));
  const written = (long: number, times: number, kind: string) => {
    const texts = Array.from({ length: times }, (_, i) => 'a'.repeat(Math.ceil(long / times)) + i);
    if (kind === 'text') return JSON.stringify(texts.join(''));
    return JSON.stringify(kind === 'list' ? texts : Object.fromEntries(texts.map((text) => [text, text])));
  };
  await fc.assert(
    fc.asyncProperty(part, part, part, answer, async (a, b, c, [long, times, kind]) => {
      const text = written(long, times, kind);
      const schema = unfold({ $defs: { a, b }, allOf: [c] }) as Record<string, unknown>;
      const started = performance.now();
      const { matches, problem } = await checkJson(text, schema);
      expect(performance.now() - started).toBeLessThan(3000);
      if (problem !== undefined) expect(matches).toBe(false);
      if (problem?.code === 'SCHEMA_UNREADABLE') expect(problem.message).toMatch(/regexp|schema/i);
    }),
    { numRuns: 40 },
  );
}, 120_000);

test.each<[object, string, boolean]>([
  [{ patternProperties: { '^x': { type: 'number' }, '1$': { minimum: 5 } } }, '{"x1":1}', false],
  [{ type: 'string', pattern: '^a+$' }, longText(100_000), true],
  [{ minLength: 2, maxLength: 2 }, '"\u{1F600}\u{1F600}"', true],
  [{ type: 'string', pattern: '^[a-z]+$' }, '"abc"', true],
  [{ type: 'string', pattern: '^[a-z]+$' }, '"a.c"', false],
  [{ properties: { pattern: { type: 'number' } } }, '{"pattern":1}', true],
  [{ patternProperties: { '^x': { type: 'number' } }, additionalProperties: false }, '{"x1":1}', true],
  [{ patternProperties: { '^x': { type: 'number' } }, additionalProperties: false }, '{"y1":1}', false],
  [
    Object.freeze({ $defs: { a: Object.freeze({ type: 'number' }) }, items: { $ref: '#/$defs/a' } }),
    '[1,2]',
    true,
  ],
  [{ enum: [{ a: 1 }] }, '{"a":1}', true],
  [{ uniqueItems: true }, '[1,2,1]', false],
])('%j says of %s that it is as it should be: %s', async (schema, text, expected) => {
  expect(await checkJson(text, schema as Record<string, unknown>)).toEqual({ matches: expected });
});
