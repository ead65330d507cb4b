import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TextUnits } from '../../src/text.ts';
import { anyText } from './any-text.ts';

it('gives the UTF-16 units of any text, whatever was read before', () => {
  const reader = new TextUnits();
  const check = (text: string) => {
    const length = reader.read(text);
    expect(length).toBe(text.length);
    expect(String.fromCharCode(...reader.units.subarray(0, length))).toBe(text);
  };
  fc.assert(fc.property(anyText(), check));
  for (const text of [
    '',
    'plain',
    'x'.repeat(2048),
    'é'.repeat(2048),
    'y'.repeat(5000),
    `${'z'.repeat(5000)}🙂`,
  ]) {
    check(text);
  }
});
