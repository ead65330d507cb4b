import { allFinite } from 'pointsman/internal';
import { expect, test } from 'vitest';

test('one NaN or infinity anywhere is found; nothing and the largest floats are finite', () => {
  expect(allFinite(new Float32Array(0))).toBe(true);
  expect(allFinite(Float64Array.of(0, -0, Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE))).toBe(true);
  for (const odd of [Number.NaN, Infinity, -Infinity]) {
    expect(allFinite(Float64Array.of(odd, 1, 2))).toBe(false);
    expect(allFinite(Float32Array.of(1, 2, odd))).toBe(false);
  }
  expect(allFinite(Float64Array.of(Infinity, -Infinity))).toBe(false);
});
