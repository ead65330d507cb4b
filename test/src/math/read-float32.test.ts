import { readFloat32 } from 'pointsman/internal';
import { expect, test } from 'vitest';

test('numbers are read from any place in a file, and are a copy of it', () => {
  const bytes = new Uint8Array(11);
  new DataView(bytes.buffer).setFloat32(3, 1.5, true);
  new DataView(bytes.buffer).setFloat32(7, -2, true);
  const values = readFloat32(bytes, 3, 2);
  expect([...values]).toEqual([1.5, -2]);
  bytes.fill(0);
  expect([...values]).toEqual([1.5, -2]);
  expect(readFloat32(bytes, 0, 0).length).toBe(0);
});
