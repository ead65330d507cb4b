import { expect, test } from 'vitest';
import { nearestNeighbours } from '../../../training/evaluate/baselines.ts';
import { meansByTask } from '../../../training/evaluate/evaluation-input.ts';
import { syntheticWorld } from './synthetic-world.ts';

const { matrix } = syntheticWorld({ rows: 6 });
const world = {
  ...matrix,
  quality: Float32Array.of(1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, Number.NaN, 0, 0, 0, 0, 0, 0),
  prompts: matrix.prompts.map((prompt, i) => ({ ...prompt, task: [null, 'a', 'b', 'b', 'b', 'c'][i] })),
};
const fallback = [0.1, 0.2, 0.3];
const options = { neighbours: 2, maxTrainRows: 100, seed: 0, fallback };

test('quality is the mean over the nearest prompts by cosine; lengths do not matter', () => {
  const vectors = Float32Array.of(1, 0, 9, 0.1, 0, 1, 0.1, 5, 2, 0, 0, 3);
  const found = nearestNeighbours(
    world,
    { rows: 6, columns: 2, values: vectors },
    Int32Array.of(0, 1, 2, 3),
    Int32Array.of(4, 5),
    options,
  );
  expect([...found]).toEqual([1, 0, 0, 0, 1, 0]);
});

test('where no neighbour was observed, the overall mean stands in; zero vectors are harmless', () => {
  const vectors = new Float32Array(12);
  const found = nearestNeighbours(
    world,
    { rows: 6, columns: 2, values: vectors },
    Int32Array.of(3),
    Int32Array.of(4),
    options,
  );
  expect([...found]).toEqual([0, 1, fallback[2]]);
});

test('a task without training rows and a prompt without a task get the overall mean', () => {
  const found = meansByTask(world, [1, 2, 3], [0, 4, 5], fallback);
  expect([...found]).toEqual([...fallback, 0, 1, 0, ...fallback]);
});
