import { afterEach, expect, test, vi } from 'vitest';
import { useBackend } from '../../../training/fit/tensorflow.ts';

afterEach(() => vi.restoreAllMocks());

test('TF.js starts without a word on the console, once a process, and multiplies', async () => {
  const said = (['log', 'info', 'warn', 'error'] as const).map((name) => vi.spyOn(console, name));
  const { tf, name } = await useBackend();
  const product = tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([1, 1], [2, 1]));
  expect([...product.dataSync()]).toEqual([3, 7]);
  expect(['wasm', 'tensorflow']).toContain(name);
  expect(tf.getBackend()).toBe(name);
  expect(await useBackend()).toBe(await useBackend());
  for (const spy of said) expect(spy).not.toHaveBeenCalled();
});
