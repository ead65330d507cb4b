import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pickFields } from '../../../../training/ingest/record/values.ts';

const names = ['a', 'b', 'messages', '"', '\\', '{'];

test('gives the fields asked for as the whole parser would, whatever the others hold', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), fc.jsonValue()),
      fc.constantFrom(undefined, 1, '\t'),
      (object, indent) => {
        const plain = { ...object };
        const wanted = names.filter(
          (name) => JSON.stringify(name) === `"${name}"` && Object.hasOwn(plain, name),
        );
        const picked = pickFields(JSON.stringify(plain, null, indent), new Set(wanted));
        expect(picked).toEqual(
          JSON.parse(JSON.stringify(Object.fromEntries(wanted.map((name) => [name, plain[name]])))),
        );
      },
    ),
  );
});

test("reads Python's separators and escapes, and jumps over what is not asked for", () => {
  const json =
    ' { "skip": {"a": "}\\"{", "b": [1, [2, "]"]]}, "n": -1.5e3 , "t": "\\u00e9\\\\", "last": null } ';
  expect(pickFields(json, new Set(['n', 't', 'last']))).toEqual({ n: -1500, t: 'é\\', last: null });
});

test.each([
  '{"a": 1',
  '{"a": "x',
  '{"a": [1, 2}',
  '{"a": 1,}',
  '{"a" 1}',
  '{a: 1}',
  '{"a": 1} x',
  '',
  'nonsense',
])('complains of %s', (json) => {
  expect(() => pickFields(json, new Set(['a']))).toThrow(SyntaxError);
});
