import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { meansByTask } from '../../../training/evaluate/evaluation-input.ts';
import { nearestNeighbours } from '../../../training/evaluate/nearest.ts';
import { root } from '../../architecture/source-files.ts';
import { compareKernel } from './compare-kernel.ts';
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

test('they are those that double precision finds, of equals the first, whatever the sizes and the lengths', () => {
  const coordinate = fc.oneof(fc.constantFrom(0, 1, -1), fc.float({ noNaN: true, min: -3, max: 3 }));
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 19 }).chain((columns) =>
        fc.record({
          columns: fc.constant(columns),
          stored: fc.array(fc.array(coordinate, { minLength: columns, maxLength: columns }), {
            minLength: 1,
            maxLength: 12,
          }),
          asked: fc.array(fc.array(coordinate, { minLength: columns, maxLength: columns }), {
            minLength: 1,
            maxLength: 6,
          }),
        }),
      ),
      fc.integer({ min: 1, max: 5 }),
      ({ asked, columns, stored }, neighbours) => {
        // Each row comes twice, so that there are equals.
        const rows = [...stored, ...stored, ...asked].map(unit);
        const quality = Float32Array.from(rows, (_, i) => 2 ** -i);
        const train = Int32Array.from({ length: 2 * stored.length }, (_, i) => i);
        const prompts = Int32Array.from(asked, (_, i) => train.length + i);
        const found = nearestNeighbours(
          { ...world, candidates: ['a'], quality },
          { rows: rows.length, columns, values: Float32Array.from(rows.flat()) },
          train,
          prompts,
          { ...options, neighbours },
        );
        const plain = Array.from(prompts, (prompt) => {
          const cosines = Array.from(train, (row) =>
            rows[row].reduce((sum, x, d) => sum + x * rows[prompt][d], 0),
          );
          const order = Array.from(train).sort((a, b) => cosines[b] - cosines[a] || a - b);
          return order.slice(0, neighbours).reduce((sum, row) => sum + quality[row], 0);
        });
        const count = Math.min(neighbours, train.length);
        expect([...found].map((mean) => mean * count)).toEqual(plain);
      },
    ),
  );
});

/** As single precision has it. */
function unit(row: readonly number[]): number[] {
  const length = Math.sqrt(row.reduce((sum, x) => sum + Math.fround(x) ** 2, 0));
  return row.map((x) => (length === 0 ? 0 : Math.fround(Math.fround(x) * (1 / length))));
}

test('its loop in WebAssembly is what the test writes, instruction by instruction', () => {
  const source = readFileSync(join(root, 'training/evaluate/nearest.ts'), 'utf8');
  const [, literal] = /const KERNEL =\s*([^;]*);/.exec(source)!;
  const bytes = Buffer.from(literal.replaceAll(/[^A-Za-z0-9+/=]|\+\n/g, ''), 'base64');
  expect(bytes.toString('hex')).toBe(compareKernel());
});
