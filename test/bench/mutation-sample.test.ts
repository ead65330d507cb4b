import { expect, test } from 'vitest';
import { drawBlocks } from '../../bench/mutation-sample.ts';

const FILES = [
  { path: 'src/a.ts', lines: 45 },
  { path: 'src/b.ts', lines: 20 },
  { path: 'src/c.ts', lines: 200 },
];

test('all blocks together are every line of every file, once', () => {
  expect(drawBlocks(FILES, 1, 1).slice(0, 5)).toEqual([
    'src/a.ts:1-20',
    'src/a.ts:21-40',
    'src/a.ts:41-45',
    'src/b.ts:1-20',
    'src/c.ts:1-20',
  ]);
  expect(drawBlocks(FILES, 1, 1).at(-1)).toBe('src/c.ts:181-200');
});

test('a share is drawn by its seed: the same again, and others of another', () => {
  const drawn = drawBlocks(FILES, 0.3, 7);
  expect(drawn).toHaveLength(5);
  expect(drawBlocks(FILES, 1, 7)).toEqual(expect.arrayContaining(drawn));
  expect(drawBlocks(FILES, 0.3, 7)).toEqual(drawn);
  expect(drawBlocks(FILES, 0.3, 8)).not.toEqual(drawn);
});
