import { ArtifactError } from 'pointsman';
import {
  createNgramBlock,
  createNgramCounter,
  createTextScan,
  decodeNgramTable,
  scanText,
} from 'pointsman/internal';
import { expect, test } from 'vitest';
import { encodeNgramTable, fitNgramTable } from '../../../training/features/fit-ngrams.ts';

const spec = { buckets: 1024, wordOrder: 2, characterFrom: 3, characterTo: 4 };
const texts = Array.from({ length: 40 }, (_, i) =>
  i % 2 === 0 ? `translate the sentence number ${i} into french` : `compute the sum of ${i} and ${i + 7}`,
);
const table = fitNgramTable(texts, { ...spec, dimensions: 4, seed: 0 });

function vector(text: string): number[] {
  const scan = createTextScan();
  scanText(text, scan);
  const out = new Float32Array(4);
  createNgramBlock(createNgramCounter(spec), table).writeInto(scan, out, 0);
  return [...out];
}

function cosine(a: number[], b: number[]): number {
  const dot = (x: number[], y: number[]) => x.reduce((sum, value, i) => sum + value * y[i], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

test('prompts of one kind point the same way, prompts of two kinds do not', () => {
  const translation = vector('please translate this sentence into french');
  const sum = vector('compute the sum of 3 and 4 for me');
  expect(cosine(translation, vector(texts[0]))).toBeGreaterThan(0.9);
  expect(cosine(sum, vector(texts[1]))).toBeGreaterThan(0.9);
  expect(cosine(translation, sum)).toBeLessThan(0.6);
});

test('a vector is never longer than the unit vector it is projected from', () => {
  for (const text of texts) {
    const length = Math.hypot(...vector(text));
    expect(length).toBeLessThan(1.02);
    expect(length).toBeGreaterThan(0.3);
  }
});

test('a prompt with no known n-gram gives zeros', () => {
  expect(vector('')).toEqual([0, 0, 0, 0]);
});

test('decoding undoes encoding', () => {
  expect(decodeNgramTable(encodeNgramTable(table), 1024, 4)).toEqual(table);
});

test('a truncated table is refused', () => {
  expect(() => decodeNgramTable(encodeNgramTable(table).subarray(1), 1024, 4)).toThrow(ArtifactError);
});

test('numbers of the same length count as the same', () => {
  expect(vector('compute the sum of 12 and 34')).toEqual(vector('compute the sum of 98 and 76'));
});
