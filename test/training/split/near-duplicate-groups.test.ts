import fc from 'fast-check';
import { createRandom } from 'pointsman/internal';
import { expect, test } from 'vitest';
import {
  bandRecords,
  createDisjointSets,
  groupNearDuplicates,
  groupsOfPairs,
  joinSimilarSets,
  pairsInBand,
  shingles,
} from '../../../training/split/near-duplicates.ts';

const words = 'red green blue fish bird stone river cloud train apple table window garden'.split(' ');

function sentence(seed: number, length: number): string[] {
  const random = createRandom(seed);
  return Array.from({ length }, () => words[random.integer(words.length)] + random.integer(50));
}

function jaccard(left: Uint32Array, right: Uint32Array): number {
  const shared = left.filter((element) => right.includes(element)).length;
  return shared / (left.length + right.length - shared);
}

test('every pair that brute force finds similar is joined, and nothing else', () => {
  const set = fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { maxLength: 14 });
  fc.assert(
    fc.property(fc.array(set, { maxLength: 40 }), fc.constantFrom(0.5, 0.8, 0.9), (lists, threshold) => {
      const sets = lists.map((list) =>
        Uint32Array.from(list, (element) => Math.imul(element, 0x9e3779b1) >>> 0),
      );
      const joined = createDisjointSets(sets.length);
      expect(joinSimilarSets(sets, threshold, joined)).toBe(0);
      const expected = createDisjointSets(sets.length);
      for (const [i, left] of sets.entries()) {
        for (let j = 0; j < i; j++) {
          if (left.length > 0 && jaccard(left, sets[j]) >= threshold - 1e-9) expected.join(i, j);
        }
      }
      for (const i of sets.keys()) expect(joined.find(i)).toBe(expected.find(i));
    }),
    { numRuns: 300 },
  );
});

test('case and white space do not part two texts, numbers and signs do', () => {
  const { groups, report } = groupNearDuplicates([
    'What is 17 + 25?',
    '  what is\n17 + 25? ',
    'What is 18 + 25?',
    'What is 17 - 25?',
    '',
    '   ',
  ]);
  expect([...groups]).toEqual([0, 0, 2, 3, 4, 4]);
  expect(report).toMatchObject({ texts: 6, groups: 4, largestGroup: 2, grouped: 4 });
});

test('a long text with one word changed is a near-duplicate', () => {
  const original = sentence(1, 60);
  const changed = original.with(30, 'other');
  const { groups } = groupNearDuplicates([original.join(' '), sentence(2, 60).join(' '), changed.join(' ')]);
  expect([...groups]).toEqual([0, 1, 0]);
});

test('scripts without spaces are compared by character', () => {
  const text = '今天天气很好我们一起去公园散步然后回家吃晚饭再看一部电影最后早点睡觉';
  const { groups } = groupNearDuplicates([text, text.replace('公园', '花园'), '完全不同的一句话']);
  expect([...groups]).toEqual([0, 0, 2]);
});

test('a template that would swallow the set is parted by a stricter threshold, and the report says so', () => {
  const template = sentence(3, 120);
  const texts = Array.from({ length: 400 }, (_, i) =>
    i % 2 === 0
      ? template
          .with(40, `${i}`)
          .with(80, `${i + 1}`)
          .join(' ')
      : sentence(i + 10, 40).join(' '),
  );
  texts.push(texts[0].toUpperCase());
  const { groups, report } = groupNearDuplicates(texts);
  expect(report.parted[0]).toEqual({ size: 201, threshold: 0.9 });
  expect(report.largestGroup).toBeLessThanOrEqual(2);
  expect(groups[400]).toBe(0);
});

test('any text can be grouped', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), (texts) => {
      const { groups } = groupNearDuplicates([...texts, ...texts]);
      for (const i of texts.keys()) expect(groups[i]).toBe(groups[i + texts.length]);
    }),
    { numRuns: 40 },
  );
});

test('shingles of a text repeat nothing', () => {
  expect(shingles('a b c a b c a b c').length).toBe(3);
  expect(shingles('a b').length).toBe(1);
  expect(shingles('').length).toBe(0);
});

test('templates with slots and unlike texts are told apart without reaching the bound on comparisons', () => {
  const template = sentence(5, 90);
  const texts = Array.from({ length: 3_000 }, (_, i) => {
    if (i % 2 === 0) return sentence(i, 100).join(' ');
    const slotted = [...template];
    for (let k = 0; k < 20; k++) slotted[k * 4] = `${i * 31 + k}`;
    return slotted.join(' ');
  });
  expect(groupNearDuplicates(texts).report).toMatchObject({ largestGroup: 1, bounded: 0 });
});

/** Groups of texts as shards find them: each part of each band by itself. */
function groupsByBand(texts: readonly string[], shards: number, parts: number): number[] {
  const keys = Float64Array.from(texts, (text) => texts.indexOf(text));
  const files = Array.from({ length: shards }, (_, shard) => {
    const rows = [...texts.keys()].filter((i) => i % shards === shard);
    return bandRecords(
      Float64Array.from(rows, (i) => keys[i]),
      rows.map((i) => texts[i]),
      parts,
    );
  });
  const pairs = files[0].map((_, part) => [...pairsInBand(Buffer.concat(files.map((file) => file[part])))]);
  const others = new Map(groupsOfPairs(Float64Array.from(pairs.flat()), texts.length));
  return [...keys].map((key) => others.get(key) ?? key);
}

test('texts on several shards are grouped band by band as texts in one place are, however they are cut', () => {
  const originals = Array.from({ length: 60 }, (_, i) => sentence(i + 10, 60));
  const texts = originals.flatMap((words, i) => [
    words.join(' '),
    ...(i % 3 === 0 ? [words.with(30, 'other').join(' ')] : []),
    ...(i % 5 === 0 ? [words.join(' ')] : []),
  ]);
  const { groups } = groupNearDuplicates(texts);
  for (const [shards, parts] of [
    [1, 1],
    [4, 1],
    [3, 5],
  ])
    expect(groupsByBand(texts, shards, parts)).toEqual([...groups]);
});

test('a template on several shards is parted by stricter thresholds, and at last by equal text', () => {
  const frame = sentence(3, 400);
  const texts = Array.from({ length: 200 }, (_, i) => frame.with(200, `slot${i}`).join(' '));
  const others = Array.from({ length: 100 }, (_, i) => sentence(1000 + i, 40).join(' '));
  const groups = groupsByBand([...texts, ...others, texts[0]], 3, 2);
  expect(new Set(groups.slice(0, 200)).size).toBeGreaterThan(190);
  expect(groups.at(-1)).toBe(groups[0]);
});

test('a text without words is a near-duplicate of nothing on shards', () => {
  expect(groupsByBand(['', 'a', '', 'b'], 2, 1)).toEqual([0, 1, 0, 3]);
  expect(groupsByBand([], 1, 1)).toEqual([]);
});
