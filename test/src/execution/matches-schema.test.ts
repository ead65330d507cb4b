import { expect, test } from 'vitest';
import { isJsonMatching } from '../../../src/execution/matches-schema.ts';

const doubling = { $defs: { x0: { type: 'number' } } as Record<string, object>, $ref: '#/$defs/x30' };
for (let i = 1; i <= 30; i++) {
  const $ref = `#/$defs/x${i - 1}`;
  doubling.$defs[`x${i}`] = { allOf: [{ $ref }, { $ref }] };
}

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
  [
    'an address by a format of no specification',
    { format: 'url', type: 'string' },
    JSON.stringify(`http://${'a'.repeat(60)}!`),
  ],
])('%s does not hold the process up', async (_, schema, text) => {
  const started = performance.now();
  expect(typeof (await isJsonMatching(text, schema as Record<string, unknown>))).toBe('boolean');
  expect(performance.now() - started).toBeLessThan(2000);
});

test.each<[object, string, boolean]>([
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
  expect(await isJsonMatching(text, schema as Record<string, unknown>)).toBe(expected);
});
