import { createRandom, readNovelty } from 'pointsman/internal';
import { expect, test } from 'vitest';
import { fitNovelty } from '../../../training/features/fit-features.ts';
import { createMatrix, type Matrix } from '../../../training/fit/rows.ts';

const LENGTH = 60;

/** Rows that vary along five directions, ten times as much as along the others. */
function rows(count: number, seed: number): Matrix {
  const random = createRandom(seed);
  const matrix = createMatrix(count, LENGTH);
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < LENGTH; i++) {
      matrix.values[row * LENGTH + i] = (i < 5 ? 1 : 0.1) * random.normal();
    }
  }
  return matrix;
}

function fitted() {
  const matrix = rows(1_000, 1);
  const novelty = fitNovelty(
    matrix,
    { role: 'fit', rows: Int32Array.from({ length: 600 }, (_, i) => i) },
    { role: 'calibrate', rows: Int32Array.from({ length: 400 }, (_, i) => 600 + i) },
    0,
  );
  if (novelty === null) throw new Error('These features vary.');
  return { ...novelty, score: readNovelty(novelty.spec, LENGTH, novelty.bytes) };
}

test('about one in a hundred prompts of the same kind counts as novel', () => {
  const { score } = fitted();
  const unseen = rows(2_000, 2);
  let novel = 0;
  for (let row = 0; row < unseen.rows; row++) {
    if (score(unseen.values.subarray(row * LENGTH, (row + 1) * LENGTH)) > 1) novel++;
  }
  expect(novel / unseen.rows).toBeGreaterThan(0.001);
  expect(novel / unseen.rows).toBeLessThan(0.03);
});

test('what varies where the training prompts do not is novel, though no longer than they are', () => {
  const { score } = fitted();
  const odd = new Float32Array(LENGTH);
  odd[40] = 2;
  expect(score(odd)).toBeGreaterThan(1);
  const usual = new Float32Array(LENGTH);
  usual[2] = 2;
  expect(score(usual)).toBeLessThan(1);
});

test('the same seed gives the same bytes', () => {
  expect(fitted().bytes).toEqual(fitted().bytes);
});

test('a file that does not fit is refused', () => {
  const { spec, bytes } = fitted();
  expect(() => readNovelty(spec, LENGTH + 1, bytes)).toThrow('"novelty.bin" must hold');
});
