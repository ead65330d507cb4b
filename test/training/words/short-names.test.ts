import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shorten, shortNames } from '../../../training/words.ts';

const short = (names: readonly string[], limit: number) =>
  names.map((name) => shortNames(names, limit).get(name));

test('a name is cut in the middle, never through a character', () => {
  expect(shorten('gpt-4-1106-preview', 40)).toBe('gpt-4-1106-preview');
  expect(shorten('mistralai/Mixtral-8x7B-Instruct-v0.1', 16)).toBe('mistralai…t-v0.1');
  expect([...shorten('😀'.repeat(50), 11)]).toHaveLength(11);
  expect(shorten('a\u202Eb', 9)).toBe('ab');
});

test('names that fit stay as they are', () => {
  expect(short(['provider/a', 'provider/b'], 10)).toEqual(['provider/a', 'provider/b']);
});

test('what all long names begin or end with is left out', () => {
  expect(
    short(
      [
        'accounts/fireworks/models/llama-70b-instruct',
        'accounts/fireworks/models/llama-8b-instruct',
        'gpt-4o',
      ],
      16,
    ),
  ).toEqual(['…70b…', '…8b…', 'gpt-4o']);
  expect(short(['azure/eu-west/gpt-5-mini', 'azure/eu-west/gpt-5-nano'], 20)).toEqual(['…mini', '…nano']);
});

test('names that differ in the middle alone stay different', () => {
  const names = ['a', 'b', 'c'].map((one) => `organisation${'x'.repeat(30)}${one}${'y'.repeat(30)}version`);
  const labels = short(names, 14);
  expect(new Set(labels).size).toBe(3);
  expect(labels.every((label, i) => label!.includes(['a', 'b', 'c'][i]))).toBe(true);
});

test('whatever the names, those that differ are told apart, none is too long, and equal ones are equal', () => {
  const part = fc.constantFrom('org/', 'model-', 'x', '1', '-v', 'long-name-of-a-model', '😀', '');
  const name = fc.array(part, { minLength: 1, maxLength: 9 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.array(name, { maxLength: 40 }), fc.integer({ min: 6, max: 40 }), (names, limit) => {
      const labels = shortNames(names, limit);
      expect(new Set(labels.values()).size).toBe(new Set(names).size);
      for (const [full, label] of labels) {
        expect([...label].length).toBeLessThanOrEqual(limit);
        if ([...full].length <= limit) expect(label).toBe(full);
      }
    }),
  );
});
