import { createRandom } from 'pointsman/internal';
import { expect, it } from 'vitest';
import { cosineFidelity } from '../../../training/embed/use-embedder.ts';

const random = createRandom(5);
const unit = (width: number) => {
  const vector = Float32Array.from({ length: width }, () => random.normal());
  const length = Math.hypot(...vector);
  return vector.map((x) => x / length);
};

it('is 1 for the same vectors, however they are turned or mirrored', () => {
  const vectors = Array.from({ length: 20 }, () => unit(4));
  expect(cosineFidelity(vectors, vectors)).toBeCloseTo(1, 6);
  const turned = vectors.map(([a, b, c, d]) => Float32Array.of(-d, b, a, c));
  expect(cosineFidelity(turned, vectors)).toBeCloseTo(1, 6);
});

it('is near 0 for vectors that have nothing to do with one another', () => {
  const one = Array.from({ length: 150 }, () => unit(16));
  const other = Array.from({ length: 150 }, () => unit(16));
  expect(Math.abs(cosineFidelity(one, other))).toBeLessThan(0.05);
});

it('is the correlation that a hand calculation gives', () => {
  const at = (degrees: number) =>
    Float32Array.of(Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180));
  // Cosines of the pairs: 0.5, 0, √3/2 against 0, -1, 0.
  const value = cosineFidelity([at(0), at(60), at(90)], [at(0), at(90), at(180)]);
  expect(value).toBeCloseTo(0.907, 3);
});
