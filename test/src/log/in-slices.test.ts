import { expect, test } from 'vitest';
import { inSlices } from '../../../src/log/record.ts';

test('a batch of any length is worked on, in its order', async () => {
  const items = Int32Array.from({ length: 1_000_000 }, (_, i) => i);
  const results = await inSlices(Array.from(items), (item) => item + 1);
  expect(results).toHaveLength(items.length);
  expect([results[0], results[999_999]]).toEqual([1, 1_000_000]);
});
